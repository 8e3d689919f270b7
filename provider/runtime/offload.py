"""Runs CPU work of hostile size off the event loop, fairly among tenants.

Parsing a class, evaluating its expressions and writing a volume may take far longer than the event
loop may be held. This work runs in two threads at most. One tenant has one job running at a time,
and the tenants take turns, so a tenant with many long jobs delays another by one job at most.
A running thread cannot be interrupted: the work itself needs a bound, such as a `Budget`.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TypeVar

from provider.errors import OutOfTime, Overloaded

T = TypeVar("T")


class _Tenant:
    """The jobs of one tenant, waiting and running. They take `turn` in the order they came in."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.count = 0


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
        if jobs.count >= self._most:
            raise Overloaded(f"{self._most} requests of {tenant} are waiting to be worked on")
        with ExitStack() as held:
            jobs.count += 1
            held.callback(self._leave, tenant, jobs)
            # Each tenant waits for a thread once, and threads are given first come first served:
            # that is what makes the tenants take turns.
            await jobs.turn.acquire()
            held.callback(jobs.turn.release)
            await self._free.acquire()
            held.callback(self._free.release)
            work = self._submit(fn)
            release = held.pop_all()
        work.add_done_callback(lambda _: release.close())
        return await asyncio.shield(work)

    def _submit(self, fn: Callable[[], T]) -> "asyncio.Future[T]":
        if self._closed:
            raise OutOfTime("the process is stopping")
        job = [fn]

        def take() -> T:
            return job.pop()()

        try:
            return asyncio.get_running_loop().run_in_executor(self._pool, take)
        except RuntimeError as error:
            job.clear()  # it is queued all the same, and a thread may take it later
            raise Overloaded("the system gives this process no more threads") from error

    def _leave(self, tenant: str, jobs: _Tenant) -> None:
        jobs.count -= 1
        if not jobs.count:
            del self._tenants[tenant]

    def close(self) -> None:
        """Start no more jobs; those that run end by themselves."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
