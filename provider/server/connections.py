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
from pathlib import Path
from threading import Lock
from time import monotonic

from provider.log import fields, logger
from provider.server.callers import Callers, caller

_DESCRIPTORS = "/proc/self/fd"


class Connections:
    """Thread-safe. `socket_path` is the driver's socket, which was bound under another name."""

    def __init__(self, socket_path: Path, callers: Callers) -> None:
        self._bound = os.fsencode(socket_path.with_name(f".{socket_path.name}."))
        self._callers = callers
        self._judged: dict[int, int] = {}
        """Descriptors that need no second look, and the socket that each was."""
        self._looked_at = 0.0
        self._lock = Lock()

    def cut_strangers(self, arrived: float) -> int:
        """Shut the connections of those who may not call; how many there were.

        `arrived` is when the call came in that wants to know (`time.monotonic`): a look at the
        connections since then has seen the one that it came over, and of a crowd one need look.
        """
        with self._lock:
            if self._looked_at > arrived:
                return 0
            self._looked_at = monotonic()
            return sum(map(self._is_cut, _descriptors()))

    def _is_cut(self, descriptor: int) -> bool:
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISSOCK(status.st_mode):
                return False
            if self._judged.get(descriptor) == status.st_ino:
                return False
            # A duplicate, since gRPC may close its own, and its number be given to another.
            with closing(socket.socket(fileno=os.dup(descriptor))) as connection:
                if os.fstat(connection.fileno()).st_ino == status.st_ino:
                    return self._judge(descriptor, status.st_ino, connection)
        except OSError:  # it was closed meanwhile
            pass
        return False

    def _judge(self, descriptor: int, inode: int, connection: socket.socket) -> bool:
        if self._is_at_our_socket(connection) and not self._callers.admit(
            who := caller(connection)
        ):
            connection.shutdown(socket.SHUT_RDWR)
            logger.warning("cut a stranger's connection", extra=fields(uid=who.uid, pid=who.pid))
            return True
        self._judged[descriptor] = inode
        return False

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
