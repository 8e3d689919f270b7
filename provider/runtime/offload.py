"""Runs CPU work of hostile size off the event loop, fairly among tenants.

Parsing a class, evaluating its expressions and writing a volume may take far longer than the event
loop may be held. This work runs in two threads at most. One tenant has one job running at a time,
and the tenant that used the least CPU lately goes first; those that used about as much take turns.
So a tenant with many long jobs delays another by one job at most.
A running thread cannot be interrupted: the work itself needs a bound, such as a `Budget`.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TypeVar

from provider.errors import OutOfTime, Overloaded
from provider.runtime.cpu_usage import CpuUsage, cpu_of_job

T = TypeVar("T")


class _Tenant:
    """The jobs of one tenant, waiting and running. They take `turn` in the order they came in."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.count = 0


class Offload:
    """A few threads, shared by all tenants. All methods are called on one event loop."""

    def __init__(
        self, threads: int = 2, most_waiting: int = 256, usage: CpuUsage | None = None
    ) -> None:
        """`most_waiting` is the number of jobs that one tenant may have at a time."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="offload")
        self._free = threads
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._usage = usage or CpuUsage()
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
            await jobs.turn.acquire()
            held.callback(jobs.turn.release)
            await self._thread(tenant)
            held.callback(self._release_thread)
            work = self._submit(tenant, fn)
            release = held.pop_all()
        work.add_done_callback(lambda _: release.close())
        return await asyncio.shield(work)

    async def _thread(self, tenant: str) -> None:
        """Wait for a thread; each tenant waits once."""
        if self._free:
            self._free -= 1
            return
        waiter = self._waiting[tenant] = asyncio.get_running_loop().create_future()
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():
                self._release_thread()
            raise
        finally:
            self._waiting.pop(tenant, None)

    def _release_thread(self) -> None:
        # The next job of the tenant whose job has ended is to be among those that wait.
        asyncio.get_running_loop().call_soon(self._give_thread)

    def _give_thread(self) -> None:
        waiting = [tenant for tenant, one in self._waiting.items() if not one.done()]
        if not waiting:
            self._free += 1
            return
        self._waiting.pop(min(waiting, key=self._usage.quanta)).set_result(None)

    def _submit(self, tenant: str, fn: Callable[[], T]) -> "asyncio.Future[T]":
        if self._closed:
            raise OutOfTime("the process is stopping")
        job, used = [fn], [0.0]

        def take() -> T:
            began = cpu_of_job()
            try:
                return job.pop()()
            finally:
                used[0] = cpu_of_job() - began

        try:
            work = asyncio.get_running_loop().run_in_executor(self._pool, take)
        except RuntimeError as error:
            job.clear()  # it is queued all the same, and a thread may take it later
            raise Overloaded("the system gives this process no more threads") from error
        work.add_done_callback(lambda _: self._usage.add(tenant, used[0]))
        return work

    def _leave(self, tenant: str, jobs: _Tenant) -> None:
        jobs.count -= 1
        if not jobs.count:
            del self._tenants[tenant]

    def close(self) -> None:
        """Start no more jobs; those that run end by themselves."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
