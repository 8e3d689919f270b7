"""Bounds how often changes make the controller reconcile one object.

Two ExternalSecrets may use the Secrets of each other in templates, or one its own Secret. Another
client may change a Secret again and again. Each would cause writes without end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from provider.controller.scheduling.schedule import Item
from provider.runtime.lru import Lru

BURST = 10
"""Reconciles of one object without a wait."""
REFILL = 1.0
"""Seconds until one more is allowed: the shortest refresh interval."""
REMEMBERED = 20_000
"""Objects whose reconciles are counted."""


@dataclass(slots=True)
class _Bucket:
    """Reconciles that are left at the time `at`; below 0 if the next one is scheduled already."""

    left: float
    at: float


class TriggerLimits:
    """Calls `add` with each object, and the seconds until it may be reconciled again."""

    def __init__(
        self, add: Callable[[Item, float], None], clock: Callable[[], float] = monotonic
    ) -> None:
        self._add = add
        self._clock = clock
        self._buckets: Lru[Item, _Bucket] = Lru(REMEMBERED)

    def add(self, item: Item, seconds: float) -> None:
        """Reconcile an object after so many seconds; 0: as soon as its limit allows."""
        self._add(item, seconds or self._wait(item))

    def _wait(self, item: Item) -> float:
        """Seconds until the object may be reconciled; one that is scheduled counts once."""
        now = self._clock()
        bucket = self._buckets.get(item) or _Bucket(BURST, now)
        self._buckets.put(item, bucket)
        bucket.left = min(BURST, bucket.left + (now - bucket.at) / REFILL)
        bucket.at = now
        if bucket.left < 0:
            return -bucket.left * REFILL
        bucket.left -= 1
        return max(0.0, -bucket.left * REFILL)
