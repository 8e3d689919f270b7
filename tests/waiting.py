"""Waiting for something that other tasks, threads or processes do."""

import asyncio
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


async def turns(count: int = 200) -> None:
    """Let all other tasks of the event loop go on until they wait, however slow the machine is."""
    for _ in range(count):
        await asyncio.sleep(0)
