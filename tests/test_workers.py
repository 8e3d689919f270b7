"""Threads are started as they are needed, the last one works next, and starving harms nobody."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Thread, get_ident
from time import sleep
from typing import NoReturn

import pytest

from provider.workers import Workers
from tests.fakes import Gate, no_threads
from tests.server.process import eventually


def threads(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


@contextmanager
def workers(most: int, *, keep: int = 0, idle_seconds: float = 60.0) -> Iterator[Workers]:
    """Workers that end with the test, whose threads are called `worker`."""
    eventually(lambda: not threads("worker"), "those of the last test have gone")
    some = Workers(most, "worker", keep=keep, idle_seconds=idle_seconds)
    yield some
    some.close()


def crowd(some: Workers) -> None:
    """Eight at once, each in a thread of its own."""
    gate = Gate()
    futures = [some.submit(gate) for _ in range(8)]
    assert threads("worker") == 8
    gate.open()
    for future in futures:
        future.result(20)


def test_results_and_errors_come_back() -> None:
    with workers(2) as some:
        assert some.submit(divmod, 7, 2).result(20) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            some.submit(divmod, 7, 0).result(20)
        assert some.submit(divmod, 7, 2).result(20) == (3, 1)


def test_never_more_threads_than_allowed_and_in_order() -> None:
    with workers(3) as some:
        gate, order = Gate(), list[int]()
        held = [some.submit(gate) for _ in range(3)]
        waiting = [some.submit(order.append, number) for number in range(50)]
        assert threads("worker") == 3
        gate.open()
        for future in (*held, *waiting):
            future.result(20)
        assert sorted(order) == list(range(50))
        assert threads("worker") == 3


def test_what_waits_is_taken_up_in_order() -> None:
    with workers(1) as some:
        gate, order = Gate(), list[int]()
        some.submit(gate)
        waiting = [some.submit(order.append, number) for number in range(50)]
        gate.open()
        for future in waiting:
            future.result(20)
        assert order == list(range(50))


def test_what_is_cancelled_while_it_waits_is_not_done() -> None:
    with workers(1) as some:
        gate, done = Gate(), list[int]()
        some.submit(gate)
        first, second = some.submit(done.append, 1), some.submit(done.append, 2)
        assert first.cancel()
        gate.open()
        second.result(20)
        assert done == [2]


def test_the_thread_that_worked_last_works_next() -> None:
    with workers(8) as some:
        crowd(some)
        used = set()
        for _ in range(50):
            sleep(0.002)  # for the last one to lie down
            used.add(some.submit(get_ident).result(20))
        assert len(used) <= 2


def test_threads_that_are_not_needed_end_but_for_those_kept() -> None:
    with workers(8, keep=2, idle_seconds=0.05) as some:
        crowd(some)
        eventually(lambda: threads("worker") == 2, "two are left")
        assert some.submit(lambda: "still here").result(20) == "still here"


def test_idle_threads_that_end_lose_no_work() -> None:
    with workers(4, idle_seconds=0.0001) as some:
        for number in range(2000):
            assert some.submit(lambda: number).result(20) == number  # noqa: B023 - at once


def test_without_a_further_thread_work_waits_for_those_there_are() -> None:
    with workers(8, keep=1) as some, no_threads():
        gate = Gate()
        some.submit(gate)
        waiting = [some.submit(get_ident) for _ in range(20)]
        assert not any(future.done() for future in waiting)
        gate.open()
        used = {future.result(20) for future in waiting}
        assert len(used) == 1
        assert get_ident() not in used


def test_without_any_thread_the_caller_s_does_the_work() -> None:
    with workers(8) as some, no_threads():
        assert some.submit(get_ident).result(20) == get_ident()


def test_two_who_get_no_thread_at_once_do_not_wait_for_each_other_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = Barrier(2)

    def refuse(_thread: Thread) -> NoReturn:
        both.wait(20)
        raise RuntimeError("can't start new thread")

    with workers(8) as some, ThreadPoolExecutor(2) as pair:
        list(pair.map(sleep, [0.05, 0.05]))  # their own threads are there
        monkeypatch.setattr(Thread, "start", refuse)
        futures = list(pair.map(lambda _: some.submit(get_ident), range(2)))
        assert all(future.result(20) for future in futures)


def test_threads_are_started_again_once_there_are_some() -> None:
    with workers(8) as some:
        with no_threads():
            some.submit(get_ident).result(20)
        crowd(some)


def test_closed_workers_take_nothing_drop_what_waits_and_end() -> None:
    with workers(1, keep=1) as some:
        gate = Gate()
        running, waiting = some.submit(gate), some.submit(get_ident)
        some.close()
        with pytest.raises(RuntimeError, match="closed"):
            some.run(lambda: None)
        gate.open()
        running.result(20)
        eventually(lambda: not threads("worker"), "all have ended")
        assert not waiting.done()
