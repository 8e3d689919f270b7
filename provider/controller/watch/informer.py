"""Keeps a cache of objects as they are at the API server.

An informer lists once, in pages, and then watches. A watch that ends goes on from the last version
that it has seen. When the server has dropped that version (410), the informer lists again; handlers
are then called for what is different.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from random import random
from time import monotonic
from typing import Any, TypeVar

from provider.controller.watch.object_cache import ObjectCache, ObjectKey, Refresh, key_of
from provider.errors import KubernetesThrottled, ObjectNotFound, ProviderError, VersionGone
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import Document
from provider.kube.reading import Selection, WatchEvent
from provider.runtime.log import fields, logger

T = TypeVar("T")

WATCH_SECONDS = 240
"""A watch ends after one to one and a half times this."""
FIRST_PAUSE = 0.5
MAX_PAUSE = 30.0
"""Seconds between attempts: from the first doubled up to the most, less up to a half at random. A
server that is busy (429) may ask for more."""
ABSENT = 600.0
"""Seconds between attempts for an optional kind that the API server does not have."""
SHORT = 1.0
"""A watch that ends within so many seconds, without an event, counts as a failed attempt."""
FIRST_ANSWER = 15.0
MAX_ANSWER = 60.0
"""Seconds for one page of a list: at first, and doubled up to the most after each failure. A server
that hangs is asked again soon, one that is slow gets the time that it needs."""
_SLICE = 50
"""Objects that are parsed until other tasks get their turn."""
LARGE_AT_ONCE = 8
"""Large objects that are parsed away from the event loop at a time."""


Away = Callable[[str, Callable[[], Any]], Awaitable[Any]]
"""Runs work of a namespace away from the event loop: `Offload.run`."""


class Informer(ObjectCache[T]):
    """The objects of a selection. `synced` is set once the handlers know all of a first list.

    `failure` says why the last list or watch failed; it is empty while all is well. Objects that
    `is_large` are parsed by `away`. `is_optional`: the kind itself may be missing.
    """

    def __init__(  # noqa: PLR0913 (all by name)
        self,
        objects: ClusterApi,
        selection: Selection,
        parse: Callable[[Document], T],
        *,
        refresh: Refresh[T] | None = None,
        is_large: Callable[[Document], bool] = lambda _document: False,
        away: Away | None = None,
        is_optional: bool = False,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        super().__init__(selection, parse, refresh)
        self._is_large = is_large
        self._away = away
        self._is_optional = is_optional
        self.synced = asyncio.Event()
        self.failure = ""
        self._objects = objects
        self._clock = clock
        self._sleep = sleep
        self._version = ""
        self._failed_in_a_row = 0

    async def run(self) -> None:
        while True:
            at_least = 0.0
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except VersionGone:
                self._version = ""
                self._failed_in_a_row += 1
            except ProviderError as error:
                if self._is_optional and isinstance(error, ObjectNotFound):
                    await self._sleep(ABSENT * (1 + random() / 5))  # noqa: S311 (no secret)
                    continue
                self._note_failure(str(error))
                at_least = error.retry_after if isinstance(error, KubernetesThrottled) else 0.0
            if self._failed_in_a_row:
                await self._sleep(max(self._pause(), at_least))

    async def _list(self) -> None:
        keys: set[ObjectKey] = set()
        version = ""
        timeout = min(FIRST_ANSWER * 2.0 ** min(self._failed_in_a_row, 10), MAX_ANSWER)
        async for page in self._objects.list(self.selection, timeout=timeout):
            version = page.version
            keys.update(map(key_of, page.items))
            await self._put_all(page.items)
        self.keep_only(keys, version)
        self._version = version
        self.synced.set()

    async def _put_all(self, documents: Sequence[Document]) -> None:
        """Take in objects; other tasks get their turn in between."""
        large: list[Document] = []
        for number, document in enumerate(documents, 1):
            if self._is_work(document):
                large.append(document)
            else:
                self.put(document)
            if number % _SLICE == 0:
                await asyncio.sleep(0)
        for first in range(0, len(large), LARGE_AT_ONCE):
            some = large[first : first + LARGE_AT_ONCE]
            await asyncio.gather(*map(self._put, some))

    async def _watch(self) -> None:
        began, any_event = self._clock(), False
        seconds = int(WATCH_SECONDS * (1 + random() / 2))  # noqa: S311 (no secret)
        async with self._objects.watch(self.selection, self._version, seconds=seconds) as events:
            self._note_recovery()
            async for event in events:
                any_event = True
                self._note_success()
                await self._take(event)
                self._version = event.version
        if any_event or self._clock() - began >= SHORT:
            self._note_success()
        else:
            self._note_failure(f"the API server ends watches of {self.selection} at once")

    async def _take(self, event: WatchEvent) -> None:
        if event.type == "BOOKMARK":
            return
        if event.type == "DELETED":
            self.remove(key_of(event.object), event.version)
        else:
            await self._put(event.object)

    async def _put(self, document: Document) -> None:
        if self._away is None or not self._is_work(document):
            self.put(document)
            return
        key = key_of(document)
        self.put(document, await self._away(key.namespace, partial(self.parsed, document)))

    def _is_work(self, document: Document) -> bool:
        """Whether to parse an object takes longer than the event loop may be held."""
        is_work = self.has_new_spec(document) and self._is_large(document)
        return is_work and self.is_news(document)

    def _note_recovery(self) -> None:
        if self.failure:
            logger.info("a watch works again", extra=fields(what=str(self.selection)))
        self.failure = ""

    def _note_success(self) -> None:
        self._note_recovery()
        self._failed_in_a_row = 0

    def _note_failure(self, why: str) -> None:
        self._failed_in_a_row += 1
        if not self.failure:
            about = fields(what=str(self.selection), error=why)
            logger.warning("cannot list or watch", extra=about)
        self.failure = why

    def _pause(self) -> float:
        pause = min(FIRST_PAUSE * 2.0 ** min(self._failed_in_a_row - 1, 10), MAX_PAUSE)
        return pause * (1 - random() / 2)  # noqa: S311 (no secret)
