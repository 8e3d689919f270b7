"""Requests to AWS over kept connections, with one bound on how many are in flight.

Idle connections are mostly closed by the other side before the next rotation comes round, so they
are looked at before use, and a request that still meets a closed one is sent again on a new one.
That is safe: every call of this daemon may be repeated.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from time import monotonic

from provider.aws.connection import (
    READ_TIMEOUT,
    Connection,
    Dropped,
    NoAnswer,
    Reply,
    open_connection,
)
from provider.aws.names import Names
from provider.aws.network import Origin, Proxies, tls_context
from provider.deadline import Deadline
from provider.errors import OutOfTime

MAX_IDLE = 60.0
"""Seconds after which a connection is not used again: a NAT gateway may have forgotten it, and
then nobody says so."""


class Transport:
    """Thread-safe; one for the process."""

    def __init__(self, *, tls: ssl.SSLContext, proxies: Proxies, max_in_flight: int) -> None:
        self._tls = tls
        self._proxies = proxies
        self._names = Names()
        self._slots = BoundedSemaphore(max_in_flight)
        self._max_idle = max_in_flight
        self._idle: list[Connection] = []
        self._lock = Lock()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], max_in_flight: int) -> "Transport":
        """With proxies and CA bundle as `environment` says; `ValueError` if they are unusable."""
        tls = tls_context(environment)
        return cls(tls=tls, proxies=Proxies(environment), max_in_flight=max_in_flight)

    def post(
        self, origin: Origin, path: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> Reply:
        """Send one request and read its whole answer, whatever its status; redirects too.

        Raises `NoAnswer`, and `OutOfTime` when all slots stay taken until the deadline.
        """
        head = _head(headers)
        if not self._slots.acquire(timeout=deadline.remaining()):
            raise OutOfTime("too many requests to AWS are in flight. Try again later.")
        try:
            kept = self._take(origin)
            if kept is not None:
                try:
                    return self._post(kept, path, head, body, deadline)
                except Dropped:
                    pass
            proxy = self._proxies.proxy_for(origin)
            new = open_connection(origin, proxy, self._names, self._tls, deadline)
            return self._post(new, path, head, body, deadline)
        finally:
            self._slots.release()

    def begin(
        self, origin: Origin, path: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> "Sending | None":
        """Send one request if that takes no time: on an open connection, within the bound.

        The answer has as long as any other from now on, however late it is read.
        """
        if not self._slots.acquire(blocking=False):
            return None
        kept = self._take(origin)
        if kept is not None:
            try:
                kept.send(path, _head(headers), body, deadline)
            except NoAnswer:
                kept.close()
            else:
                return Sending(kept, deadline.within(READ_TIMEOUT), self._end)
        self._slots.release()
        return None

    def _end(self, connection: Connection) -> None:
        self._put(connection) if connection.reusable else connection.close()
        self._slots.release()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _post(
        self, connection: Connection, path: str, head: str, body: bytes, deadline: Deadline
    ) -> Reply:
        try:
            return connection.post(path, head, body, deadline)
        finally:
            self._put(connection) if connection.reusable else connection.close()

    def _take(self, origin: Origin) -> Connection | None:
        """The connection to `origin` that was used last, if one is still open."""
        oldest = monotonic() - MAX_IDLE
        while (connection := self._pop(origin)) is not None:
            if connection.idle_since >= oldest and not connection.is_dropped():
                return connection
            connection.close()
        return None

    def _pop(self, origin: Origin) -> Connection | None:
        with self._lock:
            for at in range(len(self._idle) - 1, -1, -1):
                if self._idle[at].origin == origin:
                    return self._idle.pop(at)
        return None

    def _put(self, connection: Connection) -> None:
        connection.idle_since = now = monotonic()
        with self._lock:
            self._idle.append(connection)
            # Used last stands last, so what is too old or too many stands first.
            surplus = max(0, len(self._idle) - self._max_idle)
            while surplus < len(self._idle) and self._idle[surplus].idle_since < now - MAX_IDLE:
                surplus += 1
            closing, self._idle = self._idle[:surplus], self._idle[surplus:]
        for old in closing:
            old.close()


@dataclass(frozen=True, slots=True)
class Sending:
    """A request that was sent; `reply` must be called once."""

    _connection: Connection
    _deadline: Deadline
    _end: Callable[[Connection], None]

    def reply(self) -> Reply:
        """The whole answer; raises `NoAnswer`."""
        try:
            return self._connection.receive(self._deadline)
        finally:
            self._end(self._connection)


def _head(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {_checked(value)}\r\n" for name, value in headers.items())


def _checked(value: str) -> str:
    """A header's value, which must not end its line: tokens come from outside."""
    if not (value.isascii() and value.isprintable()):
        raise ValueError("a header's value holds what no header may hold")
    return value
