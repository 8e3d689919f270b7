"""Reads refs from one region as one identity, with as few calls as possible.

For each ref, in this order: the remembered value, if it is fresh enough; a call in flight that asks
the same; the version alone, if a value is remembered and the store can tell it; the value itself.
Calls go side by side, in batches where the store takes them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from math import inf
from time import monotonic
from typing import Any, TypeVar

from provider.engine.calls import Calls
from provider.engine.freshness import Freshness
from provider.engine.model import MISSING, Access, SecretRef, SecretValue, StoreName
from provider.engine.ports import Principal, Store
from provider.engine.single_flight import SharedTask
from provider.engine.trace import Event, Trace
from provider.engine.value_cache import Key, Remembered, ValueCache, is_fresh
from provider.engine.value_memory import RequestMemory
from provider.errors import (
    AccessDenied,
    CredentialsExpired,
    ProviderError,
    SecretNotFound,
)

T = TypeVar("T")

Answer = SecretValue | ProviderError
"""A value, or the error in its place."""


@dataclass(frozen=True, slots=True)
class Query:
    """What all refs of one request have in common. `deadline` is a time of `time.monotonic`.

    Without `memory` there is no limit to the size of its values.
    """

    principal: Principal
    freshness: Freshness
    deadline: float
    trace: Trace
    memory: RequestMemory | None = None

    def taken(self, answer: Answer) -> Answer:
        """The answer, or the error if its value does not fit into the memory."""
        return answer if self.memory is None else self.memory.take(answer)


class Call(SharedTask[Mapping[Key, Answer]]):
    """A call in flight, of one ref or of a batch; `work` gets the call itself."""

    asked_at = inf
    """When it was sent last (`time.monotonic`); infinity: not yet."""
    waits_in = ""
    """The namespace in whose share it waits to be sent; empty: it does not."""

    def __init__(self, work: Callable[["Call"], Coroutine[Any, Any, Mapping[Key, Answer]]]) -> None:
        super().__init__(work(self))


@dataclass(slots=True, eq=False)
class Values:
    """One for the process. `observe` gets how each value was found."""

    stores: Mapping[StoreName, Store]
    cache: ValueCache
    calls: Calls
    observe: Callable[[Event], None]
    clock: Callable[[], float] = monotonic
    _reads: dict[Key, Call] = field(default_factory=dict, init=False)
    _validations: dict[Key, Call] = field(default_factory=dict, init=False)

    def recall(self, key: Key, freshness: Freshness) -> Remembered | None:
        """The remembered value if it may be used without a call; `use` counts it."""
        remembered, now = self.cache.get(key), self.clock()
        if remembered is None or not is_fresh(remembered, key.ref, freshness, now):
            return None
        is_immutable = key.ref.is_immutable and remembered.value.found
        return replace(remembered, validated_at=now) if is_immutable else remembered

    def needs_call(self, key: Key, query: Query) -> bool:
        """Whether neither memory nor a call in flight has the value."""
        return self.recall(key, query.freshness) is None and self._in_flight(key, query) is None

    def use(self, recalled: Remembered, trace: Trace) -> SecretValue:
        """The value of `recalled`, counted as a call that was saved."""
        return self._found("memory", recalled.value, recalled.validated_at, trace)

    def read(
        self, refs: Iterable[SecretRef], region: str, query: Query
    ) -> dict[SecretRef, asyncio.Future[Answer]]:
        """A future of each ref's answer. Cancel those that are not wanted any more."""
        identity = query.principal.identity
        futures: dict[SecretRef, asyncio.Future[Answer]] = {}
        unknown: list[Key] = []
        for ref in dict.fromkeys(refs):
            key = Key(identity, region, ref)
            if (recalled := self.recall(key, query.freshness)) is not None:
                futures[ref] = asyncio.get_running_loop().create_future()
                futures[ref].set_result(query.taken(self.use(recalled, query.trace)))
            elif (call := self._in_flight(key, query)) is not None:
                self._count_joined(call, query.trace)
                futures[ref] = self._join(call, key, query)
            else:
                unknown.append(key)
        for key, call in self._start_calls(unknown, query):
            futures[key.ref] = self._join(call, key, query)
        return futures

    @staticmethod
    def _join(call: Call, key: Key, query: Query) -> asyncio.Future[Answer]:
        return call.join_for(lambda answers: query.taken(answers[key]))

    def _in_flight(self, key: Key, query: Query) -> Call | None:
        """A call that asks the same and is fresh enough; reads serve validations as well.

        None that waits for the turn of another tenant: that may take long.
        """
        candidates = [self._reads.get(key)]
        if not query.freshness.by_reading:
            candidates.append(self._validations.get(key))
        for call in candidates:
            if call is None or not call.is_open or call.asked_at < query.freshness.since:
                continue
            if call.waits_in in ("", query.principal.tenant):
                return call
        return None

    def _start_calls(self, keys: Sequence[Key], query: Query) -> Iterator[tuple[Key, Call]]:
        to_read = []
        for key in keys:
            if not query.freshness.by_reading and self._may_describe(key):
                call = Call(partial(self._validate, key=key, query=query))
                yield key, call.kept_in(self._validations, [key])
            else:
                to_read.append(key)
        for batch in self._batches(to_read):
            call = self._start_read(batch, query)
            yield from ((key, call) for key in batch)

    def _batches(self, keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
        by_store = sorted(keys, key=lambda key: key.ref.store)
        for store, group in groupby(by_store, key=lambda key: key.ref.store):
            same, size = list(group), self.stores[store].batch_size
            yield from (same[at : at + size] for at in range(0, len(same), size))

    def _may_describe(self, key: Key) -> bool:
        """Whether asking for the version of a remembered value is possible and enough."""
        known = self.cache.get(key)
        if known is None or not (known.may_describe and known.value.found):
            return False
        return self.stores[key.ref.store].can_describe and not known.needs_reading(self.clock())

    def _start_read(self, keys: Sequence[Key], query: Query) -> Call:
        return Call(lambda call: self._read(call, keys, query)).kept_in(self._reads, keys)

    async def _read(self, call: Call, keys: Sequence[Key], query: Query) -> Mapping[Key, Answer]:
        store, refs = self.stores[keys[0].ref.store], [key.ref for key in keys]
        try:
            answers = await self._ask(
                call, keys[0].region, query, lambda access: store.read(refs, access)
            )
        except ProviderError as error:
            answers = dict.fromkeys(refs, copy(error))
        return {key: self._learn(key, answers[key.ref], call, query) for key in keys}

    async def _validate(self, call: Call, key: Key, query: Query) -> Mapping[Key, Answer]:
        """The remembered value if its version is still the current one, else a new one."""
        store, version = self.stores[key.ref.store], None
        try:
            version = await self._ask(
                call, key.region, query, lambda access: store.current_version(key.ref, access)
            )
        except AccessDenied:
            # The right to read does not imply the right to describe: do not ask again.
            if (known := self.cache.get(key)) is not None:
                self.cache.put(key, replace(known, may_describe=False))
        except ProviderError as error:
            if not (key.ref.optional and isinstance(error, SecretNotFound)):
                return {key: self._learn(key, error, call, query)}
        known = self.cache.get(key)  # as it is now: a refusal may have ended it meanwhile
        if known is not None and version == known.value.version:
            self.cache.put(key, known.validated(call.asked_at))
            return {key: self._found("validated", known.value, call.asked_at, query.trace)}
        since = Freshness.asked_since(call.asked_at)
        read = self._in_flight(key, replace(query, freshness=since))
        if read is None:
            read = self._start_read([key], query)
        else:
            self._count_joined(read, query.trace)
        return await read.join()

    async def _ask(
        self, call: Call, region: str, query: Query, send: Callable[[Access], Awaitable[T]]
    ) -> T:
        def waiting() -> None:
            call.waits_in = query.principal.tenant

        def sending() -> None:
            query.trace.calls += 1
            call.asked_at, call.waits_in = self.clock(), ""

        return await self.calls.make(query.principal, region, send, sending, waiting)

    def _learn(self, key: Key, answer: Answer, call: Call, query: Query) -> Answer:
        """Remember a value; a refusal ends what was known."""
        if key.ref.optional and isinstance(answer, SecretNotFound):
            answer = MISSING
        if isinstance(answer, ProviderError):
            # Without traceback and causes, whose frames take more than a request of many refs may.
            answer = copy(answer)
            if not (answer.retryable or isinstance(answer, CredentialsExpired)):
                self.cache.forget(key)
            return answer
        asked_at, known = call.asked_at, self.cache.get(key)
        may_describe = known is None or known.may_describe
        self.cache.put(key, Remembered(answer, asked_at, asked_at, may_describe=may_describe))
        return self._found("fetched", answer, asked_at, query.trace)

    def _found(
        self, how: Event, value: SecretValue, current_at: float, trace: Trace
    ) -> SecretValue:
        """The value, counted by how it was found."""
        self._count(how if value.found else "missing", current_at, trace)
        return value

    def _count_joined(self, call: Call, trace: Trace) -> None:
        self._count("joined", min(call.asked_at, self.clock()), trace)

    def _count(self, how: Event, current_at: float, trace: Trace) -> None:
        self.observe(how)
        trace.value(how, current_at)
