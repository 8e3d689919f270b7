"""The CPU time that each tenant has used lately, to let those who used the least go first."""

from collections.abc import Callable
from time import monotonic

from provider.runtime.lru import Lru

HALF_LIFE = 60.0
"""Seconds after which half of what was used is forgotten."""
QUANTUM = 0.05
"""Seconds of CPU; smaller differences do not count."""
_TENANTS = 1000
"""Tenants whose use is kept: those that used CPU last."""


class CpuUsage:
    """All methods are called in one thread."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._used: Lru[str, tuple[float, float]] = Lru(_TENANTS)

    def add(self, tenant: str, seconds: float) -> None:
        """Count seconds of CPU."""
        self._used.put(tenant, (self._seconds(tenant) + seconds, self._clock()))

    def quanta(self, tenant: str) -> int:
        """How much CPU a tenant has used lately."""
        return int(self._seconds(tenant) / QUANTUM)

    def _seconds(self, tenant: str) -> float:
        used, at = self._used.get(tenant, (0.0, 0.0))
        return used and float(used * 0.5 ** ((self._clock() - at) / HALF_LIFE))
