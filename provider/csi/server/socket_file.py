"""The file of a Unix socket in the folder shared with the driver: claimed, watched, given up.

A new socket is bound under a temporary name and renamed onto the path, so that there is always one;
the newest daemon wins. The inode of a socket lives as long as it is listened on, so device and
inode tell our socket from any other.
"""

import asyncio
import errno
import os
import secrets
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import time
from typing import Literal, NoReturn

from provider.runtime.log import fields, logger
from provider.runtime.process import StartFailed

MAX_PATH = 107
"""Bytes of the path of a Unix socket that Linux accepts."""

STALE_SECONDS = 10.0
"""A temporary socket without a listener that is older than this is left over from a daemon that
was killed."""

LOOK_SECONDS = 0.05
"""How often a socket is looked after: the driver gives up 1.6 s after it finds none, and gRPC
connects only once or twice in that time."""

SLOW_LOOK_SECONDS = 0.5
"""The same while no socket can be made, or another daemon has it: each look is a connection to that
daemon."""


Holder = Literal["ours", "others", "nobody"]
"""Who listens at the path."""


class SocketFile:
    """One path, and which socket of ours was last put there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ours: tuple[int, int] | None = None
        self._keeping: asyncio.Task[NoReturn] | None = None

    def bind(self, bind: Callable[[str], object]) -> Path:
        """Binds a socket under a temporary name, with mode 0600, and returns its path.

        `bind` gets the path. Raises `StartFailed` if the folder or the path is not usable.
        """
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(3)}")
        if (excess := len(os.fsencode(temporary)) - MAX_PATH) > 0:
            raise StartFailed(
                f"the path of the socket is too long for Linux, by {excess} bytes: {self.path}; "
                "choose a shorter --provider-volume"
            )
        self._make_folder()
        self._remove_stale()
        # Not 0o177: other threads could not enter the folders that they make meanwhile.
        umask = os.umask(0o077)
        try:
            bind(str(temporary))
            temporary.chmod(0o600)
        except (RuntimeError, OSError) as error:  # grpcio raises RuntimeError for every reason
            why = _why_not(temporary) or str(error).replace(temporary.name, self.path.name)
            raise StartFailed(f"cannot make a socket in {self.path.parent}: {why}") from error
        finally:
            os.umask(umask)
        return temporary

    def put_in_place(self, temporary: Path) -> None:
        """Renames a bound socket onto the path; raises `StartFailed`."""
        try:
            status = temporary.lstat()
            temporary.rename(self.path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StartFailed(f"cannot put the socket at {self.path}: {error.strerror}") from error
        self._ours = (status.st_dev, status.st_ino)

    def holder(self) -> Holder:
        """Who listens at the path now. Never waits."""
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            return "nobody"
        except OSError:
            return "others"
        if (status.st_dev, status.st_ino) == self._ours:
            return "ours"
        if stat.S_ISSOCK(status.st_mode) and _is_dead(self.path):
            return "nobody"
        return "others"

    def is_ours(self) -> bool:
        """Whether the driver finds our socket at the path."""
        return self.holder() == "ours"

    def keep(self, make: Callable[[], Awaitable[None]]) -> None:
        """Makes the socket again with `make` whenever nobody listens at the path."""
        self._keeping = asyncio.create_task(self._keep(make))

    async def give_up(self) -> None:
        """Leaves the path to others; removes the file if it is ours."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        try:
            if self.is_ours():
                self.path.unlink()
        except OSError as error:
            logger.warning("cannot remove the socket", extra={"error": error})

    async def _keep(self, make: Callable[[], Awaitable[None]]) -> NoReturn:
        holder: Holder = "ours"
        problem = ""
        while True:
            before, holder = holder, self.holder()
            if holder == "others" and before != "others":
                # A rolling update: the newer daemon has it, and this one finishes what it has.
                about = fields(socket=str(self.path))
                logger.info("another daemon has taken the socket over", extra=about)
            if holder == "nobody":
                problem = await self._make_again(make, problem)
            is_slow = problem or holder == "others"
            await asyncio.sleep(SLOW_LOOK_SECONDS if is_slow else LOOK_SECONDS)

    async def _make_again(self, make: Callable[[], Awaitable[None]], known: str) -> str:
        """Why it cannot be made, which is logged unless it is `known`; empty if it is made."""
        path = str(self.path)
        try:
            await make()
        except (StartFailed, OSError) as error:
            if (problem := str(error)) != known:
                about = fields(socket=path, error=problem)
                logger.error("cannot make the socket again", extra=about)
            return problem
        logger.warning("the socket was gone and has been made again", extra=fields(socket=path))
        return ""

    def _make_folder(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise StartFailed(f"cannot make the folder {folder}: {error.strerror}") from error

    def _remove_stale(self) -> None:
        """Removes temporary sockets of daemons that were killed before the rename."""
        try:
            for left in self.path.parent.glob(f".{self.path.name}.*"):
                if _is_stale(left):
                    left.unlink()
        except OSError as error:
            logger.debug("cannot remove a stale socket", extra={"error": error})


def _why_not(path: Path) -> str | None:
    """Why the system does not bind a socket at `path`; None if it does."""
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
    """Whether certainly no process listens on a socket. Never waits."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.setblocking(False)
            return client.connect_ex(os.fspath(path)) == errno.ECONNREFUSED
    except OSError:
        return False
