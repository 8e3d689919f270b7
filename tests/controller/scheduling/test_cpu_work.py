"""CPU work on what tenants write: short work never waits for long work."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from types import SimpleNamespace

import pytest

from provider.controller.scheduling.cpu_work import CpuWork, Expired
from provider.errors import InvalidRequest
from provider.runtime import cpu_usage


class Large:
    """An object that work has in memory."""


HOSTILE = [f"hostile-{number}" for number in range(20)]


@pytest.fixture
def work() -> Iterator[CpuWork]:
    made = CpuWork(moment=0.001, most=0.004)
    yield made
    made.close()


class Endless:
    """Work that ends when its time is over, but not before it is let go."""

    def __init__(self, log: list[str], *, is_held: bool) -> None:
        self.let_go = threading.Event()
        self.begun = 0
        self._log = log
        self._is_held = is_held

    def __call__(self, expired: Expired) -> None:
        self.begun += 1
        while not expired():
            pass
        if self.begun == 2 and self._is_held:
            assert self.let_go.wait(10)
        self._log.append(f"ended {self.begun}")
        raise InvalidRequest("takes too long")


async def test_short_work_of_one_does_not_wait_for_long_work_of_twenty(work: CpuWork) -> None:
    log: list[str] = []
    with ExitStack() as at_the_end:
        jobs = [Endless(log, is_held=True) for _ in HOSTILE]
        for job in jobs:
            at_the_end.callback(job.let_go.set)
        tasks = [
            asyncio.ensure_future(work.run(namespace, job))
            for namespace, job in zip(HOSTILE, jobs, strict=True)
        ]
        assert await work.run("honest", lambda _expired: "done") == "done"
        assert "ended 2" not in log
    failed = await asyncio.gather(*tasks, return_exceptions=True)
    assert {str(one) for one in failed} == {"takes too long"}
    assert log.count("ended 1") == log.count("ended 2") == len(HOSTILE)


async def test_work_that_waits_to_begin_anew_keeps_nothing_in_memory(work: CpuWork) -> None:
    log: list[str] = []
    kept: list[weakref.ref[Large]] = []

    def large(expired: Expired) -> None:
        one = Large()
        kept.append(weakref.ref(one))
        while not expired():
            pass
        raise InvalidRequest("takes too long")

    first = Endless(log, is_held=True)
    gc.disable()
    try:
        tasks = [
            asyncio.ensure_future(work.run("a", first)),
            asyncio.ensure_future(work.run("b", large)),
        ]
        while not kept or await work.run("c", lambda _expired: len(log)) < 1:
            await asyncio.sleep(0)
        await work.run("d", lambda _expired: None)  # after the first attempt of `large`
        assert [one() for one in kept] == [None]
    finally:
        gc.enable()
        first.let_go.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_error_within_the_moment_is_raised_at_once(work: CpuWork) -> None:
    begun = []

    def fail(_expired: Expired) -> None:
        begun.append(1)
        raise InvalidRequest("no such key")

    with pytest.raises(InvalidRequest, match="no such key"):
        await work.run("shop", fail)
    assert begun == [1]


async def test_the_processes_of_work_count(monkeypatch: pytest.MonkeyPatch) -> None:
    used = count(step=100)
    monkeypatch.setattr(
        cpu_usage, "getrusage", lambda _who: SimpleNamespace(ru_utime=next(used), ru_stime=0)
    )

    def waits_for_a_process(expired: Expired) -> None:
        with cpu_usage.processes_counted():
            pass
        if expired():
            raise InvalidRequest("takes too long")

    work = CpuWork(moment=50, most=50)
    with pytest.raises(InvalidRequest, match="takes too long"):
        await work.run("a", waits_for_a_process)
    assert not await work.run("b", lambda expired: expired()), "those of earlier work do not"
    work.close()
