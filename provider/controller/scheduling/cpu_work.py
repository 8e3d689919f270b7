"""CPU work on what tenants write: templates, paths, rewrites, large documents.

Two threads: work that takes a moment never waits for work that takes long. What is not done within
the moment is ended, and begins anew in the other thread. In both, the namespace that used the least
CPU lately goes first. So work must have no effect but its result. It asks often whether its time is
over; then it ends with a `ProviderError`.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from provider.controller.template.limits import STEP_SECONDS, Expired
from provider.errors import ProviderError
from provider.runtime.cpu_usage import CpuUsage, cpu_of_job
from provider.runtime.offload import Offload

__all__ = ["CpuWork", "Expired"]

T = TypeVar("T")

MOMENT = 0.05
"""Seconds of CPU; most work takes a tenth of it."""
MOST = 5.0
"""Seconds of CPU of one piece of work."""


class CpuWork:
    """The two threads; one for the process."""

    def __init__(self, *, moment: float = MOMENT, most: float = MOST) -> None:
        usage = CpuUsage()
        self._moment = moment
        self._most = most
        self._short = Offload(threads=1, usage=usage)
        self._long = Offload(threads=1, usage=usage)

    async def run(self, namespace: str, work: Callable[[Expired], T]) -> T:
        """The result of `work`; raises what it raises, and as `Offload.run`."""
        result = await self._short.run(namespace, partial(_begun, work, self._moment))
        if isinstance(result, _NotDone):
            return await self._long.run(namespace, lambda: work(_limit(self._most)))
        return result

    def close(self) -> None:
        """Begin no more work."""
        self._short.close()
        self._long.close()


class _NotDone:
    """The work takes longer than a moment. An exception would keep what the work had in memory."""


def _begun(work: Callable[[Expired], T], seconds: float) -> T | _NotDone:
    """The result of work, if it takes no longer."""
    is_over, limit = False, _limit(seconds)

    def expired(steps: int = 0, /) -> bool:
        nonlocal is_over
        is_over = is_over or limit(steps)
        return is_over

    try:
        return work(expired)
    except ProviderError:
        if is_over:
            return _NotDone()
        raise


def _limit(seconds: float) -> Expired:
    """Returns whether this thread, and the processes it waited for, used more CPU since now."""
    until = cpu_of_job() + seconds

    def expired(steps: int = 0, /) -> bool:
        return cpu_of_job() + steps * STEP_SECONDS > until

    return expired
