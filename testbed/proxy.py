"""A forward proxy: CONNECT tunnels and plain requests, with a record of who was asked for."""

import asyncio
import base64
import contextlib
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

from testbed.streams import StreamServer

Address = tuple[str, int]
_REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
_UNREACHABLE = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"


class FakeProxy:
    """Listens on loopback; `seen` holds `method host:port` of every request.

    `routes` sends host names elsewhere (`*`: all others), so that real AWS names lead to a fake.
    `login` (`user:password`) is asked for where given.
    """

    def __init__(
        self, *, routes: Mapping[str, Address] | None = None, login: str | None = None
    ) -> None:
        self.seen: list[str] = []
        self._routes = routes or {}
        self._expected = (
            None if login is None else "Basic " + base64.b64encode(login.encode()).decode()
        )
        self._server = StreamServer(self._forward, "proxy")
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.__exit__(*exc)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, _, rest = head.partition(b"\r\n")
        method, target, _ = first.decode().split(" ")
        host, port, path = _destination(method, target)
        self.seen.append(f"{method} {host}:{port}")
        if self._expected and f": {self._expected}".encode() not in rest:
            writer.write(_REFUSED)
            return
        try:
            there = await asyncio.open_connection(*self._route(host, port))
        except OSError:
            writer.write(_UNREACHABLE)
            return
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            there[1].write(f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode() + rest)
        await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))

    def _route(self, host: str, port: int) -> Address:
        return self._routes.get(host) or self._routes.get("*") or (host, port)


def _destination(method: str, target: str) -> tuple[str, int, str]:
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
        return host.strip("[]"), int(port), ""
    url = urlsplit(target)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return url.hostname or "", url.port or 80, path


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
    finally:
        writer.close()
