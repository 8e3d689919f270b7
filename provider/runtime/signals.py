"""SIGTERM and SIGINT, which stop the process.

They are blocked from the first moment until the event loop handles them: none is lost during the
start, also in a process that is PID 1, for which the kernel drops signals without a handler.
"""

import asyncio
import signal
from collections.abc import Callable

STOP = (signal.SIGTERM, signal.SIGINT)


def hold() -> None:
    """Block the signals until `StopSignals.install`. Call it before the first thread starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)


class StopSignals:
    """The first signal sets `requested`; each further one calls `at_once`."""

    def __init__(self, at_once: Callable[[], object]) -> None:
        self.requested = asyncio.Event()
        self._at_once = at_once

    def install(self) -> None:
        """Handle the signals in the running event loop, which must be that of the main thread."""
        loop = asyncio.get_running_loop()
        for number in STOP:
            loop.add_signal_handler(number, self._received)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)

    def _received(self) -> None:
        if self.requested.is_set():
            self._at_once()
        self.requested.set()
