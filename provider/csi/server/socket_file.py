"""The socket's file in the folder shared with the driver: taken over, kept, given up.

A new socket is bound under a temporary name and renamed onto the real one, so that there is always
one; the newest daemon wins. A socket's inode lives as long as it is listened on, so device and
inode tell ours from others'.
"""

import os
import secrets
import socket
import stat
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from time import time

from provider.runtime.log import logger

MAX_PATH = 107
"""Bytes of a Unix socket's path that Linux takes."""

STALE_SECONDS = 10.0
"""A temporary socket that nobody listens on and that is older than this will never be renamed."""


class StartFailed(Exception):
    """The daemon cannot serve; the message is one line for the operator."""


class Holder(Enum):
    """Whose the socket is."""

    OURS = "ours"
    OTHERS = "others"
    NOBODY = "nobody"


class SocketFile:
    """One path, and which socket of ours was last put there. Any thread may ask; one changes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ours: tuple[int, int] | None = None

    def claim(self, listen: Callable[[str], None]) -> None:
        """Have `listen` bind a socket, and put it in place; raises `StartFailed`."""
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(3)}")
        if (length := len(os.fsencode(temporary))) > MAX_PATH:
            raise StartFailed(
                f"the path of the socket is too long: {temporary} has {length} bytes, and Linux "
                f"takes {MAX_PATH}; choose a shorter --provider-volume"
            )
        self._make_folder()
        self._remove_stale()
        umask = os.umask(0o177)
        try:
            listen(str(temporary))
        except RuntimeError as error:  # grpcio's, for each and every reason
            why = _why_not(temporary) or error
            raise StartFailed(f"cannot make a socket in {self.path.parent}: {why}") from error
        finally:
            os.umask(umask)
        try:
            status = temporary.lstat()
            temporary.rename(self.path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StartFailed(f"cannot put the socket at {self.path}: {error.strerror}") from error
        self._ours = (status.st_dev, status.st_ino)

    def holder(self) -> Holder:
        """Whose socket is at the path now. A dead one is nobody's."""
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            return Holder.NOBODY
        except OSError:
            return Holder.OTHERS
        if (status.st_dev, status.st_ino) == self._ours:
            return Holder.OURS
        if stat.S_ISSOCK(status.st_mode) and _is_dead(self.path):
            return Holder.NOBODY
        return Holder.OTHERS

    def is_ours(self) -> bool:
        """Whether the driver finds us at the path."""
        return self.holder() is Holder.OURS

    def give_up(self) -> None:
        """Remove the file, if it is ours."""
        try:
            if self.is_ours():
                self.path.unlink()
        except OSError as error:
            logger.warning("cannot remove the socket", extra={"error": error})

    def _make_folder(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise StartFailed(f"cannot make the folder {folder}: {error.strerror}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StartFailed(f"cannot write into the folder {folder}")

    def _remove_stale(self) -> None:
        """Clear away what daemons left that were killed before they renamed their socket."""
        try:
            for left in self.path.parent.glob(f".{self.path.name}.*"):
                if _is_stale(left):
                    left.unlink()
        except OSError as error:
            logger.debug("cannot remove a stale socket", extra={"error": error})


def _why_not(path: Path) -> str | None:
    """What the system says to a socket at `path`; None if it has nothing against it now."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
            trial.bind(os.fspath(path))
        path.unlink()
    except OSError as error:
        return error.strerror
    return None


def _is_stale(path: Path) -> bool:
    status = path.lstat()
    is_old = time() - status.st_mtime > STALE_SECONDS
    return stat.S_ISSOCK(status.st_mode) and is_old and _is_dead(path)


def _is_dead(path: Path) -> bool:
    """Whether certainly nobody listens on a socket."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(1.0)
            client.connect(os.fspath(path))
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
