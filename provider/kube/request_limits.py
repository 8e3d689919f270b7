"""Bounds the requests to the Kubernetes API in flight, and with an option their rate."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

CONCURRENT = 32


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
        self._interval = 1 / qps if qps else 0.0
        self._ahead = max(burst - 1, 0) * self._interval
        self._clock = clock
        self._next = clock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a request may be sent; it is under way until the context ends."""
        async with self._slots:
            if self._interval and (wait := self._reserved()) > 0:
                await asyncio.sleep(wait)
            yield

    def _reserved(self) -> float:
        """Take the next place in time; seconds until it."""
        now = self._clock()
        place = max(self._next, now - self._ahead)
        self._next = place + self._interval
        return place - now
