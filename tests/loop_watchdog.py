"""Fails a test in which one step of work holds the event loop for too long.

CPU time of the loop's thread is measured, not wall time: on a busy machine a timer comes late, but
only our own work uses our CPU. Objects that exist before are left out of garbage collection: a
suite of tests has far more of them than a daemon, and a look through them all takes long.

In an async test:

    async with loop_watchdog():
        ...
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import thread_time

LONGEST = 0.05
"""Seconds of CPU between two turns of the loop that the soak allows."""
LONGEST_BESIDE_OTHERS = 0.1
"""The same in the suite, where other tests slow down each second of CPU."""
TICK = 0.002


class LoopHeld(AssertionError):
    """The loop was held; the text says for how long."""


@asynccontextmanager
async def loop_watchdog(longest: float = LONGEST_BESIDE_OTHERS) -> AsyncIterator[None]:
    """Raises `LoopHeld` at the end of the block if the loop was held for more CPU time."""
    slowest = 0.0

    async def watch() -> None:
        nonlocal slowest
        last = thread_time()
        while True:
            await asyncio.sleep(TICK)
            now = thread_time()
            slowest, last = max(slowest, now - last), now

    gc.freeze()
    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield
        await asyncio.sleep(2 * TICK)
    finally:
        watcher.cancel()
        gc.unfreeze()
    if slowest > longest:
        text = f"the loop was held for {1000 * slowest:.0f} ms of CPU, {1000 * longest:.0f} at most"
        raise LoopHeld(text)
