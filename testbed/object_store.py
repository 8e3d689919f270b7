"""Objects as an API server keeps them: versions, watches, finalizers, owners.

Left out: schemas and defaults of custom resources, conversion other than of the `apiVersion`.
"""

import copy
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import Any

from testbed import managed_fields
from testbed.api_kinds import KINDS, ApiKind
from testbed.selectors import Matches

Thing = dict[str, Any]
Key = tuple[str, str, str]
"""Plural, namespace and name."""
Send = Callable[[str, Thing], None]
_HISTORY = 2000
_KINDS_BY_PLURAL = {kind.plural: kind for kind in KINDS.values()}


class Gone(Exception):
    """The version is no longer in the history."""


@dataclass(frozen=True, slots=True)
class Change:
    """An object before and after; None where it did not exist."""

    version: int
    kind: ApiKind
    old: Thing | None
    new: Thing | None

    def seen_by(self, namespace: str, matches: Matches) -> tuple[str, Thing] | None:
        """The watch event of a selection."""
        there = self.new or self.old or {}
        if namespace and there["metadata"].get("namespace") != namespace:
            return None
        was = self.old is not None and matches(self.old)
        is_now = self.new is not None and matches(self.new)
        if is_now and self.new is not None:
            return ("MODIFIED" if was else "ADDED"), self.new
        if was and self.old is not None:
            gone = copy.deepcopy(self.new or self.old)
            gone["metadata"]["resourceVersion"] = str(self.version)
            return "DELETED", gone
        return None


@dataclass(eq=False, slots=True)
class Watcher:
    """A watch that is open."""

    kind: ApiKind
    namespace: str
    matches: Matches
    send: Send

    def tell(self, change: Change) -> None:
        """Send the event of a change, if it concerns this watch."""
        if change.kind == self.kind and (seen := change.seen_by(self.namespace, self.matches)):
            self.send(*seen)


@dataclass(slots=True)
class ObjectStore:
    """The state; every method may be called by any thread."""

    lock: RLock = field(default_factory=RLock)
    version: int = 1000
    _objects: dict[Key, Thing] = field(default_factory=dict)
    _history: deque[Change] = field(default_factory=deque)
    _oldest: int = 1000
    _watchers: list[Watcher] = field(default_factory=list)

    def get(self, kind: ApiKind, namespace: str, name: str) -> Thing | None:
        """The object."""
        return self._objects.get((kind.plural, namespace, name))

    def select(self, kind: ApiKind, namespace: str, matches: Matches) -> list[Thing]:
        """The objects of a selection, by namespace and name."""
        with self.lock:
            return [
                thing
                for (plural, place, _), thing in sorted(self._objects.items())
                if plural == kind.plural and namespace in {"", place} and matches(thing)
            ]

    def put(self, kind: ApiKind, thing: Thing, manager: str = "", subresource: str = "") -> Thing:
        """Create or replace an object; returns it as stored. Without a difference nothing is."""
        with self.lock:
            new = copy.deepcopy(thing)
            metadata = new["metadata"]
            key = (kind.plural, metadata.get("namespace", ""), metadata["name"])
            old = self._objects.get(key)
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            before = old["metadata"] if old else {}
            for name in ("uid", "creationTimestamp", "resourceVersion", "generation"):
                metadata.pop(name, None)
                if name in before:
                    metadata[name] = before[name]
            metadata["managedFields"] = before.get("managedFields", [])
            if new == old:
                return copy.deepcopy(old)
            metadata.setdefault("uid", str(uuid.uuid4()))
            metadata.setdefault("creationTimestamp", now)
            if kind.is_custom and (old is None or _spec(old) != _spec(new)):
                metadata["generation"] = before.get("generation", 0) + 1
            metadata["managedFields"] = managed_fields.update(
                old or {}, new, manager or "testbed", subresource, now
            )
            if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
                self._remove(key, kind)
                return new
            return self._store(key, kind, old, new)

    def delete(self, kind: ApiKind, namespace: str, name: str) -> Thing:
        """Delete an object, or mark it while it has finalizers; returns it as it is then."""
        with self.lock:
            key = (kind.plural, namespace, name)
            old = self._objects[key]
            marked = copy.deepcopy(old)
            marked["metadata"].setdefault(
                "deletionTimestamp", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            )
            if kind.plural == "namespaces":
                return self._delete_namespace(key, kind, marked)
            if old["metadata"].get("finalizers"):
                return old if marked == old else self._store(key, kind, old, marked)
            self._remove(key, kind)
            return marked

    def watch(self, watcher: Watcher, since: int | None) -> Callable[[], None]:
        """Send changes after a version, or all there is and then changes; returns how to stop.

        Raises `Gone`.
        """
        with self.lock:
            if since is None:
                for thing in self.select(watcher.kind, watcher.namespace, watcher.matches):
                    watcher.send("ADDED", thing)
            elif since < self._oldest:
                raise Gone
            else:
                for change in self._history:
                    if change.version > since:
                        watcher.tell(change)
            self._watchers.append(watcher)
        return lambda: self._stop(watcher)

    def bookmark(self) -> None:
        """Send a bookmark to every open watch."""
        with self.lock:
            for watcher in self._watchers:
                watcher.send("BOOKMARK", self.bookmark_of(watcher.kind))

    def bookmark_of(self, kind: ApiKind) -> Thing:
        """The object of a bookmark."""
        return {
            "kind": kind.name,
            "apiVersion": kind.api_version(kind.versions[0]),
            "metadata": {"resourceVersion": str(self.version)},
        }

    def compact(self) -> None:
        """Forget the history: a watch from an earlier version than the present one is refused."""
        with self.lock:
            self.version += 1
            self._oldest = self.version
            self._history.clear()

    def _stop(self, watcher: Watcher) -> None:
        with self.lock:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

    def _store(self, key: Key, kind: ApiKind, old: Thing | None, new: Thing) -> Thing:
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        self._objects[key] = new
        self._publish(Change(self.version, kind, old, new))
        return copy.deepcopy(new)

    def _remove(self, key: Key, kind: ApiKind) -> None:
        self.version += 1
        old = self._objects.pop(key)
        self._publish(Change(self.version, kind, old, None))
        for owned_key, owned in self._owned_by(old["metadata"]["uid"]):
            if owned_key in self._objects:
                owned_kind = _KINDS_BY_PLURAL[owned_key[0]]
                self.delete(owned_kind, owned_key[1], owned["metadata"]["name"])

    def _owned_by(self, uid: str) -> Iterator[tuple[Key, Thing]]:
        """Objects that have lost their only owner; there is no garbage collection of others."""
        for key, thing in list(self._objects.items()):
            owners = thing["metadata"].get("ownerReferences") or []
            if [owner["uid"] for owner in owners] == [uid]:
                yield key, thing

    def _delete_namespace(self, key: Key, kind: ApiKind, marked: Thing) -> Thing:
        name = marked["metadata"]["name"]
        marked["status"] = {"phase": "Terminating"}
        marked = self._store(key, kind, self._objects[key], marked)
        for plural, place, thing_name in list(self._objects):
            if place == name and (plural, place, thing_name) in self._objects:
                self.delete(_KINDS_BY_PLURAL[plural], place, thing_name)
        if not any(place == name for _, place, _ in self._objects):
            self._remove(key, kind)
        return marked

    def _publish(self, change: Change) -> None:
        self._history.append(change)
        if len(self._history) > _HISTORY:
            self._oldest = self._history.popleft().version
        for watcher in list(self._watchers):
            watcher.tell(change)


def _spec(thing: Thing) -> Thing:
    return {key: value for key, value in thing.items() if key not in ("metadata", "status")}
