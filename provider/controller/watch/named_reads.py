"""Reads Kubernetes objects that are named by others, once for all of them.

Of stores, `NamedReads` keeps the parts that are asked for; of templates, `RecentReads` keeps whole
objects for a moment.

What was read is used again as long as its object is watched and did not change; of an object that
is not watched, as long as it is new enough. Only the part that is asked for stays in memory, never
a whole Secret.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol, TypeVar, cast

from provider.controller.watch.named_watches import NamedObject
from provider.controller.watch.secret_state import data_size
from provider.engine.single_flight import SharedTask
from provider.errors import ObjectNotFound
from provider.kube.kinds import Document, Kind
from provider.runtime.lru import FairLru, Lru

T = TypeVar("T")

CAPACITY = 1000
"""Objects of which something is remembered."""
MOST_PARTS = 10
"""Different parts of one object that are remembered."""
MOST_SECONDS = 600.0
"""Age at which an object is read again although it is watched."""


class Api(Protocol):
    """The Kubernetes API: `kube.cluster_api.ClusterApi`."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Document: ...


Watch = Callable[[NamedObject, str], bool]
"""Called with an object and its version (empty: it does not exist) at every use; returns whether
`changed` is called once it is another version."""


@dataclass(frozen=True, slots=True)
class _Kept:
    value: object = field(repr=False)
    version: str
    read_at: float
    watched: bool


class _Reading(SharedTask[T]):
    """A request in flight, and when it was sent."""

    def __init__(self, work: Coroutine[Any, Any, T], asked_at: float) -> None:
        super().__init__(work)
        self.asked_at = asked_at


class NamedReads:
    """One for the process. Times are those of `time.monotonic`."""

    def __init__(
        self,
        api: Api,
        watch: Watch = lambda _named, _version: False,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._api = api
        self._watch = watch
        self._clock = clock
        self._kept: FairLru[NamedObject, dict[Hashable, _Kept]] = FairLru(
            CAPACITY, lambda one: one.namespace
        )
        self._readings: dict[tuple[NamedObject, Hashable], _Reading[_Kept]] = {}

    async def read(
        self, named: NamedObject, key: Hashable, part: Callable[[Document], T], *, since: float
    ) -> T:
        """What `part` makes of the object, read at `since` or later unless it is watched.

        `key` tells parts of one object apart. Raises what the API and `part` raise; failures are
        not remembered.
        """
        kept = self._kept.get(named, {}).get(key)
        if kept is not None and self._is_good(named, key, kept, since):
            return cast("T", kept.value)
        reading = self._readings.get((named, key))
        if reading is None or not reading.is_open or reading.asked_at < since:
            reading = self._start(named, key, part)
        return cast("T", (await reading.join()).value)

    def changed(self, named: NamedObject) -> None:
        """Forget what was read of an object, and do not keep what is being read now."""
        self._kept.pop(named, None)
        for at in [at for at in self._readings if at[0] == named]:
            del self._readings[at]

    def __len__(self) -> int:
        """Objects of which something is remembered."""
        return len(self._kept)

    def _is_good(self, named: NamedObject, key: Hashable, kept: _Kept, since: float) -> bool:
        """Whether it may be used. The use keeps its watch alive, which may know a new version."""
        watched = self._watch(named, kept.version) and kept.watched
        if self._kept.get(named, {}).get(key) is not kept:
            return False
        self._kept.move_to_end(named)
        if watched:
            return self._clock() - kept.read_at < MOST_SECONDS
        return kept.read_at >= since

    def _start(
        self, named: NamedObject, key: Hashable, part: Callable[[Document], object]
    ) -> _Reading[_Kept]:
        asked_at, at = self._clock(), (named, key)

        async def work() -> _Kept:
            document = await self._get(named)
            version = str(document.get("metadata", {}).get("resourceVersion", ""))
            value = part(document)
            is_current = self._readings.get(at) is reading
            kept = _Kept(value, version, asked_at, self._watch(named, version))
            if is_current:
                self._keep(named, key, kept)
            return kept

        reading = _Reading(work(), asked_at).kept_in(self._readings, [at])
        return reading

    async def _get(self, named: NamedObject) -> Document:
        """The object. One that does not exist is watched too: it may come."""
        try:
            return await self._api.get(named.kind, named.namespace, named.name)
        except ObjectNotFound:
            self._watch(named, "")
            raise

    def _keep(self, named: NamedObject, key: Hashable, kept: _Kept) -> None:
        parts = self._kept.get(named, {})
        if len(parts) >= MOST_PARTS:
            parts = {}
        parts[key] = kept
        self._kept.put(named, parts)


KEPT_SECONDS = 2.0
"""Seconds after the request was sent."""
MOST_RECENT = 64
MOST_RECENT_CHARACTERS = 64 * 1024
"""Of the data of an object that is kept."""


@dataclass(frozen=True, slots=True)
class _Recent:
    document: Document = field(repr=False)
    asked_at: float


class RecentReads:
    """One for the process. Times are those of `time.monotonic`."""

    def __init__(self, api: Api, clock: Callable[[], float] = monotonic) -> None:
        self._api = api
        self._clock = clock
        self._kept: Lru[NamedObject, _Recent] = Lru(MOST_RECENT)
        self._readings: dict[NamedObject, _Reading[Document]] = {}

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
        if data_size(document) <= MOST_RECENT_CHARACTERS:
            kept = _Recent(document, asked_at)
            self._kept.put(named, kept)
            asyncio.get_running_loop().call_later(KEPT_SECONDS, self._drop, named, kept)
        return document

    def _drop(self, named: NamedObject, kept: _Recent) -> None:
        """Free the memory: the object may be a Secret."""
        if self._kept.get(named) is kept:
            del self._kept[named]
