"""HTTP/1.1 as a server speaks it, which can also misbehave on the wire.

One handler function answers every request; a `Reply` says not only what to send but how: later,
in part, slowly, or not at all. `http_server.Server` listens. Left out: pipelining, chunked
requests, HTTP/2.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum, auto
from http import HTTPStatus
from threading import Event
from typing import cast
from urllib.parse import parse_qs, urlsplit

_MAX_HEAD = 64 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Wire(Enum):
    """How a reply travels."""

    WHOLE = auto()
    HANG = auto()
    """Nothing is sent and the connection stays open."""
    RESET = auto()
    """The connection is reset (RST) without a byte."""
    CLOSE = auto()
    """The connection is closed in good order without a byte."""
    TRUNCATED = auto()
    """Half of the body comes, then the connection closes."""
    TRICKLE = auto()
    """One byte of the body at a time, `Reply.pause` seconds apart."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """Path without the query, as sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's last value for each name."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send, and how; `delay` and `pause` are seconds."""

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    wire: Wire = Wire.WHOLE
    pause: float = 0.0
    after: Event | None = None
    """It is sent when this is set."""
    stream: "Callable[[Outlet], None] | None" = None
    """Takes the outlet of a body that comes bit by bit; there is no `body` then."""

    def head(self) -> bytes:
        """Status line and headers."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, '')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines.append(f"Date: {formatdate(usegmt=True)}")
        if self.stream is None:
            lines += [f"Content-Length: {len(self.body)}", "", ""]
        else:
            lines += ["Transfer-Encoding: chunked", "", ""]
        return "\r\n".join(lines).encode("latin-1")


Handler = Callable[[Request], Reply]


class Outlet:
    """The body of one streamed reply. Any thread may call `send`, `end` and `abort`."""

    def __init__(self, connection: "Connection", loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self.on_close: Callable[[], None] = lambda: None
        """Called when the client has gone away or the body has ended."""

    def send(self, data: bytes) -> None:
        """Send one chunk."""
        chunk = b"%x\r\n%b\r\n" % (len(data), data)
        self._call(self._connection.send_chunk, chunk)

    def end(self) -> None:
        """The body is complete."""
        self._call(self._connection.end_stream)

    def end_after(self, seconds: float, last: Callable[[], bytes]) -> None:
        """End the body after so many seconds, with one more chunk."""

        def end() -> None:
            self.send(last())
            self.end()

        self._call(self._loop.call_later, seconds, end)

    def abort(self) -> None:
        """Break off."""
        self._call(self._connection.abort)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the server has stopped
            self._loop.call_soon_threadsafe(function, *arguments)


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return method, target, headers


class Connection(asyncio.Protocol):
    """One client's connection: reads a request, answers it, reads the next."""

    def __init__(self, handler: Handler, peers: set["Connection"]) -> None:
        self._handler = handler
        self._peers = peers
        self._buffer = bytearray()
        self._answering = False
        self._last = False
        self._outlet: Outlet | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio calls it so)
        self._peers.discard(self)
        self._close_outlet()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._answering:
            self._read()

    def abort(self) -> None:
        """Drop the connection without a word."""
        self._transport.abort()

    def _read(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD:
                self._transport.abort()
            return
        try:
            method, target, headers = _parse_head(bytes(self._buffer[:end]))
            length = int(headers.get("content-length", 0))
        except ValueError:
            self._last = True
            self._send(Reply(400, b"malformed request"))
            return
        body_at = end + 4
        if len(self._buffer) < body_at + length:
            return
        body = bytes(self._buffer[body_at : body_at + length])
        del self._buffer[: body_at + length]
        self._answering = True
        self._last = headers.get("connection", "").lower() == "close"
        reply = self._handler(Request(method, target, headers, body))
        if reply.delay > 0:
            self._loop.call_later(reply.delay, self._send, reply)
        else:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        if self._transport.is_closing():
            return  # the client has not waited for a late answer
        if reply.after is not None and not reply.after.is_set():
            self._loop.call_later(0.01, self._send, reply)
            return
        match reply.wire:
            case Wire.WHOLE if reply.stream is not None:
                self._transport.write(reply.head())
                self._outlet = Outlet(self, self._loop)
                reply.stream(self._outlet)
            case Wire.WHOLE:
                self._transport.write(reply.head() + reply.body)
                self._done()
            case Wire.HANG:
                pass
            case Wire.RESET:
                self._reset()
            case Wire.CLOSE:
                self._transport.close()
            case Wire.TRUNCATED:
                self._transport.write(reply.head() + reply.body[: len(reply.body) // 2])
                self._transport.close()
            case Wire.TRICKLE:
                self._transport.write(reply.head())
                self._trickle(reply.body, reply.pause)

    def send_chunk(self, chunk: bytes) -> None:
        """Send a part of a stream."""
        if self._outlet is not None:
            self._transport.write(chunk)

    def end_stream(self) -> None:
        """End a stream in good order."""
        if self._outlet is not None:
            self._transport.write(b"0\r\n\r\n")
            self._close_outlet()
            self._done()

    def _close_outlet(self) -> None:
        outlet, self._outlet = self._outlet, None
        if outlet is not None:
            outlet.on_close()

    def _done(self) -> None:
        self._answering = False
        if self._last:
            self._transport.close()
        elif self._buffer:
            self._read()

    def _reset(self) -> None:
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self._transport.abort()

    def _trickle(self, rest: bytes, pause: float) -> None:
        if self._transport.is_closing():
            return
        if not rest:
            self._done()
            return
        self._transport.write(rest[:1])
        self._loop.call_later(pause, self._trickle, rest[1:], pause)
