"""A server of asyncio's streams on loopback, in a thread of its own."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Coroutine
from threading import Event, Thread
from typing import Any, Self

from testbed.http_server import close_listener

_TURNS = 5
"""Of the loop, for a connection that was just accepted to begin, and for one that is cut to end."""
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class StreamServer:
    """Listens at `port` from the start, and serves each connection by `serve` once entered.

    A connection that breaks or ends within a message is closed without a report.
    """

    def __init__(self, serve: Serve, name: str) -> None:
        self._serve_one = serve
        self._name = name
        self._writers: set[asyncio.StreamWriter] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        ready = Event()
        self._thread = Thread(
            target=lambda: asyncio.run(self._serve(ready)), name=self._name, daemon=True
        )
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self.call(self._stopping.set)
        self._thread.join(5)

    def call(self, function: Callable[[], Any]) -> None:
        """Have the server's own thread call this."""
        self._loop.call_soon_threadsafe(function)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Have the server's own loop do this, and wait for its end."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self, ready: Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._client, sock=self._listener)
        ready.set()
        await self._stopping.wait()
        await close_listener(server, self._listener)
        await _turns()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await _turns()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve_one(reader, writer)
        writer.close()
        self._writers.discard(writer)


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
