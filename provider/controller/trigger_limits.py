"""How often changes of other objects, and of an object itself, have it looked at.

Two ExternalSecrets may feed each other with templates, or an ExternalSecret itself by its own
Secret. Somebody may fight for a Secret. Each would cost writes without end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from provider.controller.schedule import Item
from provider.runtime.lru import Lru

BURST = 10
"""Looks at one object at once."""
REFILL = 1.0
"""Seconds for each further one: as often as the shortest interval."""
REMEMBERED = 20_000
"""Objects."""


@dataclass(slots=True)
class _Bucket:
    """Looks that are left at a moment; below 0 if one of the next seconds is taken already."""

    left: float
    at: float


class TriggerLimits:
    """Passes on to `add`: at once, or as soon as the object may be looked at again."""

    def __init__(
        self, add: Callable[[Item, float], None], clock: Callable[[], float] = monotonic
    ) -> None:
        self._add = add
        self._clock = clock
        self._buckets: Lru[Item, _Bucket] = Lru(REMEMBERED)

    def add(self, item: Item, seconds: float) -> None:
        """Have an object looked at in so many seconds; 0 is at once."""
        self._add(item, seconds or self._wait(item))

    def _wait(self, item: Item) -> float:
        """Seconds until the object may be looked at; a look that is due later counts once."""
        now = self._clock()
        bucket = self._buckets.get(item) or _Bucket(BURST, now)
        self._buckets.put(item, bucket)
        bucket.left = min(BURST, bucket.left + (now - bucket.at) / REFILL)
        bucket.at = now
        if bucket.left < 0:
            return -bucket.left * REFILL
        bucket.left -= 1
        return max(0.0, -bucket.left * REFILL)
