"""When and in which order objects are reconciled."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.controller.scheduling.queue import CONFLICTS, MAX_PAUSE, PutOff, Queue
from provider.controller.scheduling.schedule import FIRSTS, Item, Schedule
from provider.errors import (
    AwsUnavailable,
    KubernetesThrottled,
    KubernetesUnavailable,
    ObjectConflict,
)
from tests.fakes.engine import Clock
from tests.waiting import turns


def item(name: str = "a", namespace: str = "shop") -> Item:
    return Item("ExternalSecret", namespace, name)


A, B = item("a"), item("b")


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(share=2, most=100)


def taken(schedule: Schedule, now: float) -> list[str]:
    """The names of all that can be started now."""
    names = []
    while found := schedule.take(now):
        names.append(found[0].name)
    return names


def test_an_item_is_taken_when_it_is_due_and_not_before(schedule: Schedule) -> None:
    schedule.add(A, 10)
    assert schedule.take(9.99) is None
    assert schedule.next_due() == 10
    assert schedule.take(12) == (A, 10)


def test_what_is_under_way_is_counted_by_kind(schedule: Schedule) -> None:
    store = Item("SecretStore", "shop", "a")
    for one in (A, store, item("c", "other")):
        schedule.add(one, 0)
    taken(schedule, 0)
    assert schedule.running_by_kind() == {"ExternalSecret": 2, "SecretStore": 1}
    schedule.done(store, None)
    assert schedule.running_by_kind() == {"ExternalSecret": 2}


def test_the_earlier_due_time_counts(schedule: Schedule) -> None:
    schedule.add(A, 100)
    schedule.add(A, 10)
    schedule.add(A, 50)
    assert schedule.take(10) == (A, 10)
    schedule.done(A, None)
    assert schedule.take(1000) is None


def test_a_burst_is_one_reconcile_and_what_comes_during_it_one_more(schedule: Schedule) -> None:
    for _ in range(100):
        schedule.add(A, 0)
    assert taken(schedule, 0) == ["a"]
    for _ in range(100):
        schedule.add(A, 1)
    assert schedule.take(1) is None
    schedule.done(A, 500)
    assert taken(schedule, 1) == ["a"]
    schedule.done(A, 500)
    assert (schedule.take(499), schedule.next_due()) == (None, 500)


def test_namespaces_take_turns(schedule: Schedule) -> None:
    for number in range(10):
        schedule.add(item(f"hot{number}", "hot"), 0)
    schedule.add(item("x", "calm"), 0)
    schedule.add(item("y", "quiet"), 0)
    order = []
    while found := schedule.take(1):
        order.append(found[0].name)
        schedule.done(found[0], None)
    assert set(order[:3]) == {"hot0", "x", "y"}
    assert len(order) == 12


def test_a_namespace_has_no_more_than_its_share_under_way(schedule: Schedule) -> None:
    for number in range(5):
        schedule.add(item(f"hot{number}", "hot"), 0)
    assert taken(schedule, 0) == ["hot0", "hot1"]
    schedule.add(item("late", "calm"), 0)
    assert taken(schedule, 0) == ["late"]
    schedule.done(item("hot0", "hot"), None)
    assert taken(schedule, 0) == ["hot2"]


def test_the_heap_stays_small_when_due_times_change_often(schedule: Schedule) -> None:
    for due in range(10_000, 0, -1):
        schedule.add(A, due)
    assert len(schedule._heap) < 200
    assert schedule.next_due() == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "take", "done"]),
            st.integers(0, 5),
            st.integers(0, 20),
        ),
        max_size=80,
    )
)
def test_no_item_is_lost_or_under_way_twice(steps: list[tuple[str, int, int]]) -> None:
    schedule, running, expected, now = Schedule(share=2, most=100), set[Item](), set[Item](), 0.0
    for action, number, when in steps:
        one = item(str(number), str(number % 2))
        if action == "add":
            schedule.add(one, now + when)
            expected.add(one)
        elif action == "take" and (found := schedule.take(now := now + when)):
            assert found[0] not in running
            running.add(found[0])
            expected.discard(found[0])
        elif action == "done" and running:
            schedule.done(running.pop(), None)
    for one in running:
        schedule.done(one, None)
    seen = set[Item]()
    while found := schedule.take(now + 1000):
        seen.add(found[0])
        schedule.done(found[0], None)
    assert seen == expected


class Work:
    """A reconcile that a test scripts; counts what is under way."""

    def __init__(self) -> None:
        self.calls: list[Item] = []
        self.results: dict[Item, list[float | Exception | None]] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.under_way: Counter[Item] = Counter()
        self.most = 0
        self.cancelled: list[Item] = []

    async def __call__(self, one: Item) -> float | None:
        self.calls.append(one)
        self.under_way[one] += 1
        assert self.under_way[one] == 1
        self.most = max(self.most, self.under_way.total())
        try:
            if gate := self.gates.get(one.namespace):
                await gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(one)
            raise
        finally:
            self.under_way[one] -= 1
        results = self.results.get(one, [])
        result = results.pop(0) if results else None
        if isinstance(result, Exception):
            raise result
        return result


@asynccontextmanager
async def running(queue: Queue) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


Make = Callable[..., Queue]


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def make(work: Work, clock: Clock) -> Make:
    def make_queue(**options: Any) -> Queue:
        about = {"concurrent": 32, "observe": Mock(), "explain": AsyncMock(), **options}
        return Queue(about.pop("work", work), clock=clock, random=lambda: 0.0, **about)

    return make_queue


async def passes(queue: Queue, clock: Clock, seconds: float) -> None:
    """Time passes; the queue looks at the clock again."""
    clock.now += seconds
    queue._wake.set()
    await turns()


async def test_what_a_reconcile_returns_is_when_it_is_due_again(
    make: Make, work: Work, clock: Clock
) -> None:
    queue = make()
    work.results[A] = [60.0]
    async with running(queue):
        queue.add(A)
        await turns()
        assert (len(work.calls), queue.scheduled) == (1, 1)
        await passes(queue, clock, 59.9)
        assert len(work.calls) == 1
        await passes(queue, clock, 0.2)
        assert len(work.calls) == 2
        assert queue.scheduled == 0


async def test_no_interval_is_shorter_than_a_second(make: Make, work: Work, clock: Clock) -> None:
    queue = make()
    work.results[A] = [1e-9, 1e-9, None]
    async with running(queue):
        queue.add(A)
        await turns()
        await passes(queue, clock, 0.9)
        assert len(work.calls) == 1
        await passes(queue, clock, 0.2)
        assert len(work.calls) == 2


async def test_a_due_time_is_met_without_any_event() -> None:
    done = asyncio.Event()

    async def reconcile(one: Item) -> None:
        done.set()

    queue = Queue(reconcile, concurrent=1, observe=Mock(), explain=AsyncMock())
    async with running(queue):
        queue.add_after(A, 0.02)
        async with asyncio.timeout(10):
            await done.wait()


async def test_an_object_that_fails_backs_off_alone(make: Make, work: Work, clock: Clock) -> None:
    queue = make()
    work.results[A] = [AwsUnavailable("down") for _ in range(12)]
    began: list[float] = []
    async with running(queue):
        queue.add(A)
        await turns()
        for _ in range(11):
            due = queue._schedule.next_due()
            assert due is not None
            began.append(due - clock.now)
            await passes(queue, clock, due - clock.now)
        assert began[:5] == [1, 2, 4, 8, 16]
        assert began[-1] == MAX_PAUSE
        queue.add(B)
        await turns()
        assert work.calls[-1] == B


async def test_a_success_ends_the_back_off(make: Make, work: Work, clock: Clock) -> None:
    queue = make()
    work.results[A] = [AwsUnavailable("down"), AwsUnavailable("down"), 5.0, AwsUnavailable("down")]
    async with running(queue):
        queue.add(A)
        for seconds in (0, 1, 2, 5):
            await passes(queue, clock, seconds)
        assert queue.due_in(A) == 1


async def test_what_is_put_off_is_no_failure_and_backs_off_as_before(
    make: Make, work: Work, clock: Clock
) -> None:
    observe, explain = Mock(), AsyncMock()
    queue = make(observe=observe, explain=explain)
    down = AwsUnavailable("down")
    work.results[A] = [down, down, PutOff(7.0), PutOff(0.01), down]
    async with running(queue):
        queue.add(A)
        for seconds in (0, 1, 2, 7, 1):
            await passes(queue, clock, seconds)
        assert queue.due_in(A) == 4
    assert [one.kwargs["error"] for one in observe.mock_calls] == [down, down, None, None, down]
    explain.assert_not_called()


async def test_an_event_ends_the_wait_of_an_object_that_backs_off(
    make: Make, work: Work, clock: Clock
) -> None:
    queue = make()
    work.results[A] = [AwsUnavailable("down"), None]
    async with running(queue):
        queue.add(A)
        await turns()
        queue.add(A)
        await turns()
    assert len(work.calls) == 2


async def test_conflicts_are_tried_again_at_once_but_not_for_ever(
    make: Make, work: Work, clock: Clock
) -> None:
    queue = make()
    work.results[A] = [ObjectConflict("modified") for _ in range(10)]
    async with running(queue):
        queue.add(A)
        await turns()
        assert len(work.calls) == CONFLICTS + 1
        assert queue.scheduled == 1


async def test_retry_after_is_obeyed(make: Make, work: Work, clock: Clock) -> None:
    queue = make()
    work.results[A] = [KubernetesThrottled("429", 30.0), None]
    async with running(queue):
        queue.add(A)
        await turns()
        await passes(queue, clock, 29)
        assert len(work.calls) == 1
        await passes(queue, clock, 1)
        assert len(work.calls) == 2


async def test_a_bug_concerns_one_object_and_is_explained_there(
    make: Make, work: Work, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    explained: list[tuple[Item, str]] = []

    async def explain(item: Item, bug: Exception) -> None:
        explained.append((item, type(bug).__name__))
        raise KubernetesUnavailable("away")

    queue = make(explain=explain)
    work.results[A] = [ZeroDivisionError(), KubernetesUnavailable("away"), None]
    async with running(queue):
        queue.add(A)
        queue.add(B)
        await turns()
        await passes(queue, clock, 1)
        await passes(queue, clock, 2)
    assert Counter(work.calls) == {A: 3, B: 1}
    assert explained == [(A, "ZeroDivisionError")]
    [record] = [one for one in caplog.records if one.exc_info]
    assert record.getMessage() == "a reconcile failed"


async def test_objects_under_way_are_bounded(make: Make, work: Work) -> None:
    queue = make(concurrent=3)
    gates = {f"n{number}": asyncio.Event() for number in range(10)}
    work.gates = dict(gates)
    async with running(queue):
        for namespace in gates:
            queue.add(item("a", namespace))
        await turns()
        assert (queue.running, queue.depth) == (6, 4)
        assert queue.running == queue.most_running
        for namespace in gates:
            queue.add(item("b", namespace))
        await turns()
        assert (queue.running, queue.depth) == (6, 14)
        for gate in gates.values():
            gate.set()
        await turns()
    assert (len(work.calls), work.most) == (20, 6)


async def test_a_hanging_namespace_does_not_hold_up_another(make: Make, work: Work) -> None:
    queue = make(concurrent=8)
    work.gates["hot"] = asyncio.Event()
    async with running(queue):
        for number in range(50):
            queue.add(item(str(number), "hot"))
        await turns()
        assert queue.running == 2
        queue.add(A)
        await turns()
        assert work.calls[-1] == A


def test_a_namespace_without_work_under_way_need_not_wait_for_others() -> None:
    schedule = Schedule(share=2, most=4)
    hostile = [item(str(number), f"n{number % 6}") for number in range(100)]
    for one in hostile:
        schedule.add(one, 0)
    assert len(taken(schedule, 0)) == 6
    schedule.add(A, 0)
    assert taken(schedule, 0) == ["a"]
    for number in range(100):
        schedule.add(item("a", f"many-{number}"), 0)
    assert len(taken(schedule, 0)) == 4 * FIRSTS - 7


async def test_a_cancelled_queue_ends_its_reconciles_first(make: Make, work: Work) -> None:
    queue = make()
    work.gates["shop"] = asyncio.Event()
    async with running(queue):
        queue.add(A)
        await turns()
    assert work.cancelled == [A]
    assert queue.running == 0


async def test_a_reconcile_that_is_cancelled_from_within_is_tried_again(
    make: Make, clock: Clock
) -> None:
    calls = 0

    async def reconcile(one: Item) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise asyncio.CancelledError

    queue = make(work=reconcile)
    async with running(queue):
        queue.add(A)
        await passes(queue, clock, 2)
    assert calls == 2


async def test_waits_and_durations_are_observed(make: Make, work: Work, clock: Clock) -> None:
    seen: list[tuple[float, float, Exception | None]] = []

    def observe(one: Item, *, waited: float, took: float, error: Exception | None) -> None:
        seen.append((waited, took, error))

    queue = make(concurrent=1, observe=observe)
    work.gates["slow"] = asyncio.Event()
    async with running(queue):
        queue.add(item("s", "slow"))
        await turns()
        queue.add(A)
        clock.now += 7
        assert (queue.depth, queue.oldest()) == (1, 7)
        work.gates["slow"].set()
        await turns()
    assert seen == [(0, 7, None), (7, 0, None)]


_: Callable[[Item], Awaitable[float | None]] = Work()
