"""Fails a test in which one step of work holds the event loop for too long.

CPU time of the loop's thread is measured, not wall time: on a busy machine a timer comes late, but
only our own work uses our CPU. In an async test:

    async with loop_watchdog():
        ...
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import thread_time

LONGEST = 0.05
"""Seconds of CPU between two turns of the watchdog."""
TICK = 0.002


class LoopHeld(AssertionError):
    """The loop was held; the text says for how long."""


@asynccontextmanager
async def loop_watchdog(longest: float = LONGEST) -> AsyncIterator[None]:
    """Raises `LoopHeld` at the end of the block if the loop was held for more CPU time."""
    slowest = 0.0

    async def watch() -> None:
        nonlocal slowest
        last = thread_time()
        while True:
            await asyncio.sleep(TICK)
            now = thread_time()
            slowest, last = max(slowest, now - last), now

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield
        await asyncio.sleep(2 * TICK)
    finally:
        watcher.cancel()
    if slowest > longest:
        text = f"the loop was held for {1000 * slowest:.0f} ms of CPU, {1000 * longest:.0f} at most"
        raise LoopHeld(text)
