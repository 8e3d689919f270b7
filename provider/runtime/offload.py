"""Runs CPU work of hostile size off the event loop, fairly among tenants.

Parsing a class, evaluating its expressions and writing a volume may take far longer than the event
loop may be held. This work runs in two threads at most. One tenant has one job running at a time,
and the tenants take turns, so a tenant with many long jobs delays another by one job at most.
A running thread cannot be interrupted: the work itself needs a bound, such as a `Budget`.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from provider.errors import OutOfTime, Overloaded

T = TypeVar("T")


class _Tenant:
    """The jobs of one tenant: they wait for `turn` in the order in which they came."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.jobs = 0


class Offload:
    """A few threads, shared by all tenants. All methods are called on one event loop."""

    def __init__(self, threads: int = 2, most_waiting: int = 256) -> None:
        """`most_waiting` is the number of jobs that one tenant may have at a time."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="offload")
        self._free = asyncio.Semaphore(threads)
        self._most = most_waiting
        self._tenants: dict[str, _Tenant] = {}
        self._closed = False

    async def run(self, tenant: str, fn: Callable[[], T]) -> T:
        """The result of `fn()`, called in a thread; raises what `fn` raises.

        Raises `Overloaded` if the tenant has too many jobs, `OutOfTime` after `close`. A caller
        that is cancelled leaves at once; its place is free when its thread is done.
        """
        jobs = self._tenants.setdefault(tenant, _Tenant())
        if jobs.jobs >= self._most:
            raise Overloaded(f"{self._most} requests of {tenant} are waiting to be worked on")
        jobs.jobs += 1
        try:
            work = await self._start(jobs, fn)
        except BaseException:
            self._leave(tenant, jobs)
            raise
        work.add_done_callback(lambda _: self._finish(tenant, jobs, work))
        return await asyncio.shield(work)

    async def _start(self, jobs: _Tenant, fn: Callable[[], T]) -> asyncio.Future[T]:
        """Wait for the tenant's turn, then for a thread. Each tenant waits for a thread once, and
        the semaphore is first come first served: that is what makes the tenants take turns."""
        await jobs.turn.acquire()
        try:
            await self._free.acquire()
        except BaseException:
            jobs.turn.release()
            raise
        try:
            if self._closed:
                raise OutOfTime("the process is stopping")
            return asyncio.get_running_loop().run_in_executor(self._pool, fn)
        except RuntimeError as error:
            self._release(jobs)
            raise Overloaded("the system gives this process no more threads") from error
        except BaseException:
            self._release(jobs)
            raise

    def _finish(self, tenant: str, jobs: _Tenant, work: asyncio.Future[T]) -> None:
        if not work.cancelled():
            work.exception()  # a caller that is gone does not retrieve it
        self._release(jobs)
        self._leave(tenant, jobs)

    def _release(self, jobs: _Tenant) -> None:
        self._free.release()
        jobs.turn.release()

    def _leave(self, tenant: str, jobs: _Tenant) -> None:
        jobs.jobs -= 1
        if not jobs.jobs:
            del self._tenants[tenant]

    def close(self) -> None:
        """Start no more jobs; those that run end by themselves."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
