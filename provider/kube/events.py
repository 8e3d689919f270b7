"""Kubernetes Events on pods: what the driver keeps to itself about rotations, told to their owners.

Nothing waits for an event, and none is worth a failed mount: what cannot be written is dropped. One
thing told again and again is one Event that counts, as the kubelet's are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2s
from queue import Full, Queue
from threading import Thread
from time import monotonic, time
from typing import Any, Literal, Protocol
from urllib.parse import quote

from provider.deadline import Deadline
from provider.errors import KubernetesUnavailable
from provider.http.response import Reply
from provider.runtime.log import fields, logger
from provider.runtime.lru import Lru
from provider.csi.request.model import Pod

COMPONENT = "secrets-provider-aws"
QUEUE = 256
"""Notices that wait to be written; the rest of a burst is dropped."""
KNOWN = 1000
"""Events that are counted on instead of being made anew."""
REPEAT = 300.0
"""Least seconds between two writes of one Event."""
BURST = 25
REFILL = 10.0
"""Seconds for each further write once a burst is used up."""
MAX_MESSAGE = 1024
TIMEOUT = 10.0

Reason = Literal["SecretRotationFailed", "SecretRotated"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened to a pod's volume, in words without any value."""

    pod: Pod
    reason: Reason
    message: str

    @property
    def name(self) -> str:
        """Name of the Event: equal notices are the same one."""
        told = f"{self.pod.uid}\0{self.reason}\0{self.message}"
        return f"{self.pod.name[:200]}.{blake2s(told.encode(), digest_size=8).hexdigest()}"


class Writes(Protocol):
    """The Kubernetes API, as far as it is written to."""

    def write(
        self, method: Literal["POST", "PATCH"], path: str, document: Any, deadline: Deadline
    ) -> Reply:
        """The answer, whatever it says; raises `KubernetesUnavailable`."""
        ...


@dataclass(slots=True)
class _Told:
    first: float
    count: int = 0
    written_at: float | None = None


class Events:
    """Thread-safe. `node` is where it runs, `clock` a monotonic one."""

    def __init__(self, api: Writes, *, node: str, clock: Callable[[], float] = monotonic) -> None:
        self._api = api
        self._node = node
        self._clock = clock
        self._queue: Queue[Notice] = Queue(QUEUE)
        self._told: Lru[str, _Told] = Lru(KNOWN)
        self._tokens = float(BURST)
        self._refilled_at = clock()
        self._last_problem = ""

    def start(self) -> None:
        """Write what is told from now on, in a thread of its own."""
        Thread(target=self._run, name="events", daemon=True).start()

    def tell(self, notice: Notice) -> None:
        """Take it down; never waits, never raises."""
        try:
            self._queue.put_nowait(notice)
        except Full:
            logger.debug("too many events at a time", extra=fields(pod=str(notice.pod)))

    def _run(self) -> None:
        while True:
            self.write(self._queue.get())

    def write(self, notice: Notice) -> None:
        """Write one notice, if its time has come."""
        told = self._count(notice)
        now = self._clock()
        is_early = told.written_at is not None and now - told.written_at < REPEAT
        if is_early or not self._take_token(now):
            return
        try:
            self._write(notice, told)
        except Exception as error:  # noqa: BLE001 - the barrier of this thread
            self._say(str(error) if isinstance(error, KubernetesUnavailable) else repr(type(error)))

    def _count(self, notice: Notice) -> _Told:
        told = self._told.get(notice.name) or _Told(time())
        told.count += 1
        self._told.put(notice.name, told)
        return told

    def _take_token(self, now: float) -> bool:
        self._tokens = min(BURST, self._tokens + (now - self._refilled_at) / REFILL)
        self._refilled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _write(self, notice: Notice, told: _Told) -> None:
        """Count on, or make the Event if it is not there (any more)."""
        is_new = told.written_at is None
        told.written_at = self._clock()
        reply = self._make(notice, told) if is_new else self._count_on(notice, told)
        if is_new and reply.status == 409:  # of a daemon before this one
            reply = self._count_on(notice, told)
        elif not is_new and reply.status == 404:  # Kubernetes keeps Events for an hour
            reply = self._make(notice, told)
        if reply.status in (200, 201):
            self._last_problem = ""
        else:
            self._say(f"Kubernetes answered {reply.status}")

    def _make(self, notice: Notice, told: _Told) -> Reply:
        return self._send("POST", _path(notice.pod), self._event(notice, told))

    def _count_on(self, notice: Notice, told: _Told) -> Reply:
        change = {"count": told.count, "lastTimestamp": _moment(time())}
        return self._send("PATCH", f"{_path(notice.pod)}/{quote(notice.name, safe='')}", change)

    def _send(
        self, method: Literal["POST", "PATCH"], path: str, document: Mapping[str, Any]
    ) -> Reply:
        return self._api.write(method, path, document, Deadline.after(TIMEOUT))

    def _event(self, notice: Notice, told: _Told) -> Mapping[str, Any]:
        pod = notice.pod
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": pod.namespace, "name": notice.name},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "namespace": pod.namespace,
                "name": pod.name,
                "uid": pod.uid,
            },
            "type": "Warning" if notice.reason == "SecretRotationFailed" else "Normal",
            "reason": notice.reason,
            "message": notice.message[:MAX_MESSAGE],
            "count": told.count,
            "firstTimestamp": _moment(told.first),
            "lastTimestamp": _moment(time()),
            "source": {"component": COMPONENT, "host": self._node},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._node,
        }

    def _say(self, problem: str) -> None:
        """Once, not each time: what cannot be written now cannot be in a minute."""
        if problem != self._last_problem:
            logger.warning(
                "cannot write events; --events needs the verbs create and patch on events",
                extra=fields(why=problem),
            )
        self._last_problem = problem


def _path(pod: Pod) -> str:
    return f"/api/v1/namespaces/{quote(pod.namespace, safe='')}/events"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
