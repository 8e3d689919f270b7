"""What is known, and what is on its way: the memory of values, and single flight over it.

A fetch answers who wants a fetch and who wants a validation. Whoever claims an answer that nobody
brings about has to land it, whatever happens: others may be waiting.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic

from provider.errors import CredentialsExpired, ProviderError, SecretNotFound, Unavailable
from provider.memory import Key, Memory, Remembered
from provider.question import Freshness, Question, is_pinned
from provider.spec.models import ObjectRef
from provider.store import MISSING, SecretValue
from provider.trail import Event, Trail

Answer = Future[SecretValue]
"""A value that is there or on its way, or the error it ended in."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A value from memory, and when it was last known to be current."""

    value: SecretValue
    current_at: float


class Answers:
    """Thread-safe; one for the process. `observe` is told how each value was come by."""

    def __init__(self, memory: Memory, observe: Callable[[Event], None]) -> None:
        self._memory = memory
        self._observe = observe
        self._on_their_way: dict[tuple[Key, bool], Answer] = {}
        self._lock = Lock()

    def recall(self, key: Key, freshness: Freshness) -> Recalled | None:
        """The remembered value, if it is fresh enough to need no call; `take` it to use it."""
        remembered = self._memory.get(key)
        if remembered is None or not freshness.accepts(key.ref, remembered):
            return None
        current_at = monotonic() if is_pinned(key.ref, remembered) else remembered.validated_at
        return Recalled(remembered.value, current_at)

    def take(self, recalled: Recalled, trail: Trail) -> SecretValue:
        """The value, which counts as a call saved."""
        how: Event = "memory" if recalled.value.found else "missing"
        self._observe(how)
        trail.value(how, recalled.current_at)
        return recalled.value

    def claim(self, key: Key, question: Question, *, by_fetch: bool) -> tuple[Answer, bool]:
        """The answer for `key`, and whether it is for the caller to bring about, and so to land."""
        answer, leads = self._board(key, by_fetch=by_fetch)
        if not leads:
            self._observe("joined")
            question.trail.value("joined", monotonic())
            return answer, False
        # Looked up after the claim: whoever answered just before has put it there by now.
        recalled = self.recall(key, question.freshness)
        if recalled is None:
            return answer, True
        self.land(key, self.take(recalled, question.trail), by_fetch=by_fetch)
        return answer, False

    def describable(self, key: Key) -> Remembered | None:
        """What is remembered of `key`, if its version alone may be asked for."""
        remembered = self._memory.get(key)
        if remembered is None or not (remembered.may_describe and remembered.value.found):
            return None
        return remembered

    def may_not_describe(self, key: Key, remembered: Remembered) -> None:
        """The right to read does not imply the right to describe. Asked once, not each time."""
        self._memory.put(key, replace(remembered, may_describe=False))

    def unchanged(self, key: Key, remembered: Remembered, question: Question) -> None:
        """Land the remembered value, which was found to be current."""
        answered_at = monotonic()
        self._memory.put(key, remembered.validated(answered_at))
        self._observe("validated")
        question.trail.value("validated", answered_at)
        self.land(key, remembered.value, by_fetch=False)

    def fetched(
        self, key: Key, answer: SecretValue | ProviderError, at: float, question: Question
    ) -> None:
        """Land what a fetch came to at the time `at`."""
        outcome = _answer_to(key.ref, answer)
        if not isinstance(outcome, SecretValue):
            self.fail(key, outcome, by_fetch=True)
            return
        self._remember(key, outcome, at)
        how: Event = "fetched" if outcome.found else "missing"
        self._observe(how)
        question.trail.value(how, at)
        self.land(key, outcome, by_fetch=True)

    def fail(self, key: Key, error: ProviderError, *, by_fetch: bool) -> None:
        """Land an error; a refusal is the end of what was known."""
        if not isinstance(error, Unavailable | CredentialsExpired):
            self._memory.forget(key)
        self.land(key, error, by_fetch=by_fetch)

    def land(self, key: Key, outcome: SecretValue | Exception, *, by_fetch: bool) -> None:
        """Wake all who wait for this answer."""
        with self._lock:
            answer = self._on_their_way.pop((key, by_fetch), None)
        if answer is None:
            return
        if isinstance(outcome, SecretValue):
            answer.set_result(outcome)
        else:
            answer.set_exception(outcome)

    def land_all(self, keys: Iterable[Key], fault: Exception, *, by_fetch: bool) -> None:
        """Wake all who wait for any of these answers and have not got one."""
        for key in keys:
            self.land(key, fault, by_fetch=by_fetch)

    def follow(self, key: Key, fetch: Answer) -> None:
        """Let the validation of `key` end as `fetch` does."""

        def land(fetched: Answer) -> None:
            error = fetched.exception()
            outcome = error if isinstance(error, Exception) else fetched.result()
            self.land(key, outcome, by_fetch=False)

        fetch.add_done_callback(land)

    def _remember(self, key: Key, value: SecretValue, at: float) -> None:
        known = self._memory.get(key)
        may_describe = known is None or known.may_describe
        self._memory.put(key, Remembered(value, at, at, may_describe))

    def _board(self, key: Key, *, by_fetch: bool) -> tuple[Answer, bool]:
        """The answer on its way, or a new one that the caller must land."""
        with self._lock:
            answer = self._on_their_way.get((key, True))
            if answer is None and not by_fetch:
                answer = self._on_their_way.get((key, False))
            if answer is not None:
                return answer, False
            answer = self._on_their_way[key, by_fetch] = Answer()
            return answer, True


def _answer_to(ref: ObjectRef, outcome: SecretValue | ProviderError) -> SecretValue | ProviderError:
    """The outcome, or `MISSING` where "not found" is no failure."""
    return MISSING if ref.optional and isinstance(outcome, SecretNotFound) else outcome
