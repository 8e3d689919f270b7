"""Threads for mounts: when a request came in, how many wait, who is refused."""

from collections.abc import Iterator
from threading import Event
from time import monotonic

import pytest

from provider.server.pool import TOO_MANY, MountPool


@pytest.fixture
def pool() -> Iterator[MountPool]:
    one = MountPool(workers=1, max_waiting=2)
    yield one
    one.shutdown()


class Held:
    """Work that lasts till it is released."""

    def __init__(self) -> None:
        self.begun, self.released = Event(), Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.released.wait(20)
        return "done"


def test_a_ticket_tells_the_arrival_before_the_wait(pool: MountPool) -> None:
    held = Held()
    pool.submit(held)
    assert held.begun.wait(20)
    before = monotonic()
    second = pool.submit(pool.ticket)
    after = monotonic()
    held.released.set()
    ticket = second.result(20)
    assert before <= ticket.arrived <= after
    assert ticket.refusal == ""


def test_what_waits_behind_too_many_is_refused_at_once(pool: MountPool) -> None:
    held = Held()
    pool.submit(held)
    assert held.begun.wait(20)
    waiting = [pool.submit(pool.ticket) for _ in range(2)]
    assert (pool.busy, pool.waiting) == (1, 2)
    assert pool.submit(pool.ticket).result(20).refusal == TOO_MANY
    held.released.set()
    assert [one.result(20).refusal for one in waiting] == ["", ""]


def test_all_that_waits_or_comes_can_be_refused(pool: MountPool) -> None:
    held = Held()
    first = pool.submit(held)
    assert held.begun.wait(20)
    waiting = pool.submit(pool.ticket)
    pool.refuse_all("enough")
    assert waiting.result(20).refusal == "enough"
    assert pool.submit(pool.ticket).result(20).refusal == "enough"
    held.released.set()
    assert first.result(20) == "done"


def test_work_that_breaks_breaks_its_future_alone(pool: MountPool) -> None:
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        pool.submit(broken).result(20)
    assert pool.submit(lambda: 1).result(20) == 1


def test_idle_is_who_has_nothing_to_do(pool: MountPool) -> None:
    assert pool.idle_seconds() > 0
    held = Held()
    future = pool.submit(held)
    assert pool.idle_seconds() == 0
    held.released.set()
    future.result(20)
    pool.submit(lambda: None).result(20)
    assert pool.waiting == 0
