"""The calls that bring answers about: fetch, validate, and read what was sent ahead.

Each lands the answers that it is for, or starts what will.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import TypeVar

from provider.answers import Answers
from provider.credential_cache import CredentialCache
from provider.credentials import Access
from provider.errors import (
    AccessDenied,
    CredentialsExpired,
    ProviderError,
    SecretNotFound,
    Unavailable,
)
from provider.lanes import Lanes
from provider.memory import Key, Remembered
from provider.question import Question
from provider.spec.models import StoreName
from provider.store import Pending, SecretValue, Store

T = TypeVar("T")

READERS = 32
"""Threads per region that read what was sent ahead, as many as there are mounts. They have to be
others than those that make calls: these wait for a place among the calls in flight, which what was
sent ahead holds until it is read."""

Step = Callable[[Sequence[Key], Question], None]
"""Something to do about keys, in a thread of their region's."""


class Calls:
    """Thread-safe; one for the process."""

    def __init__(
        self,
        stores: Mapping[StoreName, Store],
        answers: Answers,
        lanes: Lanes,
        credentials: CredentialCache,
    ) -> None:
        self._stores = stores
        self._answers = answers
        self._lanes = lanes
        self._readers = Lanes(READERS)
        self._credentials = credentials

    def start(self, keys: Sequence[Key], question: Question) -> None:
        """Ask for keys of one batch, in a thread of their region's."""
        step = self._fetch if question.freshness.by_fetch else self._revalidate
        self._start(step, keys, question)

    def begin(self, key: Key, access: Access, question: Question) -> Step | None:
        """Send the question for `key`, if that takes no time; how to read what comes of it."""
        store = self._stores[key.ref.store]
        if question.freshness.by_fetch:
            fetch = store.begin_fetch(key.ref, access)
            step = None if fetch is None else partial(self._read_value, fetch, access)
        elif (remembered := self._answers.describable(key)) is not None:
            check = store.begin_current_version(key.ref, access)
            step = None if check is None else partial(self._read_version, check, remembered, access)
        else:
            step = None
        if step is not None:
            question.trail.call()
        return step

    def read(self, begun: Sequence[tuple[Key, Step]], question: Question, *, here: bool) -> None:
        """Read what was begun, in the caller's thread or in one for it."""
        if here:
            self._read(begun, question)
        else:
            self._readers.submit(begun[0][0].region, self._read, begun, question)

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
        self._answers.fetched(keys[0], outcome, monotonic(), question)

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
            self._answers.fail(keys[0], error, by_fetch=False)
        else:
            if not is_current:
                self._start(self._refetch, keys, question)

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

    def _revalidate(self, keys: Sequence[Key], question: Question) -> None:
        """Land what is unchanged, and fetch the rest."""
        changed = [key for key in keys if not self._is_current(key, question)]
        self._refetch(changed, question)

    def _is_current(self, key: Key, question: Question) -> bool:
        """Whether nothing is left to do for `key`: it has landed, unchanged or failed."""
        remembered = self._answers.describable(key)
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
            self._answers.fail(key, error, by_fetch=False)
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
            self._answers.may_not_describe(key, remembered)
            return False
        except SecretNotFound:
            if key.ref.optional:
                return False
            raise
        if version != remembered.value.version:
            return False
        self._answers.unchanged(key, remembered, question)
        return True

    def _refetch(self, keys: Sequence[Key], question: Question) -> None:
        """Fetch for those who wait for a validation, or join who fetches already."""
        leading = []
        for key in keys:
            fetch, leads = self._answers.claim(key, question, by_fetch=True)
            self._answers.follow(key, fetch)
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
            self._answers.land_all(keys, fault, by_fetch=True)
            return
        answered_at = monotonic()
        for key in keys:
            self._answers.fetched(key, outcomes[key.ref], answered_at, question)

    def _start(self, step: Step, keys: Sequence[Key], question: Question) -> None:
        """Take a step in a thread of the region's."""
        self._lanes.submit(keys[0].region, self._take_step, step, keys, question)

    def _take_step(self, step: Step, keys: Sequence[Key], question: Question) -> None:
        try:
            step(keys, question)
        except Exception as fault:  # noqa: BLE001 - waiters must wake; their barrier reports it
            self._answers.land_all(keys, fault, by_fetch=question.freshness.by_fetch)

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
