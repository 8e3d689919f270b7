"""ConfigMaps and Secrets with templates, read once for all ExternalSecrets that need them together.

For a short time an answer is used again, if it is new enough for the next caller. Large objects are
shared only while they are being read, so that what stays in memory is bounded.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol

from provider.controller.watch.named_watches import NamedObject
from provider.engine.single_flight import SharedTask
from provider.kube.kinds import Document, Kind
from provider.runtime.lru import Lru

KEPT_SECONDS = 2.0
"""Seconds after the request was sent."""
MOST_KEPT = 64
MOST_CHARACTERS = 64 * 1024
"""Of the data of an object that is kept."""


class Api(Protocol):
    """The Kubernetes API: `kube.objects.Objects`."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Document: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    document: Document = field(repr=False)
    asked_at: float


class _Reading(SharedTask[Document]):
    """A request in flight, and when it was sent."""

    def __init__(self, work: Coroutine[Any, Any, Document], asked_at: float) -> None:
        super().__init__(work)
        self.asked_at = asked_at


class RecentReads:
    """One for the process. Times are those of `time.monotonic`."""

    def __init__(self, api: Api, clock: Callable[[], float] = monotonic) -> None:
        self._api = api
        self._clock = clock
        self._kept: Lru[NamedObject, _Kept] = Lru(MOST_KEPT)
        self._readings: dict[NamedObject, _Reading] = {}

    async def get(self, kind: Kind, namespace: str, name: str, *, since: float) -> Document:
        """The object as it was at `since` or later; not to be changed. Raises what the API raises.

        Failures are not remembered.
        """
        named, now = NamedObject(kind, namespace, name), self._clock()
        kept = self._kept.get(named)
        if kept is not None and kept.asked_at >= max(since, now - KEPT_SECONDS):
            return kept.document
        reading = self._readings.get(named)
        if reading is None or not reading.is_open or reading.asked_at < since:
            reading = _Reading(self._read(named, now), now).kept_in(self._readings, [named])
        return await reading.join()

    async def _read(self, named: NamedObject, asked_at: float) -> Document:
        document = await self._api.get(*named)
        if _size_of(document) <= MOST_CHARACTERS:
            kept = _Kept(document, asked_at)
            self._kept.put(named, kept)
            asyncio.get_running_loop().call_later(KEPT_SECONDS, self._drop, named, kept)
        return document

    def _drop(self, named: NamedObject, kept: _Kept) -> None:
        """Free the memory: the object may be a Secret."""
        if self._kept.get(named) is kept:
            del self._kept[named]


def _size_of(document: Document) -> int:
    return sum(len(value or "") for value in (document.get("data") or {}).values())
