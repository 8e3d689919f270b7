"""Work that several requests wait for: done once, for all, and cancelled when nobody waits."""

import asyncio

import pytest

from provider.engine.single_flight import SingleFlight
from tests.fakes.engine import Gate
from tests.waiting import turns


async def test_requests_for_one_key_share_one_call() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    gate, calls = Gate(), 0

    async def work() -> int:
        nonlocal calls
        calls += 1
        await gate()
        return 7

    waiting = [asyncio.create_task(flight.run("a", work)) for _ in range(5)]
    await gate.reached.wait()
    gate.open()
    assert await asyncio.gather(*waiting) == [7] * 5
    assert calls == 1
    assert len(flight) == 0


async def test_nothing_is_remembered() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    numbers = iter(range(9))

    async def work() -> int:
        return next(numbers)

    assert [await flight.run("a", work), await flight.run("a", work)] == [0, 1]


async def test_other_keys_do_not_wait() -> None:
    flight: SingleFlight[str, str] = SingleFlight()
    gate = Gate()

    async def slow() -> str:
        await gate()
        return "slow"

    async def quick() -> str:
        return "quick"

    slow_task = asyncio.create_task(flight.run("slow", slow))
    await gate.reached.wait()
    assert await flight.run("quick", quick) == "quick"
    gate.open()
    assert await slow_task == "slow"


async def test_an_error_reaches_every_waiter() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    gate = Gate()

    async def work() -> int:
        await gate()
        raise LookupError("no")

    waiting = [asyncio.create_task(flight.run("a", work)) for _ in range(3)]
    await gate.reached.wait()
    gate.open()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [LookupError] * 3


async def test_a_request_that_is_cancelled_leaves_the_work_to_the_others() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    gate = Gate()

    async def work() -> int:
        await gate()
        return 7

    first = asyncio.create_task(flight.run("a", work))
    second = asyncio.create_task(flight.run("a", work))
    await gate.reached.wait()
    first.cancel()
    await turns()
    gate.open()
    assert await second == 7
    assert gate.cancelled == 0


async def test_work_that_nobody_waits_for_is_cancelled_and_can_be_started_anew() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    gate = Gate()

    async def work() -> int:
        await gate()
        return 7

    task = asyncio.create_task(flight.run("a", work))
    await gate.reached.wait()
    task.cancel()
    await asyncio.sleep(0)  # the abandoned task has not ended yet
    gate.open()
    assert await flight.run("a", work) == 7
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.cancelled == 1


async def test_a_request_that_joins_while_another_leaves_gets_the_result() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    gate = Gate()

    async def work() -> int:
        await gate()
        return 7

    first = asyncio.create_task(flight.run("a", work))
    await gate.reached.wait()
    second = asyncio.create_task(flight.run("a", work))
    first.cancel()
    await turns()
    gate.open()
    assert await second == 7
