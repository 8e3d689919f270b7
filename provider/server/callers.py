"""Who calls at a Unix socket: the kernel tells (`SO_PEERCRED` of unix(7)), nobody can lie.

The sockets' mode keeps others out already; this holds where the mode was changed, or a process has
the right to pass it by.
"""

import os
import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass

_CREDENTIALS = struct.Struct("3i")
"""`struct ucred`: process, user, group."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The process that made a connection, at the time when it did."""

    pid: int
    uid: int
    gid: int


def caller(connection: socket.socket) -> Caller:
    """Who is at the other end; raises OSError."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Caller(*_CREDENTIALS.unpack(found))


class Callers:
    """Whom the sockets answer: these users and the daemon's own, or with None anybody."""

    def __init__(self, uids: Collection[int] | None) -> None:
        self._uids = None if uids is None else frozenset((*uids, os.geteuid()))

    def admit(self, one: Caller) -> bool:
        """Whether this caller gets an answer."""
        return self._uids is None or one.uid in self._uids
