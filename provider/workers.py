"""Threads that run what they are handed: a bounded number, started as they are needed.

Of those that have nothing to do, the one that worked last works next. Its stack and what it
touched are in the processor's caches still, where `ThreadPoolExecutor` wakes the one that slept
longest; and those that a burst has left behind are not woken any more, and end.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Lock, Thread
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

IDLE_SECONDS = 60.0
"""After so long without work a thread ends."""

Task = Callable[[], None]
"""Must not raise."""


def fulfil(future: Future[T], function: Callable[[], T]) -> None:
    """Run `function`, and put what comes of it into the future."""
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - a future takes whatever happens
        future.set_exception(error)
    else:
        future.set_result(result)


class _Worker:
    """A thread's place: `task` is what it does once `wake` is released."""

    __slots__ = ("task", "wake")

    def __init__(self) -> None:
        self.task: Task | None = None
        self.wake = Lock()
        self.wake.acquire()


class Workers:
    """Thread-safe; at most `most` threads, of which `keep` are there from the start to the end.

    No thread keeps the process from its own end.
    """

    def __init__(
        self, most: int, name: str, *, keep: int = 0, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._most = most
        self._name = name
        self._keep = keep
        self._idle_seconds = idle_seconds
        self._count = 0
        self._idle: list[_Worker] = []
        self._waiting: deque[Task] = deque()
        self._is_closed = False
        self._lock = Lock()
        for _ in range(keep):
            self._count += 1
            self._start(lambda: None)

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `function`, unless the future is cancelled before; what comes of it is in there."""
        future: Future[T] = Future()

        def task() -> None:
            if future.set_running_or_notify_cancel():
                fulfil(future, partial(function, *args, **kwargs))

        self.run(task)
        return future

    def run(self, task: Task) -> None:
        """Run `task`, after those that wait already if all threads are busy.

        Where the system gives no thread and none is there to wait for, the caller's runs it. Raises
        `RuntimeError` once closed.
        """
        with self._lock:
            if self._is_closed:
                raise RuntimeError("closed")
            if self._has_taken(task, self._most):
                return
            self._count += 1
        try:
            self._start(task)
        except RuntimeError:
            with self._lock:
                self._count -= 1
                if self._has_taken(task, 1):
                    return
            self._run_here(task)

    def close(self) -> None:
        """Take no more, drop what waits, and end each thread once it has nothing to do."""
        with self._lock:
            self._is_closed = True
            self._waiting.clear()
            for worker in self._idle:
                worker.wake.release()
            self._count -= len(self._idle)
            self._idle.clear()

    def _run_here(self, task: Task) -> None:
        """Also what waits for a thread that has not come about either."""
        current: Task | None = task
        while current is not None:
            current()
            with self._lock:
                is_alone = self._count == 0
                current = self._waiting.popleft() if is_alone and self._waiting else None

    def _start(self, task: Task) -> None:
        Thread(target=self._work, args=(task,), name=self._name, daemon=True).start()

    def _has_taken(self, task: Task, enough: int) -> bool:
        """Hand the task to an idle thread, or let it wait where there are `enough` threads."""
        if self._idle:
            worker = self._idle.pop()
            worker.task = task
            worker.wake.release()
            return True
        if self._count >= enough:
            self._waiting.append(task)
            return True
        return False

    def _work(self, task: Task) -> None:
        worker = _Worker()
        current: Task | None = task
        while current is not None:
            current()
            current = self._next(worker)

    def _next(self, worker: _Worker) -> Task | None:
        """What the worker does next, once there is something; None if it is not needed."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            if self._is_closed:
                self._count -= 1
                return None
            self._idle.append(worker)
        while not worker.wake.acquire(timeout=self._idle_seconds):
            with self._lock:
                if worker in self._idle and self._count > self._keep:
                    self._idle.remove(worker)
                    self._count -= 1
                    return None
        task, worker.task = worker.task, None
        return task
