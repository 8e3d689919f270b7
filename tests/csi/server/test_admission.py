"""Which mounts are accepted, and that those of one service account wait only for each other."""

import asyncio
import itertools
from contextlib import AsyncExitStack, ExitStack

import pytest

from provider.csi.server.admission import LARGE, MOST_LARGE, Account, Admission
from provider.errors import Overloaded

WEB = ("shop", "web")


async def enter(admission: Admission, stack: AsyncExitStack, account: Account = WEB) -> None:
    stack.enter_context(admission.accepted())
    await stack.enter_async_context(admission.turn(account))


async def test_so_many_mounts_are_accepted_and_no_more() -> None:
    admission = Admission(2, 1)
    with ExitStack() as stack:
        stack.enter_context(admission.accepted())
        stack.enter_context(admission.accepted())
        with pytest.raises(Overloaded), admission.accepted():
            pass
        assert (admission.waiting, admission.idle_seconds()) == (2, 0)
    assert admission.waiting == 0
    with admission.accepted():
        pass


async def test_large_requests_are_bounded_together_and_hinder_no_small_ones() -> None:
    admission = Admission(100, 1)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(admission.accepted(MOST_LARGE // 2))
        with pytest.raises(Overloaded), admission.accepted(LARGE + 1):
            pass
        for _ in range(50):
            stack.enter_context(admission.accepted(LARGE))
    with admission.accepted(MOST_LARGE):
        pass


async def test_a_crowd_starts_one_mount_in_a_turn_of_the_event_loop() -> None:
    admission, turns, starts = Admission(10, 10), itertools.count(), []

    async def mount() -> None:
        with admission.accepted():
            await admission.crowd()
            starts.append(turn)

    with admission.accepted():
        mounts = [asyncio.create_task(mount()) for _ in range(5)]
        while len(starts) < 5:
            turn = next(turns)
            await asyncio.sleep(0)
    await asyncio.gather(*mounts)
    assert len(set(starts)) == 5


async def test_a_turn_is_given_first_come_first_served() -> None:
    admission, order = Admission(10, 1), []

    async def mount(number: int) -> None:
        async with AsyncExitStack() as stack:
            await enter(admission, stack)
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(mount(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("other", [("shop", "other"), ("bank", "web")])
async def test_another_service_account_does_not_wait(other: Account) -> None:
    admission = Admission(10, 1)
    async with AsyncExitStack() as stack:
        await enter(admission, stack)
        await enter(admission, stack, other)
        assert admission.at_work == 2


async def test_a_namespace_leaves_room_for_others() -> None:
    admission = Admission(10, 10)
    async with AsyncExitStack() as stack:
        for number in range(9):
            await enter(admission, stack, ("shop", f"web-{number}"))
        with pytest.raises(Overloaded, match="9 mounts of namespace shop"):
            async with admission.turn(("shop", "web-9")):
                pass
        await enter(admission, stack, ("bank", "web"))


async def test_a_mount_that_gives_up_waiting_takes_no_turn() -> None:
    admission = Admission(10, 1)
    async with AsyncExitStack() as stack:
        await enter(admission, stack)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), admission.turn(WEB):
                pass
    async with asyncio.timeout(5), admission.turn(WEB):
        assert admission.at_work == 1


async def test_nothing_is_kept_of_mounts_that_have_ended() -> None:
    admission = Admission(10, 1)
    for number in range(5):
        async with AsyncExitStack() as stack:
            await enter(admission, stack, ("shop", f"web-{number}"))
    assert not any((admission._turns, admission._by_namespace))
