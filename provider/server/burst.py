"""Mounts that come together are let in before any of them is worked on.

When a node starts, a hundred mounts arrive within milliseconds, and Python runs one thread at a
time: the first ones, once at work, keep the rest from being taken in. Those would then count as
having come after the first ones' fetches, and be entitled to fetches of their own. So whoever
comes while others are there waits until no more come, and a mount that comes alone waits for
nobody.
"""

from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic, sleep

QUIET = 0.007
"""Seconds without an arrival after which a burst is over: longer than a mount that came before may
keep the thread that takes requests in from running, also where CPU is scarce."""
LONGEST = 0.1
"""Seconds after which those who came are let in although more come."""


class Burst:
    """Thread-safe. `let_in` is called with the number of arrivals, in a thread of its own."""

    def __init__(self, let_in: Callable[[int], None]) -> None:
        self._let_in = let_in
        self._arrivals = 0
        self._last = 0.0
        self._lock = Lock()
        self._someone = Event()
        self._is_closed = False
        self._thread = Thread(target=self._run, name="burst", daemon=True)
        self._thread.start()

    def arrive(self, at: float) -> None:
        """One more has come, at this time (`time.monotonic`)."""
        with self._lock:
            self._arrivals += 1
            self._last = at
        self._someone.set()

    def close(self) -> None:
        """Let in who has come; nobody may come any more."""
        self._is_closed = True
        self._someone.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closed:
            self._someone.wait()
            self._wait_for_the_end()
            self._someone.clear()
            with self._lock:
                arrivals, self._arrivals = self._arrivals, 0
            if arrivals:
                self._let_in(arrivals)

    def _wait_for_the_end(self) -> None:
        until = monotonic() + LONGEST
        while (now := monotonic()) < until and now - self._last < QUIET:
            sleep(QUIET - (now - self._last))
