"""No more than so many at a time, and whoever waits gets a slot that becomes free."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Timer
from time import monotonic, sleep

from provider.slots import Slots


def test_as_many_as_there_are_can_be_taken() -> None:
    slots = Slots(2)
    assert [slots.take() for _ in range(3)] == [True, True, False]
    slots.give_back()
    assert [slots.take() for _ in range(2)] == [True, False]


def test_whoever_waits_gets_what_becomes_free() -> None:
    slots = Slots(1)
    assert slots.take()
    Timer(0.05, slots.give_back).start()
    assert slots.take(20)


def test_nobody_waits_longer_than_said() -> None:
    slots = Slots(0)
    before = monotonic()
    assert not slots.take(0.05)
    assert not slots.take(-1)
    assert monotonic() - before < 10


def test_a_crowd_never_has_more_than_there_are() -> None:
    slots, lock, inside, most = Slots(3), Lock(), 0, 0

    def work(_number: int) -> None:
        nonlocal inside, most
        assert slots.take(20)
        with lock:
            inside += 1
            most = max(most, inside)
        sleep(0.001)
        with lock:
            inside -= 1
        slots.give_back()

    with ThreadPoolExecutor(12) as crowd:
        list(crowd.map(work, range(120)))
    assert most == 3
