"""The objects of one kind as they are known here, and who is to know when they change.

Only what `parse` makes of an object is kept, not its JSON.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from provider.controller.resources.object_meta import shared
from provider.kube.kinds import Document
from provider.kube.reading import Selection
from provider.runtime.log import fields, logger
from provider.runtime.lru import Lru

T = TypeVar("T")

_REMEMBERED_DELETIONS = 1000


class ObjectKey(NamedTuple):
    """What tells the objects of one kind apart; the namespace is empty for kinds without."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that `parse` raised an error for. It concerns no other object."""

    key: ObjectKey
    uid: str
    version: str
    error: str


Handler = Callable[[ObjectKey, T | Unreadable | None, T | Unreadable | None], None]
"""Called with the key, the object as it was, and as it is now; None where it does not exist."""


Refresh = Callable[[Document, T], T]
"""Makes an object of a document and the object as it was, where the spec is the same."""


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    version: str
    spec: tuple[str, int]
    """Uid and generation: another spec has another one."""
    object: T | Unreadable


class ObjectCache(Generic[T]):
    """The objects of a selection. Versions of one object are taken in their order only.

    With `refresh`, `parse` is called for a new spec only.
    """

    def __init__(
        self,
        selection: Selection,
        parse: Callable[[Document], T],
        refresh: Refresh[T] | None = None,
    ) -> None:
        self.selection = selection
        self._parse = parse
        self._refresh = refresh
        self._entries: dict[ObjectKey, _Entry[T]] = {}
        self._deleted: Lru[ObjectKey, str] = Lru(_REMEMBERED_DELETIONS)
        self._handlers: list[Handler[T]] = []

    def on_change(self, handler: Handler[T]) -> None:
        """Call `handler` for every change, also one of the status. It only notes what to do."""
        self._handlers.append(handler)

    def get(self, key: ObjectKey) -> T | Unreadable | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.object

    def items(self) -> Iterator[tuple[ObjectKey, T | Unreadable]]:
        """All objects there are now, without those that are gone before their turn comes.

        Any thread may take them.
        """
        found = ((key, self._entries.get(key)) for key in list(self._entries))
        return ((key, entry.object) for key, entry in found if entry is not None)

    def __len__(self) -> int:
        return len(self._entries)

    def learn(self, document: Document, parsed: T | Unreadable | None = None) -> None:
        """Take in the API server's answer to a write of our own, before the watch brings it.

        Handlers are called as for every change; the event of the watch is then no news. An answer
        that is older than what is known is ignored.
        """
        deleted = self._deleted.get(key_of(document))
        if deleted is None or is_newer(version_of(document), deleted):
            self.put(document, parsed)

    def is_news(self, document: Document) -> bool:
        """Whether an object is not known, or only in an older version."""
        old = self._entries.get(key_of(document))
        return old is None or is_newer(version_of(document), old.version)

    def put(self, document: Document, parsed: T | Unreadable | None = None) -> None:
        """Take in an object that exists, unless it is known in this version or a newer one.

        `parsed` is what `parsed` made of it, if that was called already.
        """
        if not self.is_news(document):
            return
        key, version = key_of(document), version_of(document)
        old = self._entries.get(key)
        found = self.parsed(document) if parsed is None else parsed
        new = _Entry(version, _spec_of(document), found)
        self._entries[key] = new
        self._call_handlers(key, None if old is None else old.object, new.object)

    def remove(self, key: ObjectKey, version: str) -> None:
        """Drop an object that was deleted with this version."""
        self._deleted.put(key, version)
        old = self._entries.get(key)
        if old is None or (old.version.isdecimal() and is_newer(old.version, version)):
            return  # unknown, or a newer object of that name was learned already
        del self._entries[key]
        self._call_handlers(key, old.object, None)

    def keep_only(self, keys: set[ObjectKey], version: str) -> None:
        """Drop what a whole list of this version does not have, but not what was learned since."""
        for key in [key for key in self._entries if key not in keys]:
            if not is_newer(self._entries[key].version, version):
                self.remove(key, version)

    def has_new_spec(self, document: Document) -> bool:
        """Whether an object has to be parsed: its spec is not known."""
        return self._refreshed(document) is None

    def parsed(self, document: Document) -> T | Unreadable:
        """What is kept of an object; any thread may call it."""
        refreshed = self._refreshed(document)
        try:
            return self._parse(document) if refreshed is None else refreshed()
        except Exception as error:  # noqa: BLE001 (whatever it is, it concerns this object alone)
            key = key_of(document)
            logger.warning(
                "cannot read an object",
                extra=fields(kind=self.selection.kind.name, name="/".join(key), error=str(error)),
            )
            uid = str(document["metadata"].get("uid", ""))
            return Unreadable(key, uid, version_of(document), str(error))

    def _refreshed(self, document: Document) -> Callable[[], T] | None:
        """What makes the object without parsing its spec; None if that has to be parsed."""
        old, spec = self._entries.get(key_of(document)), _spec_of(document)
        if self._refresh is None or old is None or old.spec != spec or not spec[1]:
            return None
        return (
            None
            if isinstance(old.object, Unreadable)
            else partial(self._refresh, document, old.object)
        )

    def _call_handlers(
        self, key: ObjectKey, old: T | Unreadable | None, new: T | Unreadable | None
    ) -> None:
        for handler in self._handlers:
            try:
                handler(key, old, new)
            except Exception:  # noqa: BLE001 (a bug that one object shows must not stop the others)
                logger.exception(
                    "a handler failed",
                    extra=fields(kind=self.selection.kind.name, name="/".join(key)),
                )


def key_of(document: Document) -> ObjectKey:
    metadata = document["metadata"]
    return ObjectKey(shared(metadata.get("namespace", "")), shared(metadata["name"]))


def _spec_of(document: Document) -> tuple[str, int]:
    metadata = document["metadata"]
    return str(metadata.get("uid", "")), int(metadata.get("generation") or 0)


def version_of(document: Document) -> str:
    return str(document["metadata"].get("resourceVersion", ""))


def is_newer(version: str, than: str) -> bool:
    """Whether a resourceVersion is newer: those of one kind may be compared as numbers."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return version != than
