"""Asking one region for secrets as one identity, with as few calls as can be.

For each ref, in this order: what memory holds, if fresh enough; the answer to the same question
that is on its way already; the version alone, if a value is remembered and the store can tell;
the value itself. Secrets go side by side, parameters in batches.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from threading import Lock
from time import monotonic
from typing import TypeVar

from provider.credential_cache import CredentialCache
from provider.credentials import Access, Identity, Principal
from provider.deadline import Deadline
from provider.errors import (
    AccessDenied,
    CredentialsExpired,
    ProviderError,
    SecretNotFound,
    Unavailable,
)
from provider.lanes import Lanes
from provider.memory import Key, Memory, Remembered
from provider.spec.models import ObjectRef, StoreName
from provider.store import MISSING, Pending, SecretValue, Store
from provider.trail import Event, Trail

T = TypeVar("T")

Answer = Future[SecretValue]
"""A value that is there or on its way, or the error it ended in."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How new an answer must be: it came at `since` (`time.monotonic`) or later.

    An answer that came after a mount arrived was on its way then, or was asked for since: the mount
    would have joined it, had a thread been free. With `by_fetch` only a fetch counts, otherwise
    being found unchanged is as good.
    """

    since: float
    by_fetch: bool

    @classmethod
    def first_mount(cls, arrived: float) -> "Freshness":
        """Fetched since the pod asked: restarting a pod is how people ask for the new value."""
        return cls(arrived, by_fetch=True)

    @classmethod
    def remount(cls, arrived: float, interval: float) -> "Freshness":
        """Found current by anyone of the identity within `interval` seconds."""
        return cls(arrived - interval, by_fetch=False)

    def accepts(self, ref: ObjectRef, remembered: Remembered | None) -> bool:
        """Whether `remembered` answers the question without a call."""
        if remembered is None:
            return False
        if self.by_fetch:
            return remembered.fetched_at >= self.since
        return _is_pinned(ref, remembered) or remembered.validated_at >= self.since


def _is_pinned(ref: ObjectRef, remembered: Remembered) -> bool:
    """Whether the ref names one version that is there: its content never changes."""
    return ref.version is not None and ref.label is None and remembered.value.found


@dataclass(frozen=True, slots=True)
class Question:
    """What all refs of one mount have in common."""

    principal: Principal
    freshness: Freshness
    deadline: Deadline
    trail: Trail = field(default_factory=Trail, compare=False)


@dataclass(frozen=True, slots=True)
class Recalled:
    """A value from memory, and when it was last known to be current."""

    value: SecretValue
    current_at: float


Step = Callable[[Sequence[Key], Question], None]
"""Something to do about keys, in a thread of their region's; it lands them or starts what will."""


class Asker:
    """Thread-safe; one for the process."""

    def __init__(
        self,
        stores: Mapping[StoreName, Store],
        *,
        memory: Memory,
        lanes: Lanes,
        credentials: CredentialCache,
        observe: Callable[[Event], None],
    ) -> None:
        self._stores = stores
        self._memory = memory
        self._lanes = lanes
        self._credentials = credentials
        self._observe = observe
        self._flights = _Flights()

    def recall(
        self, ref: ObjectRef, region: str, identity: Identity, freshness: Freshness
    ) -> Recalled | None:
        """The remembered value, if it is fresh enough to need no call; `take` it to use it."""
        remembered = self._memory.get(Key(identity, region, ref))
        if remembered is None or not freshness.accepts(ref, remembered):
            return None
        current_at = monotonic() if _is_pinned(ref, remembered) else remembered.validated_at
        return Recalled(remembered.value, current_at)

    def take(self, recalled: Recalled, trail: Trail) -> SecretValue:
        """The value, which counts as a call saved."""
        how: Event = "memory" if recalled.value.found else "missing"
        self._observe(how)
        trail.value(how, recalled.current_at)
        return recalled.value

    def ask(
        self, refs: Iterable[ObjectRef], region: str, question: Question
    ) -> dict[ObjectRef, Answer]:
        """Answers, there or on their way, for all refs; equal refs are asked once.

        Raises what getting credentials raises: without them nothing is asked.
        """
        if not (wanted := dict.fromkeys(refs)):
            return {}
        principal, freshness = question.principal, question.freshness
        identity, source, deadline = principal.identity, principal.source, question.deadline
        access = Access(
            region, identity, self._credentials.get(identity, source, deadline), deadline
        )
        answers: dict[ObjectRef, Answer] = {}
        to_ask: list[Key] = []
        for ref in wanted:
            key = Key(identity, region, ref)
            answers[ref], leads = self._claim(key, question, by_fetch=freshness.by_fetch)
            if leads:
                to_ask.append(key)
        self._ask(to_ask, access, question)
        return answers

    def _ask(self, keys: Sequence[Key], access: Access, question: Question) -> None:
        """Send at once what open connections take, for one thread to read; the rest has threads."""
        begun: list[tuple[Key, Step]] = []
        for batch in self._batches(keys):
            read = self._begin(batch[0], access, question) if len(batch) == 1 else None
            if read is None:
                step = self._fetch if question.freshness.by_fetch else self._revalidate
                self._start(step, batch, question)
            else:
                begun.append((batch[0], read))
        if begun:
            self._lanes.submit(access.region, self._read, begun, question)

    def _start(self, step: Step, keys: Sequence[Key], question: Question) -> None:
        """Take a step in a thread of the region's."""
        self._lanes.submit(keys[0].region, self._take_step, step, keys, question)

    def _take_step(self, step: Step, keys: Sequence[Key], question: Question) -> None:
        try:
            step(keys, question)
        except Exception as fault:  # noqa: BLE001 - waiters must wake; their barrier reports it
            self._flights.land_all(keys, fault, by_fetch=question.freshness.by_fetch)

    def _ask_anew(
        self,
        why: ProviderError,
        access: Access,
        step: Step,
        keys: Sequence[Key],
        question: Question,
    ) -> None:
        if isinstance(why, CredentialsExpired):
            self._credentials.drop(access.identity, access.credentials)
        self._start(step, keys, question)

    def _begin(self, key: Key, access: Access, question: Question) -> Step | None:
        """Send the question for `key`, if that takes no time; how to read what comes of it."""
        store = self._stores[key.ref.store]
        if question.freshness.by_fetch:
            fetch = store.begin_fetch(key.ref, access)
            step = None if fetch is None else partial(self._read_value, fetch, access)
        elif (remembered := self._describable(key)) is not None:
            check = store.begin_current_version(key.ref, access)
            step = None if check is None else partial(self._read_version, check, remembered, access)
        else:
            step = None
        if step is not None:
            question.trail.call()
        return step

    def _read(self, begun: Sequence[tuple[Key, Step]], question: Question) -> None:
        for key, read in begun:
            self._take_step(read, [key], question)

    def _read_value(
        self,
        sent: Pending[SecretValue],
        access: Access,
        keys: Sequence[Key],
        question: Question,
    ) -> None:
        """Land the value. What takes another call gets a thread of its own: others wait here."""
        outcome: SecretValue | ProviderError
        try:
            outcome = sent.read()
        except (Unavailable, CredentialsExpired) as error:
            self._ask_anew(error, access, self._fetch, keys, question)
            return
        except ProviderError as error:
            outcome = error
        self._settle(keys[0], outcome, monotonic(), question)

    def _read_version(
        self,
        sent: Pending[str | None],
        remembered: Remembered,
        access: Access,
        keys: Sequence[Key],
        question: Question,
    ) -> None:
        """As `_read_value`, where the value is known and its version was asked for."""
        try:
            is_current = self._judge(keys[0], remembered, sent.read, question)
        except (Unavailable, CredentialsExpired) as error:
            self._ask_anew(error, access, self._revalidate, keys, question)
        except ProviderError as error:
            self._fail(keys[0], error, by_fetch=False)
        else:
            if not is_current:
                self._start(self._refetch, keys, question)

    def _claim(self, key: Key, question: Question, *, by_fetch: bool) -> tuple[Answer, bool]:
        """The answer for `key`, and whether it is for the caller to bring it about."""
        answer, leads = self._flights.claim(key, by_fetch=by_fetch)
        if not leads:
            self._observe("joined")
            question.trail.value("joined", monotonic())
            return answer, False
        # Looked up after the claim: whoever answered just before has put it there by now.
        recalled = self.recall(key.ref, key.region, key.identity, question.freshness)
        if recalled is None:
            return answer, True
        self._flights.land(key, self.take(recalled, question.trail), by_fetch=by_fetch)
        return answer, False

    def _batches(self, keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
        by_store = sorted(keys, key=lambda key: key.ref.store)
        for store, group in groupby(by_store, key=lambda key: key.ref.store):
            same = list(group)
            size = self._stores[store].batch_size
            yield from (same[at : at + size] for at in range(0, len(same), size))

    def _revalidate(self, keys: Sequence[Key], question: Question) -> None:
        """Land what is unchanged, and fetch the rest."""
        changed = [key for key in keys if not self._is_current(key, question)]
        self._refetch(changed, question)

    def _describable(self, key: Key) -> Remembered | None:
        """What is remembered of `key`, if its version alone may be asked for."""
        remembered = self._memory.get(key)
        if remembered is None or not (remembered.may_describe and remembered.value.found):
            return None
        return remembered

    def _is_current(self, key: Key, question: Question) -> bool:
        """Whether nothing is left to do for `key`: it has landed, unchanged or failed."""
        remembered = self._describable(key)
        if remembered is None:
            return False
        store = self._stores[key.ref.store]

        def ask() -> str | None:
            return self._call(
                key.region, question, lambda access: store.current_version(key.ref, access)
            )

        try:
            return self._judge(key, remembered, ask, question)
        except ProviderError as error:
            self._fail(key, error, by_fetch=False)
            return True

    def _judge(
        self,
        key: Key,
        remembered: Remembered,
        version_now: Callable[[], str | None],
        question: Question,
    ) -> bool:
        """Land the remembered value if it is current; whether it is."""
        try:
            version = version_now()
        except AccessDenied:
            # The right to read does not imply the right to describe. Asked once, not each time.
            self._memory.put(key, replace(remembered, may_describe=False))
            return False
        except SecretNotFound:
            if key.ref.optional:
                return False
            raise
        if version != remembered.value.version:
            return False
        answered_at = monotonic()
        self._memory.put(key, replace(remembered, validated_at=answered_at))
        self._observe("validated")
        question.trail.value("validated", answered_at)
        self._flights.land(key, remembered.value, by_fetch=False)
        return True

    def _refetch(self, keys: Sequence[Key], question: Question) -> None:
        """Fetch for those who wait for a validation, or join who fetches already."""
        leading = []
        for key in keys:
            fetch, leads = self._claim(key, question, by_fetch=True)
            self._flights.follow(key, fetch)
            if leads:
                leading.append(key)
        self._fetch(leading, question)

    def _fetch(self, keys: Sequence[Key], question: Question) -> None:
        if not keys:
            return
        store = self._stores[keys[0].ref.store]
        refs = [key.ref for key in keys]
        try:
            outcomes = self._call(
                keys[0].region, question, lambda access: store.fetch(refs, access)
            )
        except ProviderError as error:
            outcomes = dict.fromkeys(refs, error)
        except Exception as fault:  # noqa: BLE001 - as in _take_step
            self._flights.land_all(keys, fault, by_fetch=True)
            return
        answered_at = monotonic()
        for key in keys:
            self._settle(key, outcomes[key.ref], answered_at, question)

    def _settle(
        self, key: Key, answer: SecretValue | ProviderError, at: float, question: Question
    ) -> None:
        """Land what a fetch came to at the time `at`."""
        outcome = _answer_to(key.ref, answer)
        if not isinstance(outcome, SecretValue):
            self._fail(key, outcome, by_fetch=True)
            return
        self._remember(key, outcome, at)
        how: Event = "fetched" if outcome.found else "missing"
        self._observe(how)
        question.trail.value(how, at)
        self._flights.land(key, outcome, by_fetch=True)

    def _remember(self, key: Key, value: SecretValue, at: float) -> None:
        known = self._memory.get(key)
        may_describe = known is None or known.may_describe
        self._memory.put(key, Remembered(value, at, at, may_describe))

    def _fail(self, key: Key, error: ProviderError, *, by_fetch: bool) -> None:
        if not isinstance(error, Unavailable | CredentialsExpired):
            self._memory.forget(key)
        self._flights.land(key, error, by_fetch=by_fetch)

    def _call(self, region: str, question: Question, call: Callable[[Access], T]) -> T:
        """Call with the identity's credentials, and once more with new ones if they are old."""
        identity, source = question.principal.identity, question.principal.source
        credentials = self._credentials.get(identity, source, question.deadline)
        try:
            question.trail.call()
            return call(Access(region, identity, credentials, question.deadline))
        except CredentialsExpired:
            self._credentials.drop(identity, credentials)
            credentials = self._credentials.get(identity, source, question.deadline)
            question.trail.call()
            return call(Access(region, identity, credentials, question.deadline))


def _answer_to(ref: ObjectRef, outcome: SecretValue | ProviderError) -> SecretValue | ProviderError:
    """The outcome, or `MISSING` where "not found" is no failure."""
    return MISSING if ref.optional and isinstance(outcome, SecretNotFound) else outcome


class _Flights:
    """Questions on their way. A fetch answers who wants a fetch and who wants a validation."""

    def __init__(self) -> None:
        self._answers: dict[tuple[Key, bool], Answer] = {}
        self._lock = Lock()

    def claim(self, key: Key, *, by_fetch: bool) -> tuple[Answer, bool]:
        """The answer on its way, or a new one that the caller must land."""
        with self._lock:
            answer = self._answers.get((key, True))
            if answer is None and not by_fetch:
                answer = self._answers.get((key, False))
            if answer is not None:
                return answer, False
            answer = self._answers[key, by_fetch] = Answer()
            return answer, True

    def land(self, key: Key, outcome: SecretValue | Exception, *, by_fetch: bool) -> None:
        """Wake all who wait for this answer."""
        with self._lock:
            answer = self._answers.pop((key, by_fetch), None)
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
