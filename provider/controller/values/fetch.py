"""Reads the values of one ExternalSecret: all entries, through their stores, with few calls.

First every store is looked up and checked, and every identity is determined; if one fails, nothing
is read from AWS. Then all refs of one identity and region are read in one call of the engine, side
by side with searches and generators. The rest is work on values, away from the event loop.
"""

import asyncio
import re
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from time import monotonic

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

Sources = Mapping[StoreRef, Source]


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
        names = list(dict.fromkeys(_names(entries, sources)))
        check_reads(self._policy, asked.namespace, sources.values(), names)
        skip_missing = spec.target.deletion_policy != "Retain"
        others = tuple(also)
        results = await self._results(entries, sources, asked, others, skip_missing=skip_missing)

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

    async def _results(
        self,
        entries: Sequence[Entry],
        sources: Sources,
        asked: FetchRequest,
        also: Sequence[ExternalSecretSpec],
        *,
        skip_missing: bool,
    ) -> list[Result]:
        """What each entry is made of, in order. Failures are results."""

        async def read(source: Source) -> Answers:
            own = list(_refs(entries, sources, source.session))
            others = islice(_entries_of_all(also), MOST_AHEAD)
            more = _refs(others, sources, source.session)
            ahead = (ref for ref in more if self._allows(asked.namespace, ref))
            answers = await read_secrets(self._reader, source, own, ahead, asked)
            if skip_missing:
                return await check_lost_versions(self._reader, source, answers, asked)
            return answers

        async with asyncio.TaskGroup() as tasks:
            reads = {
                session: tasks.create_task(read(source))
                for session, source in _sessions(entries, sources).items()
            }
            making = tasks.create_task(self._others(entries, sources, asked))
        others = making.result()
        return [
            next(others) if entry.remote is None else _of(entry, sources, reads)
            for entry in entries
        ]

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


def _sessions(entries: Iterable[Entry], sources: Sources) -> dict[Session, Source]:
    """The sessions in which single secrets are read, each with one of its stores."""
    wanted = (sources[entry.store] for entry in entries if entry.remote is not None)
    return {source.session: source for source in wanted}


def _entries_of_all(specs: Iterable[ExternalSecretSpec]) -> Iterator[Entry]:
    """The entries of several ExternalSecrets."""
    return (entry for spec in specs for entry in entries_of(spec))


def _refs(entries: Iterable[Entry], sources: Sources, session: Session) -> Iterator[SecretRef]:
    """What entries want in a session; those of other stores want nothing."""
    for entry in entries:
        source = sources.get(entry.store)
        if entry.remote is not None and source is not None and source.session == session:
            yield secret_ref(entry.remote, source.aws)


def _names(entries: Iterable[Entry], sources: Sources) -> Iterator[str]:
    """The names that entries read. What a search finds is not among them."""
    for entry in entries:
        source = sources.get(entry.store)
        if source is not None and entry.remote is not None:
            yield secret_ref(entry.remote, source.aws).name


def _of(entry: Entry, sources: Sources, reads: Mapping[Session, "asyncio.Task[Answers]"]) -> Result:
    source = sources[entry.store]
    if entry.remote is None:
        raise TypeError("the entry reads no single secret")
    return reads[source.session].result()[secret_ref(entry.remote, source.aws)]


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
