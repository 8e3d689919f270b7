"""Reads the values of one ExternalSecret: all entries, through their stores, with few calls.

First every store is looked up and checked, and every identity is determined; if one fails, nothing
is read from AWS. Then all refs of one identity and region are read in one call of the engine, side
by side with searches and generators. The rest is work on values, away from the event loop.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice, repeat
from time import monotonic
from typing import NamedTuple

from provider.controller.identity.store_identity import Identities
from provider.controller.identity.stores import Stores
from provider.controller.resources.external_secret import Data, ExternalSecretSpec, Find
from provider.controller.resources.store_ref import GeneratorRef, StoreRef
from provider.controller.scheduling.cpu_work import CpuWork, Expired
from provider.controller.values.bounded_reads import MOST_BYTES, size_of, too_large
from provider.controller.values.entries import Entry, Fetched, Result, Values, assemble, entries_of
from provider.controller.values.find import Finder
from provider.controller.values.generators import Generators
from provider.controller.values.policy_check import check_reads, raise_if_refused
from provider.controller.values.remote_refs import secret_ref
from provider.controller.values.secret_reads import (
    Answers,
    FetchRequest,
    Source,
    check_lost_versions,
    read_secrets,
)
from provider.controller.values.sync_record import Session
from provider.engine.failover import Reader
from provider.engine.freshness import Freshness
from provider.engine.model import SecretRef
from provider.errors import InvalidRequest, OutOfTime, PolicyViolation, ProviderError
from provider.policy import rules
from provider.policy.rules import ALLOW_ALL, Policy

SHARED_SECONDS = 60.0
"""A periodic refresh takes what was asked for in this time, or in a tenth of its interval."""
LIGHT_BYTES = 4096
"""Of the JSON that is searched in the event loop, which takes a millisecond or a few."""
MOST_AHEAD = 500
"""Entries of other ExternalSecrets that are looked at, to fill up calls."""
BYTES_AS_ONE = 16
"""Bytes that are only decoded or copied count as one that is searched."""
_PLAIN_PROPERTY = re.compile(r"[\w-]+(\.[\w-]+){0,5}")

AT_A_TIME = 20
"""Stores that one ExternalSecret looks up, and sessions in which it reads, before others go on."""

Sources = Mapping[StoreRef, Source]


class Read(NamedTuple):
    """One secret, and the store and session in which it is read."""

    source: Source
    session: Session
    ref: SecretRef


def periodic(interval: float, now: float) -> Freshness:
    """How new the values of a periodic refresh must be; `interval` in seconds."""
    return Freshness.asked_since(now - min(SHARED_SECONDS, interval / 10))


class Fetcher:
    """One for the process."""

    def __init__(  # noqa: PLR0913 (all by name)
        self,
        *,
        stores: Stores,
        identities: Identities,
        reader: Reader,
        finder: Finder,
        generators: Generators,
        cpu_work: CpuWork,
        policy: Policy = ALLOW_ALL,
    ) -> None:
        self._stores = stores
        self._identities = identities
        self._reader = reader
        self._finder = finder
        self._generators = generators
        self._cpu_work = cpu_work
        self._policy = policy

    async def fetch(
        self, spec: ExternalSecretSpec, asked: FetchRequest, also: Iterable[ExternalSecretSpec] = ()
    ) -> Fetched:
        """The keys and values of the Secret; raises ProviderError.

        `also` are ExternalSecrets of the same namespace that are due as well. Their refs fill up
        batches that are sent anyway, and their values are then in memory when they are reconciled.
        """
        entries = entries_of(spec)
        sources = await self._sources(entries, asked)
        reads = list(_reads(entries, sources))
        names = list(dict.fromkeys(one.ref.name for one in reads if one is not None))
        check_reads(self._policy, asked.namespace, sources.values(), names)
        skip_missing = spec.target.deletion_policy != "Retain"
        ahead = self._ahead(tuple(also), sources, asked.namespace)
        async with asyncio.TaskGroup() as tasks:
            answers = tasks.create_task(
                self._answers(reads, asked, ahead, skip_missing=skip_missing)
            )
            others = tasks.create_task(self._others(entries, sources, asked))
        results = list(_results(reads, answers.result(), others.result()))

        def is_late(_steps: int = 0, /) -> bool:
            return monotonic() >= asked.deadline

        def work(expired: Expired) -> Fetched:
            def is_over(steps: int = 0, /) -> bool:
                return expired(steps) or is_late()

            return assemble(entries, results, skip_missing=skip_missing, expired=is_over)

        light = is_light(entries, results)
        fetched = work(is_late) if light else await self._cpu_work.run(asked.namespace, work)
        asked.record.keep_keys(fetched.generated)
        return fetched

    async def _sources(self, entries: Sequence[Entry], asked: FetchRequest) -> Sources:
        """The stores of all entries; raises the first failure in their order."""
        sources: dict[StoreRef, Source] = {}
        for entry in entries:
            if isinstance(entry.what, GeneratorRef) or entry.store in sources:
                continue
            if len(sources) % AT_A_TIME == 0:
                await asyncio.sleep(0)
            try:
                async with asyncio.timeout(asked.deadline - monotonic()):
                    sources[entry.store] = await self._source(entry.store, asked)
            except TimeoutError:
                what = "Kubernetes did not give the credentials of the store in time"
                raise OutOfTime(f"{entry.context}: {what}") from None
            except ProviderError as error:
                raise error.in_context(entry.context) from error
        return sources

    async def _source(self, ref: StoreRef, asked: FetchRequest) -> Source:
        store = self._stores.usable(ref, asked.namespace)
        since = asked.freshness.since
        principal = await self._identities.of_store(store, asked.namespace, since)
        if store.spec is None or store.spec.provider.aws is None:
            raise InvalidRequest(f"the store {ref.name} is not one of AWS")
        return Source(store.spec.provider.aws, principal)

    def _ahead(
        self, also: Sequence[ExternalSecretSpec], sources: Sources, namespace: str
    ) -> Callable[[Session], Iterator[SecretRef]]:
        """What other ExternalSecrets want in a session. They are looked through if one asks."""

        @cache
        def wanted() -> Mapping[Session, Sequence[SecretRef]]:
            return _by_session(_reads(islice(_entries_of_all(also), MOST_AHEAD), sources))

        def ahead(session: Session) -> Iterator[SecretRef]:
            for ref in wanted().get(session, ()):
                if self._allows(namespace, ref):
                    yield ref

        return ahead

    async def _answers(
        self,
        reads: Sequence[Read | None],
        asked: FetchRequest,
        ahead: Callable[[Session], Iterator[SecretRef]],
        *,
        skip_missing: bool,
    ) -> Mapping[Session, Answers]:
        """What each session reads; those of one session together. Failures are answers."""
        used = {one.session: one.source for one in reads if one is not None}
        turn = asyncio.Semaphore(AT_A_TIME)

        async def read(session: Session, refs: Sequence[SecretRef]) -> Answers:
            async with turn:
                source = used[session]
                answers = await read_secrets(self._reader, source, refs, ahead(session), asked)
                if skip_missing:
                    return await check_lost_versions(self._reader, source, answers, asked)
                return answers

        wanted = _by_session(reads)
        async with asyncio.TaskGroup() as tasks:
            made = {one: tasks.create_task(read(one, refs)) for one, refs in wanted.items()}
        return {session: task.result() for session, task in made.items()}

    async def _others(
        self, entries: Sequence[Entry], sources: Sources, asked: FetchRequest
    ) -> Iterator[Result]:
        """What searches and generators give, in order. One after the other: each may be large."""
        results: list[Result] = []
        size = 0
        for entry in entries:
            if entry.remote is not None:
                continue
            result = await _caught(self._made(entry, sources, asked))
            size += 0 if isinstance(result, ProviderError | bytes) else size_of(result.values())
            if size > MOST_BYTES:
                return chain(results, repeat(too_large()))
            results.append(result)
        return iter(results)

    def _allows(self, namespace: str, ref: SecretRef) -> bool:
        """Whether the policy allows a secret that is not asked for yet."""
        try:
            raise_if_refused(self._policy, rules.AccessRequest(namespace, names=[ref.name]))
        except PolicyViolation:
            return False
        return True

    async def _made(self, entry: Entry, sources: Sources, asked: FetchRequest) -> Values:
        """What a search or a generator gives."""
        if isinstance(entry.what, Find):
            source = sources[entry.store]
            try:
                return await self._finder.find(entry.what, source, asked)
            except ProviderError as error:
                raise source.failed(error) from error
        if isinstance(entry.what, GeneratorRef):
            return await self._generators.generate(entry.what, asked)
        raise TypeError("the entry is neither a search nor a generator")


async def _caught(work: Awaitable[Values]) -> Result:
    try:
        return await work
    except ProviderError as error:
        return error


def _entries_of_all(specs: Iterable[ExternalSecretSpec]) -> Iterator[Entry]:
    """The entries of several ExternalSecrets."""
    return (entry for spec in specs for entry in entries_of(spec))


def _reads(entries: Iterable[Entry], sources: Sources) -> Iterator[Read | None]:
    """What each entry reads; None for searches, generators and stores that are not in use."""
    sessions = {store: source.session for store, source in sources.items()}
    for entry in entries:
        source, remote = sources.get(entry.store), entry.remote
        if source is None or remote is None:
            yield None
        else:
            yield Read(source, sessions[entry.store], secret_ref(remote, source.aws))


def _by_session(reads: Iterable[Read | None]) -> Mapping[Session, Sequence[SecretRef]]:
    wanted: dict[Session, list[SecretRef]] = {}
    for one in reads:
        if one is not None:
            wanted.setdefault(one.session, []).append(one.ref)
    return wanted


def _results(
    reads: Iterable[Read | None], answers: Mapping[Session, Answers], others: Iterator[Result]
) -> Iterator[Result]:
    """What each entry is made of, in order."""
    for one in reads:
        yield next(others) if one is None else answers[one.session][one.ref]


def is_light(entries: Sequence[Entry], results: Sequence[Result]) -> bool:
    """Whether the work on the values may be done in the event loop."""
    work = 0
    for entry, result in zip(entries, results, strict=True):
        if isinstance(result, ProviderError):
            continue
        if not (isinstance(entry.what, Data) and isinstance(result, bytes)):
            return False
        wanted = entry.what.remote_ref.property
        if wanted and not _PLAIN_PROPERTY.fullmatch(wanted):
            return False
        work += len(result) if wanted else BYTES_AS_ONE + len(result) // BYTES_AS_ONE
    return work <= LIGHT_BYTES
