"""The process of a long-running command: event loop, stop signals, and its end."""

import asyncio
import faulthandler
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import uvloop

from provider.runtime import signals
from provider.runtime.log import log_loop_error, logger

THREADS = 4
"""Threads of the event loop's own executor, which reads files."""
SWITCH_SECONDS = 0.0005
"""How long a thread that computes keeps the interpreter from the event loop. With Python's default,
five milliseconds, each wait for the network would take as much longer beside it."""
STOPPED_AT_ONCE = 128 + signal.SIGTERM

Main = Callable[[asyncio.Event], Awaitable[None]]
"""The work of the process. It returns once the event is set, which the first stop signal does."""


class StartFailed(Exception):
    """The process cannot start; the message says why in one line."""


def run(program: str, main: Main) -> NoReturn:
    """Run `main` in an event loop and end the process; exit code 1 for `StartFailed` and OSError.

    The process ends without the clean-up of Python and gRPC: that would wait for threads that hang,
    and answer CANCELLED to calls that arrive at that moment.
    """
    signals.hold()
    sys.setswitchinterval(SWITCH_SECONDS)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(main))
    except (StartFailed, OSError) as error:
        sys.stderr.write(f"{program}: cannot start: {error}\n")
    _end(1)


async def _run(main: Main) -> NoReturn:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_loop_error)
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "loop"))
    await main(signals.handle(_stop_at_once))
    logger.info("stopped")
    _end(0)


def keep_what_exists() -> None:
    """Collect garbage from now on, but not among what exists now: a full collection gets cheap."""
    gc.freeze()
    gc.enable()


def _stop_at_once() -> NoReturn:
    logger.warning("stopping at once")
    _end(STOPPED_AT_ONCE)


def _end(exit_code: int) -> NoReturn:
    sys.stderr.flush()
    os._exit(exit_code)
