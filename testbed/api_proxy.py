"""An HTTP proxy in front of a real API server: it counts requests, disturbs them, and can be cut.

Its clients speak plain HTTP; their tokens are passed on. Each of their requests has a connection of
its own. Those to the API server are kept: a TLS handshake takes more CPU than most requests.
"""

import asyncio
import json
import re
import ssl
from dataclasses import dataclass, replace
from time import monotonic
from typing import Self
from urllib.parse import parse_qs, urlsplit

from testbed.api_errors import ApiError
from testbed.cluster import Address
from testbed.faults import Faults, raise_first, spoil
from testbed.http import Reply, Wire
from testbed.journal import Call, Journal
from testbed.streams import StreamServer

_PATH = re.compile(
    r"/(?:api|apis/[^/]+)/[^/]+(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[a-z]+))?"
)
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_VERSION = re.compile(r"(?<=[?&]resourceVersion=)[0-9]+")
_OLDEST = "1"
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class _Request:
    """A request as it was sent; `operation` is such as `patch externalsecrets/status`."""

    first: str
    rest: bytes
    operation: str
    target: str


class ApiProxy:
    """Listens on loopback while it is entered.

    Faults and journal use the service `kubernetes`, operations such as `list secrets`, `watch
    secrets`, `create secrets` or `patch externalsecrets/status`, and the target `namespace/name`.
    Of the faults, those count that are an `ApiError`, `hang`, `closed`, `late`, or `reset`: the
    request is carried out then, but its answer is lost.
    """

    def __init__(self, address: Address) -> None:
        self.faults = Faults()
        self.journal = Journal()
        self._upstream = urlsplit(address.url)
        self._tls = ssl.create_default_context(cafile=str(address.ca_file))
        self._server = StreamServer(self._serve, "api-proxy")
        self._is_cut = False
        self._expired: set[str] = set()
        self._open: dict[asyncio.StreamWriter, str] = {}
        self._idle: list[_Connection] = []
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._is_cut = True
        self._server.run(self._end())
        self._server.__exit__(*exc)

    async def _end(self) -> None:
        """Drop every connection and wait until each is closed."""
        while self._open:
            self._drop()
            await asyncio.sleep(0.001)
        for _, writer in self._idle:
            writer.transport.abort()
        await asyncio.sleep(0.001)

    def cut(self) -> None:
        """Drop every connection, and each new one."""
        self._is_cut = True
        self._server.call(self._drop)

    def restore(self) -> None:
        """Take connections again."""
        self._is_cut = False

    def expire(self, resource: str) -> None:
        """End the watch of a resource; the next one asks for a version that is long gone."""
        self._expired.add(resource)
        self._server.call(lambda: self._drop(f"watch {resource}"))

    def _drop(self, operation: str = "") -> None:
        for writer, its_operation in list(self._open.items()):
            if operation in {"", its_operation}:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = ""
        try:
            if self._is_cut:
                writer.transport.abort()
                return
            request = self._changed(await _read(reader))
            self._open[writer] = request.operation
            await self._answer(request, reader, writer)
        finally:
            del self._open[writer]

    def _changed(self, request: _Request) -> _Request:
        verb, _, resource = request.operation.partition(" ")
        if verb == "watch" and resource in self._expired:
            self._expired.discard(resource)
            request.first = _VERSION.sub(_OLDEST, request.first)
        return request

    async def _answer(
        self, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked = "kubernetes", request.operation, ""
        effects = self.faults.drawn(*asked, request.target)
        self.journal.record(Call(*asked, "", request.target, 0, monotonic()))
        try:
            raise_first(effects)
        except ApiError as error:
            reply = error.reply()
            last = replace(reply, headers=(*reply.headers, ("Connection", "close")))
            writer.write(last.head() + last.body)
            return
        reply = spoil(Reply(), effects)
        await asyncio.sleep(reply.delay)
        if reply.wire is Wire.HANG:
            await reader.read()  # until the client goes away
            return
        if reply.wire is not Wire.CLOSE:
            await self._forward(request, None if reply.wire is Wire.RESET else writer)

    async def _forward(self, request: _Request, writer: asyncio.StreamWriter | None) -> None:
        """Have a request carried out; its answer is lost without a writer."""
        there = await self._connected()
        self._open[there[1]] = request.operation
        try:
            there[1].write(request.first.encode() + request.rest)
            await _pass_on(there[0], writer)
            self._idle.append(there)
        except BaseException:
            there[1].transport.abort()
            raise
        finally:
            del self._open[there[1]]

    async def _connected(self) -> _Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.transport.abort()
        place = self._upstream.hostname, self._upstream.port
        return await asyncio.open_connection(*place, ssl=self._tls)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None) -> None:
    """Read one whole answer, and write it as the last of its connection if there is a writer."""

    async def write(data: bytes) -> None:
        if writer is not None:
            writer.write(data)
            await writer.drain()

    head = await reader.readuntil(b"\r\n\r\n")
    await write(head[:-2] + b"Connection: close\r\n\r\n")
    if length := _LENGTH.search(head):
        await write(await reader.readexactly(int(length[1])))
    elif _CHUNKED.search(head):
        size = -1
        while size:
            line = await reader.readuntil(b"\r\n")
            size = int(line, 16)
            await write(line + await reader.readexactly(size + 2))


async def _read(reader: asyncio.StreamReader) -> _Request:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    body = await reader.readexactly(int(length[1])) if length else b""
    first, line, rest = head.partition(b"\r\n")
    operation, target = _operation(first.decode())
    return _Request(first.decode(), line + rest + body, operation, target)


def _operation(first: str) -> tuple[str, str]:
    method, address, _ = first.split(" ")
    parts = urlsplit(address)
    found = _PATH.fullmatch(parts.path)
    if found is None:
        return json.dumps(first), ""
    verb = _VERBS.get(method, "get" if found["name"] else "list")
    if "watch" in parse_qs(parts.query):
        verb = "watch"
    resource = "/".join(filter(None, (found["resource"], found["subresource"])))
    return f"{verb} {resource}", f"{found['namespace'] or ''}/{found['name'] or ''}"
