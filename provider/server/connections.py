"""Connections at the driver's socket, and who made them.

grpcio accepts connections by itself and says of a caller no more than `unix:`; nor can it be handed
connections that somebody else accepted. But those it has are descriptors of this process, and the
kernel tells of each who made it. A call that is being looked at came in over a connection that was
there before: with all connections of strangers cut, no answer reaches a stranger, whichever of the
calls was its.
"""

import os
import socket
import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic

from provider.log import fields, logger
from provider.server.callers import Callers, caller
from provider.server.watched import Watched, find_watched, tells_of

_DESCRIPTORS = "/proc/self/fd"


@dataclass(frozen=True, slots=True)
class _Socket:
    """A socket of this process."""

    inode: int
    is_at_ours: bool
    """Whether it is the driver's socket or a connection to it."""
    is_strangers: bool = False


class Connections:
    """Thread-safe. `socket_path` is the driver's socket, which was bound under another name."""

    def __init__(self, socket_path: Path, callers: Callers) -> None:
        self._bound = os.fsencode(socket_path.with_name(f".{socket_path.name}."))
        self._callers = callers
        self._judged: dict[int, _Socket] = {}
        """Descriptors that need no second look, as long as each is the same socket."""
        self._watched: Watched | None = None
        self._members = b""
        """What was watched at the last look, if all connections were."""
        self._looked_at = 0.0
        self._lock = Lock()

    def cut_strangers(self, arrived: float) -> int:
        """Shut the connections of those who may not call; how many there were.

        `arrived` is when the call came in that wants to know (`time.monotonic`): a look at the
        connections since then has seen the one that it came over, and of a crowd one need look.
        Nor is there anything new to see while gRPC watches what it watched at the last look.
        """
        with self._lock:
            if self._looked_at > arrived:
                return 0
            self._looked_at = monotonic()
            members = self._watched.members() if self._watched else b""
            if members and members == self._members:
                return 0
            return self._look(members)

    def _look(self, members: bytes) -> int:
        """Look at all descriptors; `members` is what gRPC watched just before."""
        descriptors = _descriptors()
        sockets = list(filter(None, map(self._judge, descriptors)))
        at_ours = {one.inode for one in sockets if one.is_at_ours}
        self._members = members if tells_of(members, at_ours) else b""
        if not self._members:
            if self._watched:
                self._watched.close()
            self._watched = find_watched(descriptors, at_ours)
        return sum(one.is_strangers for one in sockets)

    def _judge(self, descriptor: int) -> _Socket | None:
        """The socket that a descriptor is, if it is one; a stranger's is shut."""
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISSOCK(status.st_mode):
                return None
            judged = self._judged.get(descriptor)
            if judged is not None and judged.inode == status.st_ino:
                return judged
            # A duplicate, since gRPC may close its own, and its number be given to another.
            with closing(socket.socket(fileno=os.dup(descriptor))) as connection:
                if os.fstat(connection.fileno()).st_ino != status.st_ino:
                    return None
                return self._judge_anew(descriptor, status.st_ino, connection)
        except OSError:  # it was closed meanwhile
            return None

    def _judge_anew(self, descriptor: int, inode: int, connection: socket.socket) -> _Socket:
        is_at_ours = self._is_at_our_socket(connection)
        if is_at_ours and not self._callers.admit(who := caller(connection)):
            connection.shutdown(socket.SHUT_RDWR)
            logger.warning("cut a stranger's connection", extra=fields(uid=who.uid, pid=who.pid))
            return _Socket(inode, is_at_ours, is_strangers=True)
        self._judged[descriptor] = _Socket(inode, is_at_ours)
        return self._judged[descriptor]

    def _is_at_our_socket(self, connection: socket.socket) -> bool:
        if connection.family is not socket.AF_UNIX:
            return False
        name = connection.getsockname()
        return (name if isinstance(name, bytes) else os.fsencode(name)).startswith(self._bound)


def _descriptors() -> list[int]:
    """All of this process; none where they cannot be listed, and the socket's mode has to do."""
    try:
        return [int(name) for name in os.listdir(_DESCRIPTORS)]  # noqa: PTH208 - no paths wanted
    except OSError as error:
        logger.debug("cannot list the connections", extra={"error": error})
        return []
