"""A bound on how many do something at a time."""

from queue import Empty, SimpleQueue


class Slots:
    """Thread-safe. As a semaphore, which the standard library has in Python only: ten times the
    CPU of a queue of tokens, twice for each call to AWS."""

    def __init__(self, number: int) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(number):
            self._free.put(None)

    def take(self, seconds: float = 0.0) -> bool:
        """Take a slot, if one becomes free in time."""
        try:
            self._free.get(seconds > 0, seconds)
        except Empty:
            return False
        return True

    def give_back(self) -> None:
        """Let others have the slot that was taken."""
        self._free.put(None)
