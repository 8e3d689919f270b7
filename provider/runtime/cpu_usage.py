"""The CPU time that each tenant has used lately, to let those who used the least go first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from resource import RUSAGE_CHILDREN, getrusage
from threading import local
from time import monotonic, thread_time

from provider.runtime.lru import Lru

HALF_LIFE = 60.0
"""Seconds after which half of what was used is forgotten."""
QUANTUM = 0.05
"""Seconds of CPU; smaller differences do not count."""
_TENANTS = 1000
"""Tenants whose use is kept: those that used CPU last."""


class _Processes(local):
    """Of one thread: CPU of the processes that its jobs have waited for, in seconds."""

    seconds = 0.0


_processes = _Processes()


def cpu_of_job() -> float:
    """Seconds of CPU of this thread and of the processes in `processes_counted`, until now."""
    return thread_time() + _processes.seconds


@contextmanager
def processes_counted() -> Iterator[None]:
    """Counts the CPU of processes that a job starts and waits for in this block.

    Processes that other such blocks wait for meanwhile count too.
    """
    before = getrusage(RUSAGE_CHILDREN)
    try:
        yield
    finally:
        after = getrusage(RUSAGE_CHILDREN)
        _processes.seconds += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


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
