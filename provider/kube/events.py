"""Kubernetes Events: what happened to an object, for the people who look at it.

Nothing waits for an Event, and a failure to write one fails nothing else: it is dropped. An Event
that repeats is one object with a count, as those of the kubelet are. The number of writes is
bounded for each object, each namespace and in total, so that a noisy one cannot displace others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2s
from time import monotonic, time
from typing import Literal, NoReturn

from provider.errors import ObjectExists, ObjectNotFound, ProviderError
from provider.kube.kinds import EVENTS, Document
from provider.kube.limits import IN_TOTAL, EventLimits, Limit
from provider.kube.objects import Objects
from provider.runtime.log import fields, logger
from provider.runtime.lru import Lru

QUEUE = 256
"""Events that wait to be written; more are dropped."""
REMEMBERED = 1000
"""Events that are remembered."""
AT_ONCE = 10
PAUSE = 0.1
"""Seconds between two writes while more than so many Events wait: a start makes many, and writes
that somebody waits for come first."""
REPEAT = 300.0
"""Least seconds between two writes of one Event."""
MAX_MESSAGE = 1024
CANNOT_WRITE = "cannot write Kubernetes Events, which needs the verbs create and patch on events"


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """The object that an Event is about. Without a namespace, its Events are in `default`."""

    kind: str
    namespace: str
    name: str
    uid: str
    api_version: str = "v1"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened. The message contains no secret.

    Events of one object, reason and `key` are counted as one, with the latest message; without a
    key, those of one message.
    """

    about: ObjectReference
    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    key: str = ""

    @property
    def name(self) -> str:
        identity = f"{self.about.uid}\0{self.reason}\0{self.key or self.message}"
        digest = blake2s(identity.encode(), digest_size=8).hexdigest()
        return f"{self.about.name[:200].rstrip('-.')}.{digest}"


@dataclass(slots=True)
class _Series:
    """The same Event, again and again. `written_at` is when it was last queued (monotonic)."""

    first: float
    count: int = 0
    written_at: float | None = None
    exists: bool = False


class EventRecorder:
    """Queues Events for `write_all`. `component` and `host` say who writes them."""

    def __init__(  # noqa: PLR0913 (all by name)
        self,
        api: Objects,
        *,
        component: str,
        host: str,
        total: Limit = IN_TOTAL,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._component = component
        self._host = host
        self._clock = clock
        self._sleep = sleep
        self._queue: asyncio.Queue[tuple[Event, _Series]] = asyncio.Queue(QUEUE)
        self._series: Lru[str, _Series] = Lru(REMEMBERED)
        self._limits = EventLimits(total, clock)

    def record(self, event: Event) -> None:
        """Count an Event and, if the bounds allow it, queue it. Never waits, never raises."""
        now, about = self._clock(), event.about
        key = f"{about.namespace}/{event.name}"
        series = self._series.get(key) or _Series(time())
        series.count += 1
        self._series.put(key, series)
        is_early = series.written_at is not None and now - series.written_at < REPEAT
        if is_early or self._queue.full() or not self._limits.take(about.namespace, about):
            return
        series.written_at = now
        self._queue.put_nowait((event, series))

    async def write_all(self) -> NoReturn:
        """Write what is recorded, until cancelled; Events that wait then are dropped."""
        is_failing = False
        while True:
            event, series = await self._queue.get()
            try:
                await self._write(event, series)
                is_failing = False
            except ProviderError as error:
                if not is_failing:
                    logger.warning(CANNOT_WRITE, extra=fields(error=str(error)))
                is_failing = True
            if self._queue.qsize() > AT_ONCE:
                await self._sleep(PAUSE)

    async def _write(self, event: Event, series: _Series) -> None:
        """Create the Event object or update its count; raises ProviderError."""
        if series.exists:
            try:
                await self._patch(event, _latest(event, series))
                return
            except ObjectNotFound:  # Kubernetes keeps Events for an hour
                series.exists = False
        try:
            await self._api.create(EVENTS, self._document(event, series))
        except ObjectExists:  # an earlier process has created it
            # An empty change answers with the Event: no right to read Events is needed.
            count = (await self._patch(event, {})).get("count")
            series.count += count if type(count) is int else 0
            await self._patch(event, _latest(event, series))
        series.exists = True

    async def _patch(self, event: Event, change: Document) -> Document:
        return await self._api.merge_patch(EVENTS, _namespace(event.about), event.name, change)

    def _document(self, event: Event, series: _Series) -> Document:
        about = event.about
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": _namespace(about), "name": event.name},
            "involvedObject": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": about.uid,
            },
            "type": event.type,
            "reason": event.reason,
            "firstTimestamp": _timestamp(series.first),
            "source": {"component": self._component, "host": self._host},
            "reportingComponent": self._component,
            "reportingInstance": self._host,
            **_latest(event, series),
        }


def _latest(event: Event, series: _Series) -> Document:
    """What changes when an Event repeats."""
    return {
        "message": event.message[:MAX_MESSAGE],
        "count": series.count,
        "lastTimestamp": _timestamp(time()),
    }


def _namespace(about: ObjectReference) -> str:
    """Where Events about an object are; for one without a namespace Kubernetes prescribes it."""
    return about.namespace or "default"


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
