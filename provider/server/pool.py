"""The threads that mounts are answered in.

gRPC hands every request of a method to one executor (`experimental_thread_pool`). This one notes
when a request came in, before it waited for a thread, and has those that would wait behind too
many others refused by a thread of its own. Requests wait in order of arrival, which is fair to
pods: kubelet asks for a volume again only after an answer.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from provider.server.burst import Burst
from provider.workers import Workers, fulfil

P = ParamSpec("P")
T = TypeVar("T")

TOO_MANY = "too many mounts wait already on this node"


@dataclass(frozen=True, slots=True)
class Ticket:
    """When the request that a thread works on came in (`time.monotonic`), and why it is refused."""

    arrived: float
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """A request that waits, and what grpcio waits for."""

    arrived: float
    answer: Callable[[], Any]
    future: Future[Any]


class MountPool(ThreadPoolExecutor):
    """`workers` threads, started as they are needed, and at most `max_waiting` requests waiting.

    grpcio takes nothing but a `ThreadPoolExecutor` here, of which nothing is used. One thread is
    always there: if a request found none at all, the thread that serves them all would end.
    """

    def __init__(self, workers: int, max_waiting: int) -> None:
        super().__init__(1)
        self._mounts = Workers(workers, "mount", keep=1)
        self._refusals = Workers(1, "refuse", keep=1)
        self._workers = workers
        self._max_waiting = max_waiting
        self._queue: deque[Work] = deque()
        self._busy = 0
        self._refusal = ""
        self._last_end = 0.0
        self._lock = threading.Lock()
        self._current = threading.local()
        self._burst = Burst(self._let_in)

    @property
    def waiting(self) -> int:
        """Requests that no thread works on yet."""
        return len(self._queue)

    @property
    def busy(self) -> int:
        """Requests that are worked on."""
        return self._busy

    def idle_seconds(self) -> float:
        """How long there has been nothing to do; 0 while there is."""
        with self._lock:
            return 0.0 if self._busy or self._queue else monotonic() - self._last_end

    def ticket(self) -> Ticket:
        """That of the request which the calling thread works on."""
        ticket: Ticket = self._current.ticket
        return ticket

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As every executor; `fn` finds its `ticket`."""
        work = Work(monotonic(), lambda: fn(*args, **kwargs), Future())
        with self._lock:
            is_full = self._busy >= self._workers and len(self._queue) >= self._max_waiting
            refusal = self._refusal or (TOO_MANY if is_full else "")
            is_alone = not self._busy and not self._queue
            if not refusal:
                self._queue.append(work)
        if refusal:
            self._refusals.run(partial(self._run, work, refusal))
        elif is_alone:
            self._let_in(1)
        else:
            self._burst.arrive(work.arrived)
        return work.future

    def refuse_all(self, refusal: str) -> None:
        """Refuse whatever waits, and whatever comes from now on."""
        with self._lock:
            self._refusal = refusal
            waiting, self._queue = self._queue, deque()
        for work in waiting:
            self._refusals.run(partial(self._run, work, refusal))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more requests, and wait for none."""
        self._burst.close()
        self._mounts.close()
        self._refusals.close()
        super().shutdown(wait, cancel_futures=cancel_futures)

    def _let_in(self, arrivals: int) -> None:
        for _ in range(arrivals):
            self._mounts.run(self._run_next)

    def _run_next(self) -> None:
        with self._lock:
            if not self._queue:
                return  # refused in the meantime
            work = self._queue.popleft()
            self._busy += 1
        try:
            self._run(work, "")
        finally:
            with self._lock:
                self._busy -= 1
                self._last_end = monotonic()

    def _run(self, work: Work, refusal: str) -> None:
        self._current.ticket = Ticket(work.arrived, refusal)
        fulfil(work.future, work.answer)
