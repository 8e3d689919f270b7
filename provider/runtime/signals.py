"""SIGTERM and SIGINT, which end the daemon: held back, and fetched by its main loop.

No handler ever runs in the middle of something, a signal that comes during the start waits for its
end, and a process that is PID 1 (which is not sent what it has no handler for) gets them all.
"""

import signal

HELD = frozenset((signal.SIGTERM, signal.SIGINT))


def hold() -> None:
    """Hold them back from now on; to be called before any thread starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)


def next_within(seconds: float) -> signal.Signals | None:
    """The next of them, if one comes in time."""
    info = signal.sigtimedwait(HELD, seconds)
    return None if info is None else signal.Signals(info.si_signo)
