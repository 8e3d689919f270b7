"""How many Events are written: for each object, for each namespace, and in total."""

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(slots=True)
class _Bucket:
    """A token bucket."""

    limit: Limit
    tokens: float
    filled_at: float

    def fill(self, now: float) -> bool:
        """Add the tokens of the time that has passed; whether there is one to take."""
        gained = (now - self.filled_at) / self.limit.refill
        self.tokens = min(self.limit.burst, self.tokens + gained)
        self.filled_at = now
        return self.tokens >= 1


class EventLimits:
    """Token buckets; one for each recorder."""

    def __init__(self, total: Limit, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._total = self._new(total)
        self._buckets: Lru[object, _Bucket] = Lru(REMEMBERED)

    def take(self, namespace: str, about: object) -> bool:
        """Whether every limit allows one more write about this object, which is then counted."""
        buckets = (
            self._total,
            self._bucket(namespace, OF_A_NAMESPACE),
            self._bucket(about, OF_AN_OBJECT),
        )
        now = self._clock()
        if not all(bucket.fill(now) for bucket in buckets):
            return False
        for bucket in buckets:
            bucket.tokens -= 1
        return True

    def _bucket(self, key: object, limit: Limit) -> _Bucket:
        bucket = self._buckets.get(key) or self._new(limit)
        self._buckets.put(key, bucket)
        return bucket

    def _new(self, limit: Limit) -> _Bucket:
        return _Bucket(limit, limit.burst, self._clock())
