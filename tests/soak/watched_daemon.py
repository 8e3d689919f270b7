"""The daemon of the soak: it logs when its loop was held for too long, and its connections are
short. Run with `python -m tests.soak.watched_daemon`, with the daemon's own arguments.

CPU time of the loop's thread is measured, as in `tests.loop_watchdog`: other processes of a busy
machine do not count.
"""

import asyncio
import sys
from time import thread_time
from typing import Any

from provider.cli.main import main
from provider.csi import app
from provider.csi.server import grpc_server
from provider.runtime.log import fields, logger
from tests.loop_watchdog import LONGEST, TICK

MESSAGE = "the loop was held"
START_SECONDS = 2.0
"""Until it serves, the loop is nobody's."""

grpc_server.CONNECTION_SECONDS = 0.5


async def _watch() -> None:
    await asyncio.sleep(START_SECONDS)
    last = thread_time()
    while True:
        await asyncio.sleep(TICK)
        now = thread_time()
        if now - last > LONGEST:
            logger.warning(MESSAGE, extra=fields(milliseconds=round(1000 * (now - last))))
        last = now


_inner: Any = app._run


async def _run(*arguments: Any) -> None:
    watcher = asyncio.create_task(_watch())
    try:
        await _inner(*arguments)
    finally:
        watcher.cancel()


app._run = _run  # type: ignore[assignment]  # the same signature, wrapped

if __name__ == "__main__":
    sys.exit(main())
