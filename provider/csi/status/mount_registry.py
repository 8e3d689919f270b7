"""The live mounts of this node: who has what, since when, and what went wrong last.

The driver hides the failures of remounts, so somebody has to keep them. No value is ever in here.

Nobody tells the provider that a pod has gone. Where the kubelet's folder is mounted, a mount lives
as long as its target does. Elsewhere it lives until it has not been asked for again for three times
as long as any live mount last waited, and for at least a quarter of an hour; without rotation there
are no remounts, and so a mount is forgotten after that time although its pod may run on.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

from provider.credentials import Identity
from provider.errors import ProviderError
from provider.runtime.lru import Lru
from provider.csi.mount import Delivery
from provider.csi.request.model import MountSpec, Pod, StoreName

MAX_MOUNTS = 2048
"""Far above what a node runs; those that were asked for longest ago go first."""
MAX_OBJECTS = 50
"""Objects kept of one mount."""
MAX_ERROR = 4000

LEAST_PATIENCE = 15 * 60.0
MOST_PATIENCE = 24 * 3600.0
GAPS = 3


class LiveObject(NamedTuple):
    """One object as it was delivered last."""

    name: str
    store: StoreName
    id: str
    """What the driver is told its version under: its file, where it has one."""
    region: str
    version: str


@dataclass(frozen=True, slots=True)
class LiveMount:
    """What is known of one volume. Times are `time.monotonic`."""

    pod: Pod
    class_name: str
    target_path: str
    id: str
    first_seen: float
    last_attempt: float
    gap: float = 0.0
    """Seconds between the last two attempts."""
    identity: str = ""
    objects: tuple[LiveObject, ...] = ()
    object_count: int = 0
    digest: int | None = None
    """Of all versions; None before the first success."""
    last_success: float | None = None
    current_at: float | None = None
    """When the oldest of the values delivered was last known to be current."""
    from_memory: bool = False
    failures: int = 0
    """Attempts that failed since the last success."""
    reason: str = ""
    error: str = ""
    """Why the last one failed that did."""
    failed_at: float | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.failures > 0


@dataclass(frozen=True, slots=True)
class Step:
    """A mount before and after an attempt."""

    before: LiveMount | None
    after: LiveMount
    failure: ProviderError | None = None

    @property
    def changed(self) -> bool:
        """Whether the versions delivered differ from those before."""
        return self.before is None or self.before.digest != self.after.digest


class Book:
    """Thread-safe; one for the process. `pods` is the kubelet's folder of pods; `tell` is told of
    each step of a volume."""

    def __init__(
        self,
        pods: Path,
        *,
        tell: Callable[[Step], None] = lambda _step: None,
        max_mounts: int = MAX_MOUNTS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._pods = pods
        self._tell = tell
        self._clock = clock
        self._mounts: Lru[str, LiveMount] = Lru(max_mounts)
        self._lock = Lock()

    def succeeded(
        self, id_: str, spec: MountSpec, delivery: Delivery, current_at: float | None
    ) -> Step:
        """The volume has got its files."""
        with self._lock:
            now, before = self._clock(), self._mounts.get(spec.target_path)
            after = _attempted(
                *(before, id_, spec, now),
                identity=str(delivery.identity),
                objects=_objects(spec, delivery),
                object_count=len(delivery.versions),
                digest=hash(delivery.versions),
                last_success=now,
                current_at=now if current_at is None else current_at,
                from_memory=delivery.from_memory,
                failures=0,
            )
            step = self._keep(Step(before, after))
        self._tell(step)
        return step

    def failed(
        self,
        id_: str,
        target_path: str,
        spec: MountSpec | None,
        failure: ProviderError,
        identity: Identity | None,
    ) -> Step | None:
        """The volume has not got them; None where nobody knows whose it is.

        A class that is broken later is no mount request any more, but the volume is known.
        """
        with self._lock:
            now, before = self._clock(), self._mounts.get(target_path)
            if spec is None and before is None:
                return None
            after = _attempted(
                *(before, id_, spec, now),
                identity=str(identity) if identity else (before.identity if before else ""),
                failures=1 + (before.failures if before else 0),
                reason=failure.reason,
                error=str(failure)[:MAX_ERROR],
                failed_at=now,
            )
            step = self._keep(Step(before, after, failure))
        self._tell(step)
        return step

    def live(self) -> list[LiveMount]:
        """All mounts whose pods are there as far as can be known."""
        now, sees = self._clock(), self._pods.is_dir()
        with self._lock:
            for path, mount in list(self._mounts.items()):
                if now - mount.last_attempt > MOST_PATIENCE and not self._is_there(path):
                    del self._mounts[path]
            mounts = list(self._mounts.values())
        if sees:
            return [mount for mount in mounts if self._is_there(mount.target_path)]
        return _remounted(mounts, now)

    def failing(self) -> int:
        """How many live mounts failed at the last attempt."""
        return sum(mount.is_failing for mount in self.live())

    def stalest(self) -> float:
        """Seconds since the values of the stalest live mount were known to be current.

        Of those that are remounted: without rotation everything is as old as it is meant to be.
        """
        now = self._clock()
        known = [mount.current_at for mount in _remounted(self.live(), now)]
        return max([0.0, *(now - moment for moment in known if moment is not None)])

    def _keep(self, step: Step) -> Step:
        self._mounts.put(step.after.target_path, step.after)
        return step

    def _is_there(self, target_path: str) -> bool:
        path = os.path.normpath(target_path)
        return Path(path).is_relative_to(self._pods) and os.path.lexists(path)


def _attempted(
    before: LiveMount | None, id_: str, spec: MountSpec | None, now: float, **outcome: Any
) -> LiveMount:
    """The mount after an attempt; `spec` is None where the class is too broken to be one."""
    if before is None:
        assert spec is not None  # noqa: S101 - of such a mount nothing is known
        pod, path = spec.pod, spec.target_path
        return LiveMount(pod, spec.class_name, path, id_, now, now, **outcome)
    if spec is not None:
        name = spec.class_name or before.class_name  # old drivers tell it only at first
        outcome |= {"pod": spec.pod, "class_name": name}
    return replace(before, last_attempt=now, gap=now - before.last_attempt, **outcome)


def _remounted(mounts: list[LiveMount], now: float) -> list[LiveMount]:
    """Those that were asked for not too long ago."""
    longest = max([LEAST_PATIENCE, *(GAPS * mount.gap for mount in mounts)])
    return [mount for mount in mounts if now - mount.last_attempt <= min(longest, MOST_PATIENCE)]


def _objects(spec: MountSpec, delivery: Delivery) -> tuple[LiveObject, ...]:
    shown = spec.klass.objects[:MAX_OBJECTS]
    return tuple(
        LiveObject(obj.ref.name, obj.ref.store, id_, region, version)
        for obj, (id_, version), region in zip(
            shown, delivery.versions, delivery.regions, strict=False
        )
    )
