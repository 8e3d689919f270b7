"""The daemon of the soak: it logs when its loop was held for too long, and its connections are
short.

CPU time of the loop's thread is measured, as in `tests.loop_watchdog`: other processes of a busy
machine do not count.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from time import thread_time
from typing import NoReturn

from provider.csi import app
from provider.csi.config import Config
from provider.csi.mount import Mounter
from provider.csi.mount_registry import MountRegistry
from provider.csi.server import grpc_server
from provider.runtime.log import fields, logger
from provider.runtime.metrics import Metrics
from provider.runtime.offload import Offload
from tests.loop_watchdog import LONGEST, TICK
from tests.serve_options import parse

MESSAGE = "the loop was held"
START_SECONDS = 2.0
"""Until it serves, the loop is nobody's."""


async def _watch() -> None:
    await asyncio.sleep(START_SECONDS)
    last = thread_time()
    while True:
        await asyncio.sleep(TICK)
        now = thread_time()
        if now - last > LONGEST:
            logger.warning(MESSAGE, extra=fields(milliseconds=round(1000 * (now - last))))
        last = now


async def _make_mounter(
    config: Config,
    metrics: Metrics,
    offload: Offload,
    registry: MountRegistry,
    stack: AsyncExitStack,
) -> Mounter:
    stack.callback(asyncio.create_task(_watch()).cancel)
    return await app.make_mounter(config, metrics, offload, registry, stack)


def main(arguments: list[str]) -> NoReturn:
    """Run the daemon."""
    grpc_server.CONNECTION_SECONDS = 0.5
    app.serve(parse(arguments, os.environ), _make_mounter)
