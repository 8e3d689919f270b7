"""Reads everything that one request wants, from one region or from two.

With a failover region, a read asks both side by side: the value of the primary region wins, a
refusal in either is final, and only a transient failure of one region is covered by the other. A
validation asks the failover region only for what the primary does not answer.

That an optional ref does not exist counts from the primary alone. The failover region may lack what
was never replicated to it, and an outage of the primary must not remove anything.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from provider.engine.credentials import CredentialCache
from provider.engine.freshness import Freshness
from provider.engine.model import Identity, SecretRef, SecretValue
from provider.engine.trace import Trace
from provider.engine.value_cache import Key, Remembered
from provider.engine.values import Answer, Query, Values
from provider.errors import AwsUnavailable, CredentialsExpired, OutOfTime, ProviderError

AT_A_TIME = 100
"""Refs of one request that are read or wait at a time, some 4 KiB each: several times the calls
that an identity may have in flight."""

GRACE_SECONDS = 3.0
"""How long a region may delay an answer once the other one has answered."""

Future = asyncio.Future[Answer]


@dataclass(frozen=True, slots=True)
class Regions:
    """Where to ask: the primary region and, where there is one, the failover region."""

    primary: str
    failover: str | None = None


class Wanted(NamedTuple):
    """One ref, and what to ask for in the failover region; None: the same."""

    ref: SecretRef
    failover: SecretRef | None = None

    @property
    def other(self) -> SecretRef:
        return self.failover or self.ref


@dataclass(frozen=True, slots=True)
class Found:
    """A value (or that an optional one does not exist), and the region that it comes from."""

    value: SecretValue
    region: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no value, and the region that this is about."""

    region: str
    error: ProviderError


Outcome = Found | Failed


@dataclass(frozen=True, slots=True)
class Reader:
    """One for the process. `grace` is in seconds."""

    values: Values
    credentials: CredentialCache
    grace: float = GRACE_SECONDS

    def recall(
        self,
        wanted: Sequence[Wanted],
        regions: Regions,
        identity: Identity,
        freshness: Freshness,
        trace: Trace,
    ) -> list[Found] | None:
        """All values from memory; None if even one of them needs a call."""
        found = []
        for one in wanted:
            recalled = self._recall(one, regions, identity, freshness)
            if recalled is None:
                return None
            found.append(recalled)
        return [Found(self.values.use(one, trace), region) for region, one in found]

    def needs_call(self, ref: SecretRef, region: str, query: Query) -> bool:
        """Whether reading a ref there now would make a call of its own."""
        return self.values.needs_call(Key(query.principal.identity, region, ref), query)

    async def read(self, wanted: Sequence[Wanted], regions: Regions, query: Query) -> list[Outcome]:
        """The outcome of each, in order. Raises where there are no credentials for any of them."""
        await self.credentials.require(query.principal, query.deadline)
        outcomes: dict[Wanted, Outcome] = {}
        unique = list(dict.fromkeys(wanted))
        for at in range(0, len(unique), AT_A_TIME):
            if at and monotonic() >= query.deadline:
                break
            outcomes |= await self._read(unique[at : at + AT_A_TIME], regions, query)
        return [outcomes.get(one) or _late(regions.primary) for one in wanted]

    async def _read(
        self, wanted: Sequence[Wanted], regions: Regions, query: Query
    ) -> dict[Wanted, Outcome]:
        primary, failover = regions.primary, regions.failover
        if failover is None:
            with self._asked((one.ref for one in wanted), primary, query) as answers:
                await _wait(answers.values(), query.deadline)
                return {one: _outcome(primary, answers[one.ref]) for one in wanted}
        at_once = query.freshness.by_reading
        outcomes = {} if at_once else self._recalled(wanted, regions, query)
        unknown = lacking = [one for one in wanted if one not in outcomes]
        with self._asked((one.ref for one in unknown), primary, query) as first:
            if not at_once:
                await _wait(first.values(), min(query.deadline, monotonic() + self.grace))
                lacking = [one for one in unknown if _may_be_covered(first[one.ref])]
            with self._asked((one.other for one in lacking), failover, query) as second:
                pairs = [(first[one.ref], second[one.other]) for one in lacking]
                await _wait_for_pairs(pairs, query.deadline, self.grace if at_once else 0)
                outcomes |= {one: _outcome(primary, first[one.ref]) for one in unknown}
                for one in lacking:
                    outcomes[one] = _judge(outcomes[one], _outcome(failover, second[one.other]))
        return outcomes

    def _recalled(
        self, wanted: Iterable[Wanted], regions: Regions, query: Query
    ) -> dict[Wanted, Outcome]:
        """What memory has of either region."""
        found: dict[Wanted, Outcome] = {}
        for one in wanted:
            known = self._recall(one, regions, query.principal.identity, query.freshness)
            if known is not None:
                region, remembered = known
                found[one] = Found(self.values.use(remembered, query.trace), region)
        return found

    def _recall(
        self, one: Wanted, regions: Regions, identity: Identity, freshness: Freshness
    ) -> tuple[str, Remembered] | None:
        """What memory has, and of which region."""
        remembered = self.values.recall(Key(identity, regions.primary, one.ref), freshness)
        if remembered is not None:
            return regions.primary, remembered
        if regions.failover is None:
            return None
        remembered = self.values.recall(Key(identity, regions.failover, one.other), freshness)
        if remembered is None or not remembered.value.found:
            return None
        return regions.failover, remembered

    @contextmanager
    def _asked(
        self, refs: Iterable[SecretRef], region: str, query: Query
    ) -> Iterator[Mapping[SecretRef, Future]]:
        """Futures of the answers, cancelled after the block: calls go on for other requests."""
        answers = self.values.read(refs, region, query)
        try:
            yield answers
        finally:
            for answer in answers.values():
                answer.cancel()


async def _wait(futures: Iterable[Future], deadline: float, *, first: bool = False) -> None:
    """Wait until all (or the first) are done, or the deadline has passed."""
    waiting = {future for future in futures if not future.done()}
    if waiting:
        until = asyncio.FIRST_COMPLETED if first else asyncio.ALL_COMPLETED
        await asyncio.wait(waiting, timeout=max(0.0, deadline - monotonic()), return_when=until)


async def _wait_for_pairs(
    pairs: Sequence[tuple[Future, Future]], deadline: float, grace: float
) -> None:
    """Wait until each pair has an answer that counts, then `grace` seconds for the rest."""
    for pair in pairs:
        while not _is_settled(pair) and monotonic() < deadline:
            await _wait(pair, deadline, first=True)
    rest = {future for pair in pairs for future in pair}
    await _wait(rest, min(deadline, monotonic() + grace))


def _is_settled(pair: tuple[Future, Future]) -> bool:
    """Whether one holds an answer that the other cannot change, or both are done."""
    primary, failover = pair
    if not _may_be_covered(primary) or (primary.done() and failover.done()):
        return True
    if _may_be_covered(failover):
        return False
    answer = failover.result()
    return isinstance(answer, ProviderError) or answer.found


def _may_be_covered(future: Future) -> bool:
    """Whether the other region may answer instead: no answer yet, or a transient failure."""
    if not future.done():
        return True
    answer = future.result()
    return isinstance(answer, ProviderError) and _is_coverable(answer)


def _is_coverable(error: ProviderError) -> bool:
    return error.retryable or isinstance(error, CredentialsExpired)


def _outcome(region: str, future: Future) -> Outcome:
    if not future.done():
        return _late(region)
    answer = future.result()
    return Failed(region, answer) if isinstance(answer, ProviderError) else Found(answer, region)


def _late(region: str) -> Failed:
    text = "no answer in time. Check that this region's endpoints can be reached from the node."
    return Failed(region, OutOfTime(text))


def _judge(primary: Outcome, failover: Outcome) -> Outcome:
    for outcome in (primary, failover):
        if isinstance(outcome, Failed) and not _is_coverable(outcome.error):
            return outcome
    if isinstance(primary, Found):
        return primary
    if isinstance(failover, Found) and failover.value.found:
        return failover
    why = "it has no such secret." if isinstance(failover, Found) else failover.error
    text = f"{primary.error} The failover region {failover.region} did not help either: {why}"
    return Failed(primary.region, AwsUnavailable(text))
