"""What is known of the mounts of this node."""

from dataclasses import dataclass
from typing import NamedTuple

from provider.csi.request.model import Volume
from provider.engine.model import StoreName
from provider.errors import ProviderError


class MountedObject(NamedTuple):
    """One object as it was delivered last, and as the status has it; `id` is unique in it."""

    name: str
    type: StoreName
    id: str
    region: str
    version: str


@dataclass(frozen=True, slots=True)
class Mount(Volume):
    """What is known of one volume. Times are `time.monotonic`."""

    id: str
    first_seen: float
    last_attempt: float
    interval: float = 0.0
    """Seconds between the last two attempts."""
    identity: str = ""
    objects: tuple[MountedObject, ...] = ()
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
    """Why the last failed attempt failed."""
    failed_at: float | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.failures > 0

    @property
    def is_delivered(self) -> bool:
        """Whether this process has delivered the volume; another one may have, before it."""
        return self.last_success is not None


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
