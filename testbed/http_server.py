"""A small, fast HTTP/1.1 server in a background thread of a test process; any number of them."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from threading import Event, Thread
from typing import Self

from testbed.http import Connection, Handler

_DROP_ROUNDS = 200


async def close_listener(server: asyncio.Server, listener: socket.socket) -> None:
    """Close a server once the connections that it has accepted have begun.

    asyncio would leave those open that begin after the server is closed.
    """
    asyncio.get_running_loop().remove_reader(listener)
    await asyncio.sleep(0)
    server.close()


async def _drop(connections: set[Connection]) -> None:
    """Abort every connection, also those that are still being accepted."""
    for _ in range(_DROP_ROUNDS):
        for connection in list(connections):
            connection.abort()
        await asyncio.sleep(0.001)
        if not connections and len(asyncio.all_tasks()) == 1:
            return


class Server:
    """Serves one handler on one address, in a thread of its own.

    `start` after `stop` takes the same port again: an outage and its end.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._handler = handler
        self._tls = tls
        self._thread: Thread | None = None
        self._stop: Callable[[], object] = lambda: None

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._thread is not None

    def start(self) -> Self:
        """Listen; returns when connections are accepted."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.create_server((self.host, self.port), family=family, backlog=1024)
        self.port = listener.getsockname()[1]
        ready = Event()
        self._thread = Thread(
            target=lambda: asyncio.run(self._serve(listener, ready)),
            name=f"testbed-{self.port}",
            daemon=True,
        )
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._thread is None:
            return
        self._stop()
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    async def _serve(self, listener: socket.socket, ready: Event) -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopping.set)
        connections: set[Connection] = set()
        server = await loop.create_server(
            lambda: Connection(self._handler, connections), sock=listener, ssl=self._tls
        )
        ready.set()
        await stopping.wait()
        await close_listener(server, listener)
        await _drop(connections)
