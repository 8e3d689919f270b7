"""Work off the loop: bounded, one job of a tenant at a time, tenants in turns."""

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from provider.errors import OutOfTime, Overloaded
from provider.runtime import cpu_usage
from provider.runtime.cpu_usage import HALF_LIFE, QUANTUM, CpuUsage, processes_counted
from provider.runtime.offload import Offload
from tests.fakes.engine import Clock
from tests.waiting import turns


@pytest.fixture
def offload() -> Iterator[Offload]:
    made = Offload(threads=2, most_waiting=50)
    yield made
    made.close()


class Job:
    """A job that runs until it is let go, and notes that it began."""

    def __init__(self, name: str = "", order: list[str] | None = None) -> None:
        self.name = name
        self.began = threading.Event()
        self._go = threading.Event()
        self._order = order if order is not None else []

    def __call__(self) -> str:
        self._order.append(self.name)
        self.began.set()
        assert self._go.wait(10)
        return self.name

    def let_go(self) -> "Job":
        self._go.set()
        return self


async def begun(*jobs: Job) -> None:
    for job in jobs:
        assert await asyncio.to_thread(job.began.wait, 10)


def start(offload: Offload, tenant: str, fn: Callable[[], str]) -> "asyncio.Task[str]":
    return asyncio.ensure_future(offload.run(tenant, fn))


async def test_a_result_and_an_error_come_back(offload: Offload) -> None:
    assert await offload.run("a", threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await offload.run("a", lambda: 1 // 0)
    assert await offload.run("a", lambda: "after") == "after"


async def test_two_jobs_of_two_tenants_run_at_once_and_a_third_waits(offload: Offload) -> None:
    jobs = [Job(), Job(), Job()]
    tasks = [start(offload, tenant, job) for tenant, job in zip("abc", jobs, strict=True)]
    await begun(*jobs[:2])
    assert not jobs[2].began.is_set()
    for job in jobs:
        job.let_go()
    await asyncio.gather(*tasks)


async def test_a_tenant_has_one_job_at_a_time(offload: Offload) -> None:
    first, second, other = Job(), Job(), Job()
    tasks = [start(offload, "a", first), start(offload, "a", second)]
    await begun(first)
    tasks.append(start(offload, "b", other))
    await begun(other)
    assert not second.began.is_set()
    for job in (first, second, other):
        job.let_go()
    await asyncio.gather(*tasks)


async def test_tenants_take_turns(offload: Offload) -> None:
    order: list[str] = []
    blockers = [Job(), Job()]
    tasks = [start(offload, tenant, job) for tenant, job in zip("xy", blockers, strict=True)]
    await begun(*blockers)
    names = ["a1", "a2", "a3", "b1", "b2", "c1"]
    tasks += [start(offload, name[0], Job(name, order).let_go()) for name in names]
    await turns()
    blockers[0].let_go()  # one thread works on all of them, the other one stays blocked
    await asyncio.gather(tasks[0], *tasks[2:])
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]
    blockers[1].let_go()
    await asyncio.gather(*tasks)


async def test_the_cpu_of_a_process_counts_for_the_job_that_ran_it_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cpu_usage, "QUANTUM", 0.002)
    usage = CpuUsage()
    offload, beside = Offload(threads=2, usage=usage), Job()
    waiting = start(offload, "honest", beside)
    await begun(beside)

    burn = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"

    def run() -> str:
        with processes_counted():
            subprocess.run(["/bin/sh", "-c", burn], check=True)
        return ""

    await offload.run("heavy", run)
    beside.let_go()
    await waiting
    assert usage.quanta("heavy") > 0
    assert usage.quanta("honest") == 0
    await offload.run("heavy", str)
    await offload.run("other", str)
    assert usage.quanta("other") == 0
    offload.close()


async def test_the_tenant_that_used_the_least_cpu_goes_first() -> None:
    offload, order = Offload(threads=1), list[str]()

    def burn() -> str:
        until = time.thread_time() + 2 * QUANTUM
        while time.thread_time() < until:
            pass
        return ""

    await offload.run("heavy", burn)
    blocker = Job()
    tasks = [start(offload, "x", blocker)]
    await begun(blocker)
    names = ["heavy", "a1", "a2", "b1"]
    tasks += [start(offload, name.rstrip("12"), Job(name, order).let_go()) for name in names]
    await turns()
    blocker.let_go()
    await asyncio.gather(*tasks)
    assert order == ["a1", "b1", "a2", "heavy"]
    offload.close()


def test_what_was_used_is_forgotten_in_time(clock: Clock) -> None:
    usage = CpuUsage(clock)
    usage.add("a", 8 * QUANTUM)
    usage.add("a", 0.1 * QUANTUM)
    assert (usage.quanta("a"), usage.quanta("b")) == (8, 0)
    clock.now += 3 * HALF_LIFE
    assert usage.quanta("a") == 1


async def test_a_tenant_with_too_many_jobs_is_refused_and_others_are_not() -> None:
    offload = Offload(threads=1, most_waiting=2)
    job = Job()
    tasks = [start(offload, "a", job), start(offload, "a", lambda: "second")]
    await begun(job)
    with pytest.raises(Overloaded):
        await offload.run("a", lambda: "third")
    tasks.append(start(offload, "b", lambda: "other"))
    job.let_go()
    assert await asyncio.gather(*tasks) == ["", "second", "other"]
    assert await offload.run("a", lambda: "again") == "again"
    offload.close()


@pytest.mark.parametrize("threads", [1, 2])
async def test_a_cancelled_caller_leaves_at_once_but_its_thread_stays_counted(
    threads: int,
) -> None:
    offload = Offload(threads)
    job, after = Job(), Job()
    task = start(offload, "a", job)
    await begun(job)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    others = [start(offload, "a", after), start(offload, "b", lambda: "b")]
    await asyncio.to_thread(after.began.wait, 0.05)
    assert not after.began.is_set()
    job.let_go()
    after.let_go()
    assert await asyncio.gather(*others) == ["", "b"]
    offload.close()


async def test_a_job_that_is_cancelled_while_it_waits_never_begins(offload: Offload) -> None:
    blockers = [Job(), Job()]
    tasks = [start(offload, tenant, job) for tenant, job in zip("ab", blockers, strict=True)]
    await begun(*blockers)
    for_turn, for_thread = Job(), Job()
    waiting = [start(offload, "a", for_turn), start(offload, "c", for_thread)]
    await turns()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for job in blockers:
        job.let_go()
    await asyncio.gather(*tasks)
    assert await offload.run("a", lambda: "a") == "a"
    assert await offload.run("c", lambda: "c") == "c"
    assert not for_turn.began.is_set()
    assert not for_thread.began.is_set()


async def test_an_error_after_the_caller_left_is_not_reported(offload: Offload) -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    go = threading.Event()
    began = threading.Event()

    def fail() -> str:
        began.set()
        assert go.wait(10)
        raise ValueError("hunter2")

    task = start(offload, "a", fail)
    assert await asyncio.to_thread(began.wait, 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    go.set()
    assert await offload.run("a", lambda: "a") == "a"
    assert reported == []


async def test_a_system_without_threads_is_overloaded(
    offload: Offload, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Overloaded):
            await offload.run("a", lambda: refused.append("called"))
    assert await offload.run("a", lambda: "a") == "a"
    assert await offload.run("a", lambda: "b") == "b"
    assert refused == []


async def test_after_close_nothing_begins_and_what_waits_gets_an_error() -> None:
    offload = Offload(threads=1)
    job = Job()
    running = start(offload, "a", job)
    await begun(job)
    waiting = start(offload, "b", lambda: "b")
    await turns()
    offload.close()
    job.let_go()
    assert await running == ""
    with pytest.raises(OutOfTime):
        await waiting
    with pytest.raises(OutOfTime):
        await offload.run("c", lambda: "c")
