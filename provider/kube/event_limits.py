"""Bounds on the Events that are written: for each object, each namespace, and in total."""

from collections.abc import Callable
from typing import NamedTuple

from provider.runtime.lru import Lru


class Limit(NamedTuple):
    """Writes that may happen at once, and seconds for each further one."""

    burst: int
    refill: float


IN_TOTAL = Limit(25, 10.0)
OF_A_NAMESPACE = Limit(10, 30.0)
OF_AN_OBJECT = Limit(5, 60.0)
REMEMBERED = 1000
"""Objects and namespaces that are remembered."""


class EventLimits:
    """Token buckets; one set for each recorder."""

    def __init__(self, total: Limit, clock: Callable[[], float]) -> None:
        self._total = total
        self._clock = clock
        self._full_at: Lru[object, float] = Lru(REMEMBERED)
        """When each bucket has all its tokens again; one that is not in here has them."""

    def take(self, namespace: str, about: object) -> bool:
        """Whether every limit allows one more write about this object, which is then counted."""
        now = self._clock()
        full_at = {}
        for key, limit in ((about, OF_AN_OBJECT), (namespace, OF_A_NAMESPACE), (None, self._total)):
            full_at[key] = max(self._full_at.get(key, now), now) + limit.refill
            if full_at[key] > now + limit.burst * limit.refill:
                return False
        for key, at in full_at.items():
            self._full_at.put(key, at)
        return True
