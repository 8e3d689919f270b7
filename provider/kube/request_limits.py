"""How many requests to the Kubernetes API are under way, and how many follow each other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from provider.kube.limits import Limit

CONCURRENT = 32
"""Requests under way."""


class RequestLimits:
    """Bounds requests under way; with `qps` also their rate, after `burst` that may go at once.

    Requests get their turns in the order of their arrival. By default there is no limit to the
    rate: the API server has its own (API Priority and Fairness), which knows its load.
    """

    def __init__(
        self,
        concurrent: int = CONCURRENT,
        *,
        qps: float | None = None,
        burst: int = 1,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._slots = asyncio.Semaphore(concurrent)
        self._rate = Limit(max(burst, 1), 1 / qps if qps else 0.0)
        self._clock = clock
        self._full_at = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a request may be sent; it is under way until the context ends."""
        async with self._slots:
            self._full_at, wait = self._rate.taken(self._full_at, self._clock())
            if wait:
                await asyncio.sleep(wait)
            yield
