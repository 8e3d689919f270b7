"""A document for each connection: callers that do not read, and too many of them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from provider.runtime import document_server as module
from provider.runtime.document_server import DocumentServer

SIZE = 4 * 2**20
"""More than the kernel takes without a reader."""


async def large() -> bytes:
    return bytes(SIZE)


@asynccontextmanager
async def listening(
    path: Path,
    may_ask: Callable[[socket.socket], bool] = lambda _: True,
    document: Callable[[], Awaitable[bytes]] = large,
) -> AsyncIterator[DocumentServer]:
    one = DocumentServer(document, may_ask)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    server = await one.listen(listener)
    yield one
    server.close()


async def ask(path: Path) -> int:
    """The length of the answer."""
    reader, writer = await asyncio.open_unix_connection(path)
    answer = await reader.read()
    writer.close()
    return len(answer)


async def until(one: DocumentServer, callers: int) -> None:
    async with asyncio.timeout(10):
        while one.callers != callers:
            await asyncio.sleep(0.01)


async def test_a_caller_that_does_not_read_does_not_delay_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_SECONDS", 0.1)
    path = tmp_path / "socket"

    async def made() -> bytes:
        monkeypatch.setattr(module, "SEND_SECONDS", 10.0)  # the caller after the first one reads
        return await large()

    async with listening(path, document=made) as one:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as idle:
            idle.connect(str(path))
            assert await ask(path) == SIZE
            await until(one, 0)


async def test_callers_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with listening(path) as one:
        with ExitStack() as stack:
            for _ in range(module.MAX_CALLERS):
                idle = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                idle.connect(str(path))
            await until(one, module.MAX_CALLERS)
            assert await ask(path) == 0
        await until(one, 0)
        assert await ask(path) == SIZE


async def test_a_caller_that_may_not_ask_gets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with listening(path, lambda _connection: False):
        assert await ask(path) == 0
