"""One HTTP/1.1 connection, straight or through a proxy, and one request at a time on it.

`http.client` and urllib3 cost more CPU than all the rest of a call, and their time-outs bound a
single read, so that a server that sends a byte now and then is never done. Here the deadline bounds
the whole exchange.
"""

import select
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal, cast

from provider.deadline import Deadline
from provider.http.names import Names, Unresolved
from provider.http.origin import Origin, Proxy
from provider.http.response import BrokenOff, NotHttp, Reader, Reply, TooLong

CONNECT_TIMEOUT = 3.0
"""Seconds for one address; a name gets no more than twice that, all its addresses included."""
READ_TIMEOUT = 10.0
"""Seconds without a byte, where a connection has no other patience."""
_PIECE = 16 * 1024
"""Bytes to read at a time: a record of TLS holds no more."""
_FAILURES = (OSError, NotHttp, BrokenOff, UnicodeError)
"""Whatever sockets, TLS and HTTP raise; the last one where a name is none."""
MAX_BODY = 8 * 1024 * 1024
"""Bytes of an answer: ten parameters or one secret are far below, even with all escaped."""


class NoAnswer(Exception):
    """No usable answer came back. The text names the other end and holds nothing that was sent."""

    def __init__(self, kind: Literal["timeout", "connection"], text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Dropped(NoAnswer):
    """The other side closed the connection, maybe before it read the request."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `ValueError`, which quotes none, if a header's value cannot be sent."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        # Tokens come from outside, and must not end their line.
        for value in self.headers.values():
            if not (value.isascii() and value.isprintable()):
                raise ValueError("a header's value holds what no header may hold")


class Connection:
    """An open connection. Not thread-safe: whoever holds it has it alone."""

    def __init__(self, sock: socket.socket, origin: Origin, proxy: Proxy | None) -> None:
        self._socket = sock
        self.origin = origin
        self.reusable = False
        self.idle_since = 0.0
        self.patience = READ_TIMEOUT
        # A proxy is told the whole URL where it does not just pass bytes on.
        forwards = proxy is not None and origin.scheme == "http"
        self._prefix = str(origin) if forwards else ""
        self._extra = _authorization(proxy) if forwards else ""

    def ask(self, request: Request, deadline: Deadline, max_body: int = MAX_BODY) -> Reply:
        """Send a request; read the whole answer."""
        self.send(request, deadline)
        return self.receive(deadline, max_body)

    def send(self, request: Request, deadline: Deadline) -> None:
        """The first half of `ask`."""
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        text = (
            f"{request.method} {self._prefix}{request.path} HTTP/1.1\r\n"
            f"Host: {self.origin.authority}\r\n{head}{self._extra}"
        )
        if request.body or request.method == "POST":
            text += f"Content-Length: {len(request.body)}\r\n"
        self.reusable = False
        try:
            _Incoming(self._socket, deadline, self.patience).allow_time()
            self._socket.sendall(f"{text}\r\n".encode("ascii") + request.body)
        except _FAILURES as error:
            raise _no_answer(f"{self.origin} did not answer", error, deadline) from error

    def receive(self, deadline: Deadline, max_body: int = MAX_BODY) -> Reply:
        """The second half of `ask`."""
        reader = Reader(_Incoming(self._socket, deadline, self.patience))
        try:
            reply = reader.reply(max_body)
        except TooLong:
            text = f"{self.origin} answered more than {max_body} bytes"
            raise NoAnswer("connection", text) from None
        except _FAILURES as error:
            raise _no_answer(f"{self.origin} did not answer", error, deadline) from error
        self.reusable = reader.reusable
        return reply

    def is_dropped(self) -> bool:
        """Whether the other side has closed it, or talks out of turn."""
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self._socket.close()


def open_connection(
    origin: Origin,
    proxy: Proxy | None,
    names: Names,
    tls: ssl.SSLContext | None,
    deadline: Deadline,
) -> Connection:
    """Connect, through `proxy` if there is one; raises `NoAnswer`.

    Without `tls` the system's authorities are trusted.
    """
    nearest = proxy.origin if proxy else origin
    with _failing_as(f"cannot connect to {nearest}", deadline):
        sock = _connect(nearest, names, deadline)
    try:
        if proxy is not None and proxy.origin.scheme == "https":
            sock = _secured(sock, proxy.origin, tls, deadline)
        if origin.scheme == "https":
            if proxy is not None:
                _tunnel(sock, origin, proxy, deadline)
            sock = _secured(sock, origin, tls, deadline)
    except BaseException:
        sock.close()
        raise
    return Connection(sock, origin, proxy)


def _connect(origin: Origin, names: Names, deadline: Deadline) -> socket.socket:
    """Try one address after the other."""
    patience = deadline.within(2 * CONNECT_TIMEOUT)
    addresses = names.addresses(origin.host, origin.port, patience)
    failure: OSError = TimeoutError("no address answered in time")
    for family, kind, protocol, _, address in addresses:
        if patience.passed:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(min(CONNECT_TIMEOUT, patience.remaining()) or 0.001)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _tunnel(sock: socket.socket, origin: Origin, proxy: Proxy, deadline: Deadline) -> None:
    """Have the proxy pass bytes on to `origin`."""
    request = f"CONNECT {origin.address} HTTP/1.1\r\nHost: {origin.address}\r\n"
    with _failing_as(f"no way through the proxy {proxy.origin}", deadline):
        incoming = _Incoming(sock, deadline)
        incoming.allow_time()
        sock.sendall(f"{request}{_authorization(proxy)}\r\n".encode("ascii"))
        _, status, _ = Reader(incoming).head()
    if status != 200:
        text = f"the proxy {proxy.origin} answered {status} to CONNECT {origin.address}"
        raise NoAnswer("connection", text)


def _secured(
    sock: socket.socket, origin: Origin, tls: ssl.SSLContext | None, deadline: Deadline
) -> socket.socket:
    tls = tls or ssl.create_default_context()
    with _failing_as(f"no TLS with {origin}", deadline):
        sock.settimeout(deadline.within(2 * CONNECT_TIMEOUT).remaining() or 0.001)
        if isinstance(sock, ssl.SSLSocket):  # TLS to AWS within TLS to the proxy, which is rare
            from urllib3.util.ssltransport import SSLTransport  # noqa: PLC0415 - heavy

            inner = SSLTransport(sock, tls, server_hostname=origin.host)
            return cast("socket.socket", inner)
        return tls.wrap_socket(sock, server_hostname=origin.host.encode("ascii"))  # as in names


def _authorization(proxy: Proxy | None) -> str:
    if proxy is None or proxy.authorization is None:
        return ""
    return f"Proxy-Authorization: {proxy.authorization}\r\n"


class _Incoming:
    """A socket to read from until the deadline, not longer, however the bytes trickle in."""

    __slots__ = ("_patience", "_socket", "_until")

    def __init__(
        self, sock: socket.socket, deadline: Deadline, patience: float = READ_TIMEOUT
    ) -> None:
        self._socket = sock
        self._patience = patience
        self._until = deadline.at

    def allow_time(self) -> None:
        """Set the time that the next operation may take."""
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        allowed = min(self._patience, left)
        if self._socket.gettimeout() != allowed:  # spares a system call, mostly
            self._socket.settimeout(allowed)

    def __call__(self) -> bytes:
        self.allow_time()
        return self._socket.recv(_PIECE)


@contextmanager
def _failing_as(what: str, deadline: Deadline) -> Iterator[None]:
    """Turn `_FAILURES` into `NoAnswer`."""
    try:
        yield
    except _FAILURES as error:
        raise _no_answer(what, error, deadline) from error


def _no_answer(what: str, error: Exception, deadline: Deadline) -> NoAnswer:
    if isinstance(error, TimeoutError):
        late = "before the mount's time was up" if deadline.passed else "in time"
        why = (
            " (its name is not resolved: does DNS answer?)" if isinstance(error, Unresolved) else ""
        )
        return NoAnswer("timeout", f"{what} {late}{why}")
    if isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Dropped("connection", f"{what}: {_reason(error)}")
    return NoAnswer("connection", f"{what}: {_reason(error)}")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message} (is AWS_CA_BUNDLE right?)"
    if isinstance(error, BrokenOff):
        return "it broke off its answer"
    if isinstance(error, NotHttp):
        return f"not HTTP ({error})"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
