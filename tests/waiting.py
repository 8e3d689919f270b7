"""Waiting for something that another thread or process does."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any


def eventually(condition: Callable[[], Any], what: str, seconds: float = 60) -> None:
    """Wait until the condition holds; fails the test after so many seconds.

    Most conditions ask the API server, which takes milliseconds of CPU for each answer.
    """
    until, pause = monotonic() + seconds, 0.01
    while not condition():
        assert monotonic() < until, f"not within {seconds:g} s: {what}"
        Event().wait(pause)
        pause = min(pause * 1.7, 0.25)
