"""The mounts of this node: which pod has what, since when, and what failed last.

The driver hides failures of remounts, and does not say when a pod is gone. If the kubelet's folder
is mounted, a mount is live while its target exists. (The driver removes the target of a failed
mount, so a mount that was never delivered is live while the folder of its pod exists.) Otherwise a
mount is live until there was no request for it for three times the longest interval between
remounts, and for at least 15 minutes: without rotation it is forgotten while its pod still runs.
The kubelet tries a mount that was never delivered every few minutes, so that is forgotten sooner.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2s
from pathlib import Path
from sys import getsizeof
from time import monotonic

from provider.csi.mount import DeliveredObject, Delivery, LastDelivery
from provider.csi.request.model import MountSpec, Volume
from provider.engine.model import Identity
from provider.errors import ProviderError
from provider.runtime.lru import FairLru

MAX_MOUNTS = 2048
"""Far above what a node runs. Of the namespace with the most, the mount that was asked for longest
ago is forgotten first."""
MAX_OBJECTS = 50
"""Objects kept of one mount."""
MAX_TEXTS = 32 * 1024
"""Bytes of their names, files and versions."""
MAX_ERROR = 4000
"""Characters kept of an error."""

MIN_LIFE_SECONDS = 15 * 60.0
MAX_LIFE_SECONDS = 24 * 3600.0
UNDELIVERED_LIFE_SECONDS = 5 * 60.0
"""The kubelet tries a failed mount again after two minutes at most, and a mount may take two."""
INTERVALS = 3


def mount_id(target_path: str) -> str:
    """Names a volume in log and Events.

    It is the same for every attempt: Kubernetes counts equal Events, and lists others one by one.
    """
    return blake2s(target_path.encode(), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True)
class Mount(Volume):
    """What is known of one volume. Times are `time.monotonic`."""

    first_seen: float
    last_attempt: float
    interval: float = 0.0
    """Seconds between the last two attempts."""
    identity: Identity | None = None
    objects: tuple[DeliveredObject, ...] = ()
    object_count: int = 0
    digest: int | None = None
    """Of all versions; None before the first success."""
    delivery: LastDelivery | None = None
    terms: tuple[object, ...] = ()
    """What decided the identity of that delivery."""
    current_at: float | None = None
    """When the oldest of the values delivered was last known to be current."""
    from_memory: bool = False
    failures: int = 0
    """Attempts that failed since the last success."""
    reason: str = ""
    error: str = ""
    """Why the last failed attempt failed."""
    failed_at: float | None = None

    @property
    def id(self) -> str:
        return mount_id(self.target_path)

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.failures > 0

    @property
    def is_delivered(self) -> bool:
        """Whether this process has delivered the volume; another one may have, before it."""
        return self.delivery is not None


@dataclass(frozen=True, slots=True)
class Step:
    """A mount before and after an attempt."""

    before: Mount | None
    after: Mount
    failure: ProviderError | None = None

    @property
    def changed(self) -> bool:
        """Whether the versions delivered differ from those before."""
        return self.before is None or self.before.digest != self.after.digest


class MountRegistry:
    """One for the process. `pods` is the kubelet's folder of pods."""

    def __init__(
        self,
        pods: Path,
        *,
        max_mounts: int = MAX_MOUNTS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._pods = pods
        self._prefix = f"{pods}/"
        self._clock = clock
        self._mounts: FairLru[str, Mount] = FairLru(max_mounts, self._namespace)

    def last_delivery(self, spec: MountSpec) -> LastDelivery | None:
        """The last delivery of this volume; None: this is a first mount.

        The driver does not say which it is. A request of another pod or service account, or of a
        class that now wants another identity, is a first mount. So is every volume after a restart
        of the daemon, which costs a read and is never wrong.
        """
        mount = self._mounts.get(spec.target_path)
        return mount.delivery if mount and mount.terms == _terms(spec) else None

    def succeeded(self, spec: MountSpec, delivery: Delivery, current_at: float | None) -> Step:
        """Keep that the volume got its files; `current_at` is as `Mount.current_at`."""
        now, before = self._clock(), self._mounts.get(spec.target_path)
        after = replace(
            _attempted(before, spec, now),
            identity=delivery.identity,
            objects=tuple(_kept(delivery.objects)),
            object_count=len(delivery.objects),
            digest=hash(tuple((one.path, one.version) for one in delivery.files)),
            delivery=LastDelivery(delivery.identity, now),
            terms=_terms(spec),
            current_at=current_at,
            from_memory=delivery.from_memory,
            failures=0,
        )
        self._mounts.put(after.target_path, after)
        return Step(before, after)

    def failed(
        self,
        target_path: str,
        volume: Volume | None,
        failure: ProviderError,
        identity: Identity | None,
    ) -> Step | None:
        """Keep that the mount failed; None where it is unknown whose it is.

        `volume` is None where the request is malformed; the volume may be known from before.
        """
        now, before = self._clock(), self._mounts.get(target_path)
        known = volume or before
        if known is None:
            return None
        mount = _attempted(before, known, now)
        after = replace(
            mount,
            identity=identity or mount.identity,
            failures=mount.failures + 1,
            reason=failure.reason,
            error=str(failure)[:MAX_ERROR],
            failed_at=now,
        )
        self._mounts.put(after.target_path, after)
        return Step(before, after, failure)

    def live(self) -> list[Mount]:
        """All mounts whose pods exist, as far as that can be known."""
        now, mounts = self._clock(), list(self._mounts.values())
        if self._pods.is_dir():
            live, kept_for = list(filter(self._exists, mounts)), MIN_LIFE_SECONDS
        else:
            live, kept_for = _remounted(mounts, now), MAX_LIFE_SECONDS
        for path in self._mounts.keys() - {mount.target_path for mount in live}:
            if now - self._mounts[path].last_attempt > kept_for:
                del self._mounts[path]
        return live

    def ages(self, live: list[Mount]) -> list[tuple[Mount, float]]:
        """These mounts, with the seconds since each was last known to be current.

        Only those that are remounted: without rotation values are as old as they should be.
        """
        now = self._clock()
        remounted = _remounted(live, now)
        return [(one, now - one.current_at) for one in remounted if one.current_at is not None]

    def _namespace(self, target_path: str) -> str:
        return self._mounts[target_path].pod.namespace

    def _exists(self, mount: Mount) -> bool:
        path = os.path.normpath(mount.target_path)
        if not path.startswith(self._prefix):
            return False
        pod = path.removeprefix(self._prefix).partition("/")[0]
        return os.path.lexists(path if mount.is_delivered else self._prefix + pod)


def _terms(spec: MountSpec) -> tuple[object, ...]:
    """What decides the identity: pod, service account, and the way of authentication."""
    pod, klass = spec.pod, spec.klass
    account = pod.uid, pod.namespace, pod.service_account
    return account, klass.identity_kind, klass.role_arn, klass.assume_role, klass.session_tags


def _kept(objects: Sequence[DeliveredObject]) -> Iterator[DeliveredObject]:
    """The first objects: a class may have thousands, with names and files of kilobytes."""
    room = MAX_TEXTS
    for one in objects[:MAX_OBJECTS]:
        texts = one.ref.name, one.ref.version, one.ref.label, one.file, one.version, one.arn
        room -= sum(getsizeof(text) for text in texts if text)
        if room < 0:
            return
        yield one


def _attempted(before: Mount | None, spec: Volume, now: float) -> Mount:
    """The mount at a new attempt, whose outcome is still open."""
    if before is None:
        return Mount(spec.pod, spec.class_name, spec.target_path, now, now)
    return replace(
        before,
        last_attempt=now,
        interval=now - before.last_attempt,
        pod=spec.pod,
        # Old drivers send the name of the class only with the first mount.
        class_name=spec.class_name or before.class_name,
    )


def _remounted(mounts: list[Mount], now: float) -> list[Mount]:
    """The mounts that were asked for not too long ago."""
    recent = [mount for mount in mounts if now - mount.last_attempt <= MAX_LIFE_SECONDS]
    longest = max([MIN_LIFE_SECONDS, *(INTERVALS * mount.interval for mount in recent)])
    return [mount for mount in recent if now - mount.last_attempt <= _life(mount, longest)]


def _life(mount: Mount, longest: float) -> float:
    """Seconds from its last attempt until the mount is forgotten."""
    if mount.is_delivered:
        return longest
    return min(longest, max(UNDELIVERED_LIFE_SECONDS, INTERVALS * mount.interval))
