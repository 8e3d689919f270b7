"""Watches of single objects: the ConfigMaps, Secrets and ServiceAccounts that others refer to.

Only their metadata is read, to learn that there is a new version; data is read when it is needed.
Each watch holds a connection, so their number is bounded. Over the bound, the namespace with the
most watches loses one to a namespace with fewer. A change of an object that is not
watched is noticed at the next refresh.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from provider.controller.watch.informer import Informer
from provider.controller.watch.object_cache import ObjectKey, Unreadable, version_of
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import Kind
from provider.kube.reading import Selection
from provider.runtime.log import fields, logger

MOST = 100
UNUSED = 7200.0
"""Seconds without a use after which a watch may make room for another."""
PATIENCE = 10.0
"""Most seconds that a new watch waits while the queue has work, which is more urgent."""
BUSY_CHECK = 0.2
"""Seconds between two checks whether the queue has work."""


class NamedObject(NamedTuple):
    """One object by its name."""

    kind: Kind
    namespace: str
    name: str


@dataclass(slots=True)
class _Watched:
    """`known` is the version that its user has read, empty for none. None: the first one found."""

    informer: Informer[str]
    known: str | None
    used_at: float
    task: asyncio.Task[None] | None = None


class NamedWatches:
    """Calls `on_change` with an object that is another version than the one that was used.

    `refused` counts uses that went without a watch. While `is_busy`, new watches wait: a start uses
    many objects at once. What changes meanwhile is reported when they begin.
    """

    def __init__(  # noqa: PLR0913 (all by name)
        self,
        objects: ClusterApi,
        on_change: Callable[[NamedObject], None],
        *,
        is_busy: Callable[[], bool] = lambda: False,
        most: int = MOST,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.refused = 0
        self._objects = objects
        self._on_change = on_change
        self._is_busy = is_busy
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._watched: dict[NamedObject, _Watched] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def __len__(self) -> int:
        return len(self._watched)

    def resume(self, named: NamedObject) -> None:
        """Watch an object that an earlier process has read, from the version that it has now."""
        if named not in self._watched:
            self.use(named, None)

    def use(self, named: NamedObject, version: str | None) -> bool:
        """Watch an object of which `version` was read just now (empty: it does not exist).

        Returns False if there are too many already. Call it each time that the object is read.
        """
        watched = self._watched.get(named)
        if watched is None:
            if not self._has_room(named.namespace):
                self._refuse(named)
                return False
            self._watched[named] = watched = self._new(named, version)
            self._start(named, watched)
        watched.known, watched.used_at = version, self._clock()
        self._compare(named, watched)
        return True

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for named, watched in self._watched.items():
                    self._start(named, watched)
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    def _new(self, named: NamedObject, version: str | None) -> _Watched:
        selection = Selection(
            named.kind, named.namespace, fields=f"metadata.name={named.name}", metadata_only=True
        )
        informer = Informer(
            self._objects, selection, version_of, clock=self._clock, sleep=self._sleep
        )
        watched = _Watched(informer, version, self._clock())

        def compare(_key: ObjectKey, _old: object, _new: object) -> None:
            self._compare(named, watched)

        informer.on_change(compare)
        return watched

    def _start(self, named: NamedObject, watched: _Watched) -> None:
        if self._tasks is not None:
            watched.task = self._tasks.create_task(self._watch(named, watched))

    async def _watch(self, named: NamedObject, watched: _Watched) -> None:
        """Compare once after the first list, in which the object may be missing, then go on."""
        await self._wait_while_busy()
        running = asyncio.ensure_future(watched.informer.run())
        try:
            await watched.informer.synced.wait()
            self._compare(named, watched)
            await running
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def _wait_while_busy(self) -> None:
        until = self._clock() + PATIENCE
        while self._is_busy() and self._clock() < until:
            await self._sleep(BUSY_CHECK)

    def _compare(self, named: NamedObject, watched: _Watched) -> None:
        """Report a version that the user has not read."""
        if not watched.informer.synced.is_set() and not len(watched.informer):
            return
        found = watched.informer.get(ObjectKey(named.namespace, named.name))
        version = found.version if isinstance(found, Unreadable) else found or ""
        if watched.known is None:
            watched.known = version
        elif version != watched.known and not _is_older(version, watched.known):
            watched.known = version
            self._on_change(named)

    def _has_room(self, namespace: str) -> bool:
        """Whether there is room for one more of a namespace; another one may make room."""
        if len(self._watched) < self._most:
            return True
        oldest = min(self._watched, key=self._used_at)
        if self._clock() - self._used_at(oldest) >= UNUSED:
            self._drop(oldest)
            return True
        counts = Counter(one.namespace for one in self._watched)
        [(largest, count)] = counts.most_common(1)
        if count <= counts[namespace] + 1:
            return False
        self._drop(
            min((one for one in self._watched if one.namespace == largest), key=self._used_at)
        )
        return True

    def _used_at(self, named: NamedObject) -> float:
        return self._watched[named].used_at

    def _drop(self, named: NamedObject) -> None:
        watched = self._watched.pop(named)
        if watched.task is not None:
            watched.task.cancel()

    def _refuse(self, named: NamedObject) -> None:
        if not self.refused:
            logger.warning(
                "too many objects to watch: some changes are noticed only at the next refresh",
                extra=fields(most=self._most, first=named.kind.described(*named[1:])),
            )
        self.refused += 1


def _is_older(version: str, known: str) -> bool:
    """Whether the watch is behind what was read; a missing object is never older."""
    return version.isdecimal() and known.isdecimal() and int(version) < int(known)
