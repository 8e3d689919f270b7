"""Connections that are open and wait to be used again.

The other side mostly closes them before the next rotation comes round, so they are looked at
before use.
"""

from threading import Lock
from time import monotonic

from provider.http.connection import Connection
from provider.http.origin import Origin

MAX_IDLE = 60.0
"""Seconds after which a connection is not used again: a NAT gateway may have forgotten it, and
then nobody says so."""


class Idle:
    """Thread-safe; at most `most` connections."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: list[Connection] = []
        self._lock = Lock()

    def take(self, origin: Origin) -> Connection | None:
        """The connection to `origin` that was used last, if one is still open."""
        oldest = monotonic() - MAX_IDLE
        while (connection := self._pop(origin)) is not None:
            if connection.idle_since >= oldest and not connection.is_dropped():
                return connection
            connection.close()
        return None

    def put(self, connection: Connection) -> None:
        """Keep a connection that was used, or close it if it is good for nothing more."""
        if not connection.reusable:
            connection.close()
            return
        connection.idle_since = now = monotonic()
        with self._lock:
            self._idle.append(connection)
            # Used last stands last, so what is too old or too many stands first.
            surplus = max(0, len(self._idle) - self._most)
            while surplus < len(self._idle) and self._idle[surplus].idle_since < now - MAX_IDLE:
                surplus += 1
            closing, self._idle = self._idle[:surplus], self._idle[surplus:]
        for old in closing:
            old.close()

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __del__(self) -> None:
        self.close()

    def _pop(self, origin: Origin) -> Connection | None:
        with self._lock:
            for at in range(len(self._idle) - 1, -1, -1):
                if self._idle[at].origin == origin:
                    return self._idle.pop(at)
        return None
