"""A small HTTP server for probes, metrics and status: one request a connection, GET and HEAD only.

Every pod of the cluster can connect to its port. Connections are therefore bounded, in number and
in time, and the oldest one gives way to a new one: idle connections cannot keep a probe out.
"""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

# Not aiohttp.web, whose applications, routes and files would take a MiB for nothing.
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server

from provider.runtime.log import logger

MAX_CONNECTIONS = 64
MAX_CONNECTIONS_OF_A_PEER = 16
CONNECTION_SECONDS = 10.0
"""Time from accepting a connection to the last byte of the answer."""
ACCEPT_PAUSE = 0.05
"""Seconds until the next attempt when no connection can be accepted."""
SHUTDOWN_SECONDS = 1.0

MAX_LINE = 2048
MAX_HEADER = 2048
MAX_HEADERS = 48
"""Bounds of a request, in bytes and in headers; its body is not read."""

TEXT = "text/plain; charset=utf-8"
HEADERS = {"Cache-Control": "no-store", "Server": "secrets-provider-aws"}


@dataclass(frozen=True, slots=True)
class Page:
    """The content of an answer."""

    body: bytes
    status: int = HTTPStatus.OK
    content_type: str = TEXT


Pages = Mapping[str, Callable[[], Awaitable[Page]]]
"""By path, without the query."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; an empty host means all addresses. Raises OSError."""
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=64)


class WebServer:
    """Serves `pages` on `listener`, a listening TCP or Unix socket, which it closes at the end."""

    def __init__(self, listener: socket.socket, pages: Pages) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._pages = pages
        self._open: dict[asyncio.WriteTransport, str] = {}
        """The peer of each connection, oldest first."""
        self._accepting: asyncio.Task[None] | None = None
        self._server: Server | None = None

    @property
    def address(self) -> str:
        """`host:port`, or the path of a Unix socket."""
        name = self._listener.getsockname()
        if isinstance(name, str):
            return name
        host, port = name[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Serve from now on, in the running event loop."""
        self._server = Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            logger=_quiet_logger(),
            max_line_size=MAX_LINE,
            max_field_size=MAX_HEADER,
            max_headers=MAX_HEADERS,
        )
        self._accepting = asyncio.create_task(self._accept(self._server))

    async def close(self) -> None:
        """Stop listening, and close all connections; answers in progress get a second."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
        self._listener.close()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(SHUTDOWN_SECONDS)

    async def _accept(self, server: Server) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._listener)
            except OSError as error:  # out of file descriptors, or the peer has gone
                logger.debug("cannot accept a connection", extra={"error": error})
                await asyncio.sleep(ACCEPT_PAUSE)
                continue
            transport, _ = await loop.connect_accepted_socket(server, connection)
            self._admit(transport, address[0] if isinstance(address, tuple) else "")
            loop.call_later(CONNECTION_SECONDS, self._drop, transport)

    def _admit(self, transport: asyncio.WriteTransport, peer: str) -> None:
        """Keep a new connection; over a bound, drop the oldest one of the peer that has most."""
        for one in [one for one in self._open if one.is_closing()]:
            del self._open[one]
        connections = Counter(self._open.values())
        if connections[peer] >= MAX_CONNECTIONS_OF_A_PEER:
            self._drop(self._oldest(peer))
        elif len(self._open) >= MAX_CONNECTIONS:
            self._drop(self._oldest(max(connections, key=lambda one: connections[one])))
        self._open[transport] = peer

    def _oldest(self, peer: str) -> asyncio.WriteTransport:
        return next(one for one, its_peer in self._open.items() if its_peer == peer)

    def _drop(self, transport: asyncio.WriteTransport) -> None:
        if self._open.pop(transport, None) is not None:
            transport.abort()

    async def _handle(self, request: BaseRequest) -> StreamResponse:
        page = await self._page(request.method, request.path)
        response = Response(
            body=page.body,
            status=page.status,
            headers={**HEADERS, "Content-Type": page.content_type},
        )
        response.force_close()
        return response

    async def _page(self, method: str, path: str) -> Page:
        page = self._pages.get(path)
        if page is None:
            return _failure(HTTPStatus.NOT_FOUND)
        if method not in ("GET", "HEAD"):
            return _failure(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            return await page()
        except Exception as error:  # noqa: BLE001 - the barrier of this door
            logger.error("cannot answer a request", extra={"error": error})
            return _failure(HTTPStatus.INTERNAL_SERVER_ERROR)


def _failure(status: HTTPStatus) -> Page:
    return Page(f"{status.phrase}\n".encode(), status)


def _quiet_logger() -> logging.Logger:
    """For aiohttp's own records: a peer that sends garbage must not fill the log."""
    quiet = logging.getLogger("aiohttp.server.quiet")
    quiet.disabled = True
    return quiet
