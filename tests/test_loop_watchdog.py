"""The watchdog of the event loop: what it reports, and what it does not."""

import asyncio
from time import sleep, thread_time

import pytest

from tests.loop_watchdog import LoopHeld, loop_watchdog


def compute(seconds: float) -> None:
    until = thread_time() + seconds
    while thread_time() < until:
        pass


async def test_work_on_the_loop_is_reported() -> None:
    with pytest.raises(LoopHeld, match="ms of CPU"):
        async with loop_watchdog():
            compute(0.15)


async def test_small_steps_work_in_threads_and_waiting_are_not() -> None:
    async with loop_watchdog():
        for _ in range(30):
            compute(0.004)
            await asyncio.sleep(0.003)
        await asyncio.to_thread(compute, 0.15)
        sleep(0.15)  # as on a busy machine
