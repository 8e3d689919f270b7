"""Single flight: of those who want the same at the same moment one gets it, for all.

Knows nothing of what it carries and remembers nothing: whoever wants a cache looks into it before
boarding, and again as the first thing in the work, since the last flight may just have landed.
"""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

from provider.deadline import Deadline
from provider.errors import OutOfTime, Unavailable

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class _GivenUp(Exception):
    """The leader stopped for a reason of its own; whoever joined may lead anew."""


class Flights(Generic[K, T]):
    """Thread-safe; works in its callers' threads. `cargo` says in errors what is waited for."""

    def __init__(self, cargo: str) -> None:
        self._cargo = cargo
        self._aloft: dict[K, Future[T]] = {}
        self._lock = Lock()

    def fly(self, key: K, work: Callable[[], T], deadline: Deadline) -> tuple[T, bool]:
        """What `work` returns, and whether it was somebody else's: then `work` was not called.

        An error is shared by all who joined, but for one that comes of the leader's deadline. Who
        joins waits until its own deadline, then raises `OutOfTime`.
        """
        while True:
            flight, leads = self._board(key)
            if leads:
                return self._lead(key, flight, work, deadline), False
            error = self._wait(flight, deadline)
            if error is None:
                return flight.result(), True
            if not isinstance(error, _GivenUp):
                raise error

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._aloft)

    def _board(self, key: K) -> tuple[Future[T], bool]:
        with self._lock:
            if (flight := self._aloft.get(key)) is not None:
                return flight, False
            flight = self._aloft[key] = Future()
            return flight, True

    def _lead(self, key: K, flight: Future[T], work: Callable[[], T], deadline: Deadline) -> T:
        try:
            result = work()
        except BaseException as error:
            self._leave(key)
            flight.set_exception(_GivenUp() if _concerns_leader(error, deadline) else error)
            raise
        self._leave(key)
        flight.set_result(result)
        return result

    def _leave(self, key: K) -> None:
        with self._lock:
            del self._aloft[key]

    def _wait(self, flight: Future[T], deadline: Deadline) -> BaseException | None:
        if not deadline.passed:
            try:
                return flight.exception(deadline.remaining())
            except TimeoutError:
                pass
        raise OutOfTime(
            f"the time for this mount ran out while it waited for {self._cargo} that another mount "
            "had asked for already"
        )


def _concerns_leader(error: BaseException, deadline: Deadline) -> bool:
    """Whether those with more time than the leader might fare better.

    A deadline that cuts a request short may show as `OutOfTime` or as a server that was too slow.
    """
    if not isinstance(error, Exception):
        return True  # the thread is being stopped
    return isinstance(error, OutOfTime) or (isinstance(error, Unavailable) and deadline.passed)
