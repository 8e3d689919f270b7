"""These tests run on the daemon's event loop."""

import asyncio
from collections.abc import Callable

import uvloop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """One parameter of every asynchronous test."""
    return {"uvloop": uvloop.new_event_loop}
