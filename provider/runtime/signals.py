"""SIGTERM and SIGINT, which stop the process.

They are blocked from the first moment until the event loop handles them: none is lost during the
start, also in a process that is PID 1, for which the kernel drops signals without a handler.
"""

import asyncio
import signal
from collections.abc import Callable

STOP = (signal.SIGTERM, signal.SIGINT)


def hold() -> None:
    """Block the signals until they are handled. Call it before the first thread starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)


def handle(at_once: Callable[[], object]) -> asyncio.Event:
    """An event that the first signal sets; each further signal calls `at_once`.

    For the running event loop, which must be that of the main thread.
    """
    requested, loop = asyncio.Event(), asyncio.get_running_loop()

    def received() -> None:
        if requested.is_set():
            at_once()
        requested.set()

    for number in STOP:
        loop.add_signal_handler(number, received)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
    return requested
