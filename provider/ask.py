"""Asking one region for secrets as one identity, with as few calls as can be.

For each ref, in this order: what memory holds, if fresh enough; the answer to the same question
that is on its way already; the version alone, if a value is remembered and the store can tell;
the value itself. Questions for which connections are open go out at once and are read by one
thread, the caller's if it likes; the others go side by side, parameters in batches.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from provider.answers import Answer, Answers, Recalled
from provider.calls import Calls, Step
from provider.credential_cache import CredentialCache
from provider.credentials import Access, Identity
from provider.lanes import Lanes
from provider.memory import Key, Memory
from provider.question import Freshness, Question
from provider.spec.models import ObjectRef, StoreName
from provider.store import SecretValue, Store
from provider.trail import Event, Trail


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
        self._credentials = credentials
        self._answers = Answers(memory, observe)
        self._calls = Calls(stores, self._answers, lanes, credentials)

    def recall(
        self, ref: ObjectRef, region: str, identity: Identity, freshness: Freshness
    ) -> Recalled | None:
        """See `Answers.recall`."""
        return self._answers.recall(Key(identity, region, ref), freshness)

    def take(self, recalled: Recalled, trail: Trail) -> SecretValue:
        """See `Answers.take`."""
        return self._answers.take(recalled, trail)

    def ask(
        self, refs: Iterable[ObjectRef], region: str, question: Question, *, here: bool = False
    ) -> dict[ObjectRef, Answer]:
        """Answers, there or on their way, for all refs; equal refs are asked once.

        With `here` what can be is read in the caller's thread, which has nothing else to wait for.
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
            answers[ref], leads = self._answers.claim(key, question, by_fetch=freshness.by_fetch)
            if leads:
                to_ask.append(key)
        self._ask(to_ask, access, question, here=here)
        return answers

    def _ask(self, keys: Sequence[Key], access: Access, question: Question, *, here: bool) -> None:
        """Send at once what open connections take, and have it read; the rest has threads."""
        begun: list[tuple[Key, Step]] = []
        for batch in self._batches(keys):
            read = self._calls.begin(batch[0], access, question) if len(batch) == 1 else None
            if read is None:
                self._calls.start(batch, question)
            else:
                begun.append((batch[0], read))
        if begun:
            self._calls.read(begun, question, here=here)

    def _batches(self, keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
        by_store = sorted(keys, key=lambda key: key.ref.store)
        for store, group in groupby(by_store, key=lambda key: key.ref.store):
            same = list(group)
            size = self._stores[store].batch_size
            yield from (same[at : at + size] for at in range(0, len(same), size))
