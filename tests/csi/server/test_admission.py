"""Which mounts are accepted, and that those of one service account wait only for each other."""

import asyncio
import itertools
import weakref
from contextlib import AsyncExitStack, ExitStack, suppress

import pytest

from provider.csi.server.admission import LARGE, MOST_LARGE, Account, Admission
from provider.errors import Overloaded

WEB = ("shop", "web")


async def enter(admission: Admission, stack: AsyncExitStack, account: Account = WEB) -> None:
    stack.enter_context(admission.accepted(account[0]))
    await stack.enter_async_context(admission.turn(account))


async def test_so_many_mounts_are_accepted_and_no_more() -> None:
    admission = Admission(3, 1)
    with ExitStack() as stack:
        for namespace in ("shop", "shop", "bank"):
            stack.enter_context(admission.accepted(namespace))
        for namespace in ("shop", "other"):
            with pytest.raises(Overloaded), admission.accepted(namespace):
                pass
        assert (admission.waiting, admission.idle_seconds()) == (3, 0)
    assert admission.waiting == 0
    with admission.accepted("shop"):
        pass


def test_namespaces_that_fill_the_queue_leave_places_to_others() -> None:
    admission = Admission(2000, 1)
    with ExitStack() as stack:
        for namespace in ("evil-1", "evil-2", "evil-3", "evil-4"):
            with suppress(Overloaded):
                for _ in range(2000):
                    stack.enter_context(admission.accepted(namespace))
        assert admission.waiting > 1800
        for _ in range(50):
            stack.enter_context(admission.accepted("shop"))


async def test_large_requests_are_bounded_together_and_hinder_no_small_ones() -> None:
    admission = Admission(1000, 1)
    with ExitStack() as stack:
        stack.enter_context(admission.accepted("evil", MOST_LARGE // 2))
        with pytest.raises(Overloaded), admission.accepted("evil", LARGE + 1):
            pass
        stack.enter_context(admission.accepted("shop", LARGE + 1))
        for _ in range(50):
            stack.enter_context(admission.accepted("evil", LARGE))
    with admission.accepted("evil", MOST_LARGE // 2):
        pass


async def test_namespaces_take_turns_when_a_crowd_starts() -> None:
    admission, order = Admission(1000, 10), []

    async def mount(namespace: str) -> None:
        with admission.accepted(namespace):
            await admission.crowd(namespace)
            order.append(namespace)

    crowd = ["evil"] * 50 + ["shop"] * 2 + ["bank"]
    with admission.accepted("evil"):
        await asyncio.gather(*map(mount, crowd))
    assert order.index("bank") < 5
    assert order[5:].count("shop") <= 1
    assert len(order) == len(crowd)


async def test_a_crowd_starts_one_mount_in_a_turn_of_the_event_loop() -> None:
    admission, turns, starts = Admission(20, 10), itertools.count(), []

    async def mount() -> None:
        with admission.accepted("shop"):
            await admission.crowd("shop")
            starts.append(turn)

    with admission.accepted("shop"):
        mounts = [asyncio.create_task(mount()) for _ in range(5)]
        while len(starts) < 5:
            turn = next(turns)
            await asyncio.sleep(0)
    await asyncio.gather(*mounts)
    assert len(set(starts)) == 5


async def test_a_turn_is_given_first_come_first_served() -> None:
    admission, order = Admission(20, 1), []

    async def mount(number: int) -> None:
        async with AsyncExitStack() as stack:
            await enter(admission, stack)
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(mount(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("other", [("shop", "other"), ("bank", "web")])
async def test_another_service_account_does_not_wait(other: Account) -> None:
    admission = Admission(20, 1)
    async with AsyncExitStack() as stack:
        await enter(admission, stack)
        await enter(admission, stack, other)
        assert admission.at_work == 2


async def test_large_classes_that_are_worked_on_leave_memory_to_other_namespaces() -> None:
    admission, held = Admission(1000, 32), list[asyncio.Task[None]]()

    async def mount(namespace: str, number: int, characters: int) -> None:
        async with admission.turn((namespace, f"web-{number}"), characters):
            await asyncio.Event().wait()

    for namespace in ("evil-1", "evil-2", "evil-3"):
        held += [asyncio.create_task(mount(namespace, n, 100_000)) for n in range(100)]
        await asyncio.sleep(0)
    assert admission.at_work < 12
    async with asyncio.timeout(5), admission.turn(WEB, 2000):
        pass
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    assert admission.at_work == 0


async def test_a_mount_that_gives_up_waiting_takes_no_turn() -> None:
    admission = Admission(20, 1)
    async with AsyncExitStack() as stack:
        await enter(admission, stack)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), admission.turn(WEB):
                pass
    async with asyncio.timeout(5), admission.turn(WEB):
        assert admission.at_work == 1


async def test_nothing_is_kept_of_mounts_that_have_ended() -> None:
    class Name(str):
        """Unlike str, it takes a weak reference."""

    async def mount() -> list[weakref.ref[Name]]:
        namespace, account = Name("shop"), Name("web")
        async with AsyncExitStack() as stack:
            await enter(admission, stack, (namespace, account))
        return [weakref.ref(namespace), weakref.ref(account)]

    admission = Admission(20, 1)
    assert [name() for name in await mount()] == [None, None]
