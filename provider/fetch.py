"""All secrets of a mount, from one region or two.

With a failover region a first mount asks both side by side: the primary's value wins, a refusal in
either is final, and only what is nobody's fault in one region is covered by the other. A remount
asks the failover region only for what the primary does not answer.

Of an optional object "there is none" counts from the primary alone. The failover region may lack
what was never copied to it, and no outage of the primary may take files away from a pod.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass

from provider.answers import Answer, Recalled
from provider.ask import Asker
from provider.credentials import Identity
from provider.deadline import Deadline
from provider.errors import (
    AwsUnavailable,
    CredentialsExpired,
    OutOfTime,
    ProviderError,
    Unavailable,
)
from provider.question import Freshness, Question
from provider.spec.models import ObjectRef, SecretObject
from provider.store import SecretValue
from provider.trail import Trail

GRACE = 3.0
"""Seconds that a region may keep a mount waiting once the other one has answered."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Where to ask: the primary region and, if the class names one, the failover region."""

    primary: str
    failover: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object's value, or that it has none, and the region that says so."""

    object: SecretObject
    region: str
    value: SecretValue


@dataclass(frozen=True, slots=True)
class ObjectFailure:
    """Why an object has no files, and in which region that came out."""

    object: SecretObject
    region: str
    error: ProviderError

    def __str__(self) -> str:
        return f"{self._where}: {self.error}"

    @property
    def brief(self) -> str:
        """What failed and the reason, without the details."""
        return f"{self._where}: {self.error.reason}"

    @property
    def _where(self) -> str:
        ref = self.object.ref
        return f'{self.object.path} "{ref.name}" ({ref.store}, {self.region})'


Outcome = Fetched | ObjectFailure


class Fetcher:
    """Thread-safe; one for the process."""

    def __init__(self, asker: Asker, grace: float = GRACE) -> None:
        self._asker = asker
        self._grace = grace

    def recall(
        self,
        objects: Sequence[SecretObject],
        regions: Regions,
        identity: Identity,
        freshness: Freshness,
        trail: Trail,
    ) -> list[Fetched] | None:
        """All values from memory, or None if even one of them needs a call."""
        found = []
        for obj in objects:
            recalled = self._recall(obj, regions, identity, freshness)
            if recalled is None:
                return None
            found.append((obj, *recalled))
        return [Fetched(obj, region, self._asker.take(one, trail)) for obj, region, one in found]

    def fetch(
        self, objects: Sequence[SecretObject], regions: Regions, question: Question
    ) -> list[Outcome]:
        """The outcome of each object, in order; raises only what concerns all of them."""
        if regions.failover is None:
            return self._from_one(objects, regions.primary, question)
        if question.freshness.by_fetch:
            return self._from_both(objects, regions.primary, regions.failover, question)
        return self._from_primary_first(objects, regions, regions.failover, question)

    def _recall(
        self, obj: SecretObject, regions: Regions, identity: Identity, freshness: Freshness
    ) -> tuple[str, Recalled] | None:
        """What memory has of an object, and of which region."""
        for region, ref in ((regions.primary, obj.ref), (regions.failover, obj.failover)):
            if region is not None and ref is not None:
                recalled = self._asker.recall(ref, region, identity, freshness)
                if recalled and (recalled.value.found or region == regions.primary):
                    return region, recalled
        return None

    def _from_one(
        self, objects: Sequence[SecretObject], region: str, question: Question
    ) -> list[Outcome]:
        deadline = question.deadline
        answers = self._asker.ask((obj.ref for obj in objects), region, question, here=True)
        wait(answers.values(), timeout=deadline.remaining())
        outcomes = [_outcome(obj, region, answers[obj.ref]) for obj in objects]
        # Somebody else's question may have run out of *their* time, which says nothing about ours.
        again = [one.object.ref for one in outcomes if _ran_out_of_time(one)]
        if not again or deadline.passed:
            return outcomes
        answers |= self._asker.ask(again, region, question, here=True)
        wait(answers.values(), timeout=deadline.remaining())
        return [_outcome(obj, region, answers[obj.ref]) for obj in objects]

    def _from_both(
        self, objects: Sequence[SecretObject], primary: str, failover: str, question: Question
    ) -> list[Outcome]:
        first = self._asker.ask((obj.ref for obj in objects), primary, question)
        second = self._asker.ask(map(_failover_ref, objects), failover, question)
        pairs = [(first[obj.ref], second[_failover_ref(obj)]) for obj in objects]
        self._await(pairs, question.deadline, self._grace)
        return [
            _judge(_outcome(obj, primary, ours), _outcome(obj, failover, theirs))
            for obj, (ours, theirs) in zip(objects, pairs, strict=True)
        ]

    def _from_primary_first(
        self, objects: Sequence[SecretObject], regions: Regions, failover: str, question: Question
    ) -> list[Outcome]:
        """Recall what either region still vouches for, ask the primary, then the other."""
        identity, freshness = question.principal.identity, question.freshness
        outcomes: dict[int, Outcome] = {}
        for obj in objects:
            if found := self._recall(obj, regions, identity, freshness):
                region, recalled = found
                value = self._asker.take(recalled, question.trail)
                outcomes[obj.index] = Fetched(obj, region, value)
        unknown = [obj for obj in objects if obj.index not in outcomes]
        first = self._asker.ask((obj.ref for obj in unknown), regions.primary, question)
        wait(first.values(), timeout=question.deadline.within(self._grace).remaining())
        lacking = [obj for obj in unknown if _may_be_covered(first[obj.ref])]
        second = self._asker.ask(map(_failover_ref, lacking), failover, question)
        pairs = [(first[obj.ref], second[_failover_ref(obj)]) for obj in lacking]
        self._await(pairs, question.deadline, grace=0)
        for obj in unknown:
            outcomes[obj.index] = _outcome(obj, regions.primary, first[obj.ref])
        for obj in lacking:
            cover = _outcome(obj, failover, second[_failover_ref(obj)])
            outcomes[obj.index] = _judge(outcomes[obj.index], cover)
        return [outcomes[obj.index] for obj in objects]

    def _await(
        self, pairs: Iterable[tuple[Answer, Answer]], deadline: Deadline, grace: float
    ) -> None:
        """Wait until each pair holds an answer that counts, then `grace` seconds for the rest."""
        waiting: set[Answer] = set()
        for pair in pairs:
            waiting.update(pair)
            while not _is_settled(pair) and not deadline.passed:
                still_open = [answer for answer in pair if not answer.done()]
                wait(still_open, timeout=deadline.remaining(), return_when=FIRST_COMPLETED)
        wait(waiting, timeout=deadline.within(grace).remaining())


def _failover_ref(obj: SecretObject) -> ObjectRef:
    return obj.failover or obj.ref


def _ran_out_of_time(outcome: Outcome) -> bool:
    return isinstance(outcome, ObjectFailure) and isinstance(outcome.error, OutOfTime)


def _is_settled(pair: tuple[Answer, Answer]) -> bool:
    """Whether one of the two holds something that the other cannot cover, or both have ended."""
    primary, failover = pair
    if primary.done() and failover.done():
        return True
    return not (_may_be_covered(primary) and (_may_be_covered(failover) or _lacks(failover)))


def _lacks(answer: Answer) -> bool:
    return answer.exception() is None and not answer.result().found


def _may_be_covered(answer: Answer) -> bool:
    """Whether another region may answer in its place: it is not there, or failed blamelessly."""
    return not answer.done() or isinstance(answer.exception(), Unavailable | CredentialsExpired)


def _outcome(obj: SecretObject, region: str, answer: Answer) -> Outcome:
    if not answer.done():
        waited = "no answer in time. Check that the node reaches this region's endpoints."
        return ObjectFailure(obj, region, OutOfTime(waited))
    error = answer.exception()
    if error is None:
        return Fetched(obj, region, answer.result())
    if isinstance(error, ProviderError):
        return ObjectFailure(obj, region, error)
    raise error


def _judge(primary: Outcome, failover: Outcome) -> Outcome:
    for outcome in (primary, failover):
        if isinstance(outcome, ObjectFailure) and not _is_coverable(outcome.error):
            return outcome
    if isinstance(primary, ObjectFailure):
        if isinstance(failover, ObjectFailure):
            return _both(primary, failover.region, str(failover.error))
        return failover if failover.value.found else _both(primary, failover.region, _NOT_THERE)
    return primary


_NOT_THERE = "it has no such object."


def _is_coverable(error: ProviderError) -> bool:
    return isinstance(error, Unavailable | CredentialsExpired)


def _both(primary: ObjectFailure, failover_region: str, why: str) -> ObjectFailure:
    text = f"{primary.error} Nor did the failover region {failover_region} help: {why}"
    return ObjectFailure(primary.object, primary.region, AwsUnavailable(text))
