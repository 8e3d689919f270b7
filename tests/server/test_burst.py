"""Who comes with others is let in with them, and nobody is forgotten."""

from threading import Event
from time import monotonic

from provider.server.burst import Burst
from provider.server.pool import MountPool


def test_everybody_is_let_in_once() -> None:
    let_in: list[int] = []
    all_in = Event()

    def count(arrivals: int) -> None:
        let_in.append(arrivals)
        if sum(let_in) >= 200:
            all_in.set()

    burst = Burst(count)
    for _ in range(200):
        burst.arrive(monotonic())
    assert all_in.wait(10)
    assert sum(let_in) == 200
    assert len(let_in) < 200


def test_a_burst_behind_a_busy_worker_is_served_whole() -> None:
    pool = MountPool(workers=8, max_waiting=100)
    begun, released = Event(), Event()

    def hold() -> None:
        begun.set()
        assert released.wait(10)

    pool.submit(hold)
    assert begun.wait(10)
    answers = [pool.submit(int, number) for number in range(50)]
    assert [answer.result(10) for answer in answers] == list(range(50))
    released.set()
    pool.shutdown()
