"""Work that several requests wait for together.

A shared task belongs to no request. When the request that started it is cancelled, it goes on for
the others; when no request waits for it any more, it is cancelled. All wait for the task itself, so
each gets its result or its error on every path.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable
from functools import partial
from typing import Any, Generic, Self, TypeVar

K = TypeVar("K", bound=Hashable)
P = TypeVar("P")
T = TypeVar("T")


class SharedTask(Generic[T]):
    """One task and the number of its waiters."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self.task = asyncio.create_task(work)
        self._waiting = 0
        self._abandoned = False

    @property
    def is_open(self) -> bool:
        """Whether one may still wait for it."""
        return not (self._abandoned or self.task.done())

    def kept_in(self, tasks: dict[K, Self], keys: Iterable[K]) -> Self:
        """Puts this task into `tasks` under `keys`, until it is done or replaced; returns it."""

        def forget(_task: asyncio.Task[T]) -> None:
            for key in keys:
                if tasks.get(key) is self:
                    del tasks[key]

        tasks.update(dict.fromkeys(keys, self))
        self.task.add_done_callback(forget)
        return self

    def join(self) -> asyncio.Future[T]:
        """A future of what the work returns or raises.

        Cancel it to wait no longer: the task goes on as long as another future waits for it.
        """
        return self.join_for(lambda result: result)

    def join_for(self, part: Callable[[T], P]) -> asyncio.Future[P]:
        """As `join`, for `part` of what the work returns."""
        self._waiting += 1
        future: asyncio.Future[P] = asyncio.get_running_loop().create_future()
        future.add_done_callback(self._leave)
        self.task.add_done_callback(partial(_hand_on, part, future))
        return future

    def _leave(self, _future: asyncio.Future[Any]) -> None:
        self._waiting -= 1
        if not self._waiting and not self.task.done():
            self._abandoned = True
            self.task.cancel()


def _hand_on(part: Callable[[T], P], future: asyncio.Future[P], task: asyncio.Task[T]) -> None:
    """Resolve the future of one waiter as the task ended."""
    if task.cancelled():
        future.cancel()
    elif (error := task.exception()) is None:
        if not future.done():
            future.set_result(part(task.result()))
    elif not future.done():
        future.set_exception(error)
        future.exception()  # a waiter that has left does not retrieve it


class SingleFlight(Generic[K, T]):
    """Of concurrent requests with one key, the first does the work for all.

    It remembers nothing: a cache is looked at before.
    """

    def __init__(self) -> None:
        self._tasks: dict[K, SharedTask[T]] = {}

    async def run(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `work`, which is called here or by the request that came first."""
        shared = self._tasks.get(key)
        if shared is None or not shared.is_open:
            shared = SharedTask(work()).kept_in(self._tasks, [key])
        return await shared.join()

    def is_running(self, key: K) -> bool:
        """Whether a request would join another one."""
        shared = self._tasks.get(key)
        return shared is not None and shared.is_open

    def __len__(self) -> int:
        return len(self._tasks)
