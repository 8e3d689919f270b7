"""Token buckets, and those of Events."""

from collections.abc import Callable
from typing import NamedTuple

from provider.runtime.lru import Lru

REMEMBERED = 1000
"""Objects and namespaces whose Events are counted."""


class Limit(NamedTuple):
    """So many at once, and seconds for each further one."""

    burst: int
    refill: float

    def taken(self, full_at: float, now: float) -> tuple[float, float]:
        """When the bucket is full again after one more, and seconds until that one is allowed."""
        full_at = max(full_at, now) + self.refill
        wait = full_at - now - self.burst * self.refill
        return full_at, wait if wait > 1e-6 else 0.0


IN_TOTAL = Limit(25, 10.0)
OF_A_NAMESPACE = Limit(10, 30.0)
OF_AN_OBJECT = Limit(5, 60.0)
"""Of Events."""


class EventLimits:
    """Bounds Events: of each object, of each namespace, and in total."""

    def __init__(self, total: Limit, clock: Callable[[], float]) -> None:
        self._total = total
        self._clock = clock
        self._full_at: Lru[object, float] = Lru(REMEMBERED)
        """When each bucket is full again; one that is not in here is."""

    def take(self, namespace: str, about: object) -> bool:
        """Whether every limit allows one more Event about this object, which is then counted."""
        now, full_at = self._clock(), {}
        for key, limit in ((about, OF_AN_OBJECT), (namespace, OF_A_NAMESPACE), (None, self._total)):
            full_at[key], wait = limit.taken(self._full_at.get(key, now), now)
            if wait:
                return False
        for key, at in full_at.items():
            self._full_at.put(key, at)
        return True
