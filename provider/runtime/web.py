"""A very small HTTP server for probes and metrics: GET, one answer, close.

The port is in reach of every pod of the cluster, so a request has few bytes and little time in
total, and few are served at once; http.server bounds neither.
"""

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic

from provider.runtime.log import logger

MAX_HEAD = 8192
HEAD_SECONDS = 3.0
SEND_SECONDS = 10.0
MAX_CONNECTIONS = 16

TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page says."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = TEXT

    def encoded(self) -> bytes:
        """As HTTP has it."""
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"Content-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode("ascii") + self.body


def failure(status: HTTPStatus) -> Answer:
    """An answer that says no more than its status."""
    return Answer(f"{status.phrase}\n".encode(), status)


class WebServer:
    """Serves `pages` by path, each connection in a thread of its own, up to `MAX_CONNECTIONS`."""

    def __init__(self, host: str, port: int, pages: Mapping[str, Callable[[], Answer]]) -> None:
        """Binds at once, so that a taken port is known early; raises OSError."""
        self._socket = _listen(host, port)
        self._pages = pages
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Serve from now on."""
        threading.Thread(target=self._accept, name="web", daemon=True).start()

    def stop(self) -> None:
        """Accept no more."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            logger.debug("the web server's socket was closed already")
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _peer = self._socket.accept()
            except OSError as error:
                if self._socket.fileno() == -1:
                    return
                # Out of file descriptors, or the peer has gone: the next one may do better.
                logger.debug("cannot accept", extra={"error": error})
                threading.Event().wait(0.05)
                continue
            if not self._free.acquire(blocking=False):
                connection.close()
                continue
            self._in_thread(connection)

    def _in_thread(self, connection: socket.socket) -> None:
        try:
            threading.Thread(
                target=self._serve, args=(connection,), name="web-request", daemon=True
            ).start()
        except RuntimeError:  # no more threads to be had
            connection.close()
            self._free.release()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                answer = self._answer(_read_head(connection))
                connection.settimeout(SEND_SECONDS)
                connection.sendall(answer.encoded())
        except OSError as error:
            logger.debug("a web request broke", extra={"error": error})
        finally:
            self._free.release()

    def _answer(self, head: bytes) -> Answer:
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return failure(HTTPStatus.BAD_REQUEST)
        method, target = words[0], words[1].split(b"?", 1)[0]
        page = self._pages.get(target.decode("latin-1"))
        if page is None:
            return failure(HTTPStatus.NOT_FOUND)
        if method != b"GET":
            return failure(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            return page()
        except Exception as error:  # noqa: BLE001 - the barrier of this door
            logger.error("a page failed", extra={"error": error})
            return failure(HTTPStatus.INTERNAL_SERVER_ERROR)


def _read_head(connection: socket.socket) -> bytes:
    """All up to the empty line; what is too long or too slow is cut there."""
    head = b""
    until = monotonic() + HEAD_SECONDS
    while b"\r\n\r\n" not in head and len(head) < MAX_HEAD:
        connection.settimeout(max(0.001, until - monotonic()))
        if not (chunk := connection.recv(4096)):
            break
        head += chunk
    return head if b"\r\n\r\n" in head else b""


def _listen(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=64)
