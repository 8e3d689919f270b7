"""A small HTTP server for probes and metrics: one request a connection, GET and HEAD only.

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
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server

from provider.runtime.log import logger

MAX_CONNECTIONS = 64
MAX_CONNECTIONS_OF_A_PEER = 16
CONNECTION_SECONDS = 10.0
"""Time from accepting a connection to the last byte of the answer."""
SHUTDOWN_SECONDS = 1.0

MAX_LINE = 2048
MAX_HEADER = 2048
MAX_HEADERS = 48
"""Bounds of a request, in bytes and in headers; its body is not read."""

TEXT = "text/plain; charset=utf-8"
QUIET = logging.Logger("aiohttp.server", logging.CRITICAL + 1)
"""For aiohttp's own records: a peer that sends garbage must not fill the log."""
HEADERS = {"Cache-Control": "no-store", "Server": "secrets-provider-aws"}


@dataclass(frozen=True, slots=True)
class Page:
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


class WebServer(Server):
    """Serves `pages` on `listener`, a listening TCP socket, which it closes at the end."""

    def __init__(self, listener: socket.socket, pages: Pages) -> None:
        super().__init__(
            self._answer,
            handler_cancellation=True,
            access_log=None,
            logger=QUIET,
            max_line_size=MAX_LINE,
            max_field_size=MAX_HEADER,
            max_headers=MAX_HEADERS,
        )
        self._listener = listener
        self._pages = pages
        self._open: dict[asyncio.Transport, str] = {}
        """The peer of each connection, oldest first."""
        self._listening: asyncio.Server | None = None

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def start(self) -> None:
        """Serve from now on, in the running event loop."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self, sock=self._listener)

    async def close(self) -> None:
        """Stop listening, and close all connections; answers in progress get a second."""
        if self._listening is not None:
            self._listening.close()
        self.pre_shutdown()
        await self.shutdown(SHUTDOWN_SECONDS)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Bound a new connection in time, and all connections in number."""
        super().connection_made(handler, transport)
        peer = transport.get_extra_info("peername")  # None: it has gone already
        self._admit(transport, peer[0] if peer else "")
        asyncio.get_running_loop().call_later(CONNECTION_SECONDS, self._drop, transport)

    def _admit(self, transport: asyncio.Transport, peer: str) -> None:
        """Keep a new connection; over a bound, drop the oldest one of the peer that has most."""
        for one in [one for one in self._open if one.is_closing()]:
            del self._open[one]
        connections = Counter(self._open.values())
        if connections[peer] >= MAX_CONNECTIONS_OF_A_PEER:
            self._drop(self._oldest(peer))
        elif len(self._open) >= MAX_CONNECTIONS:
            self._drop(self._oldest(max(connections, key=lambda one: connections[one])))
        self._open[transport] = peer

    def _oldest(self, peer: str) -> asyncio.Transport:
        return next(one for one, its_peer in self._open.items() if its_peer == peer)

    def _drop(self, transport: asyncio.Transport) -> None:
        if self._open.pop(transport, None) is not None:
            transport.abort()

    async def _answer(self, request: BaseRequest) -> StreamResponse:
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
