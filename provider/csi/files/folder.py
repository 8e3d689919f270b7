"""An open folder: everything in it is reached by name from its descriptor, without following links.

Other processes may write there too, make links, and rename folders at the same time. The worst
result is an `OSError`: no step leads out of the folder.
"""

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

MAX_DEPTH = 100
"""Folders within folders: each level of a walk holds a descriptor."""
FOLDER_MODE = 0o755

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL  # which follows no link either
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not block


class Folder:
    """One open folder; `name`s are single path elements in it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["Folder"]:
        """The folder at `path`, whose last element must not be a link."""
        with _closing(os.open(path, _FOLDER)) as descriptor:
            yield cls(descriptor)

    @contextmanager
    def at(self, names: Sequence[str], *, make: bool = False) -> Iterator["Folder"]:
        """The folder at this path below; `make` makes missing folders, which all may enter."""
        descriptor = os.dup(self._descriptor)
        try:
            for name in names:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=descriptor)
                below = os.open(name, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
                if make:
                    os.fchmod(descriptor, FOLDER_MODE)
            yield Folder(descriptor)
        finally:
            os.close(descriptor)

    def device(self) -> int:
        return os.fstat(self._descriptor).st_dev

    def lock(self) -> None:
        """Keep other writers out until the folder is closed; raises if there is one."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            return  # some network file systems have no locks of folders

    def names(self) -> list[str]:
        return os.listdir(self._descriptor)  # noqa: PTH208 - pathlib takes no descriptor

    def files(self, depth: int = 0) -> Iterator[str]:
        """Paths of everything but folders, here and below."""
        if depth > MAX_DEPTH:
            raise OSError(errno.ELOOP, "too many folders within folders")
        for name in self.names():
            if self.is_folder(name):
                with self.at([name]) as inner:
                    yield from (f"{name}/{path}" for path in inner.files(depth + 1))
            else:
                yield name

    def is_folder(self, name: str) -> bool:
        """Whether `name` is a folder, and not a link to one."""
        try:
            status = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(status.st_mode)

    def holds(self, name: str, content: bytes, mode: int) -> bool:
        """Whether `name` is a file of this content and mode that this process may read."""
        try:
            descriptor = os.open(name, _READ, dir_fd=self._descriptor)
        except OSError:
            return False
        with _closing(descriptor):
            status = os.fstat(descriptor)
            return (
                stat.S_ISREG(status.st_mode)
                and stat.S_IMODE(status.st_mode) == mode
                and status.st_size == len(content)
                and os.read(descriptor, len(content) + 1) == content
            )

    def link_target(self, name: str) -> str | None:
        """Where the link `name` leads; None if it is not a link."""
        try:
            return os.readlink(name, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINVAL):
                return None
            raise

    def make(self, name: str) -> None:
        """Make a folder that only its owner may enter; raises if the name is taken."""
        os.mkdir(name, 0o700, dir_fd=self._descriptor)

    def is_ours(self) -> bool:
        """Whether this process owns the folder."""
        return os.fstat(self._descriptor).st_uid == os.geteuid()

    def write(self, name: str, content: bytes, mode: int) -> None:
        """Make a file; raises if the name is taken. A partly written file stays."""
        with _closing(os.open(name, _NEW, 0o600, dir_fd=self._descriptor)) as descriptor:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fchmod(descriptor, mode)

    def link(self, name: str, target: str) -> None:
        """Make a link; raises if the name is taken."""
        os.symlink(target, name, dir_fd=self._descriptor)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def open_up(self) -> None:
        """Let all users enter the folder."""
        os.fchmod(self._descriptor, FOLDER_MODE)

    def remove(self, name: str) -> None:
        """Remove a file, a link (not its target), or a folder with everything in it."""
        if self.is_folder(name):
            shutil.rmtree(name, dir_fd=self._descriptor)
        else:
            os.unlink(name, dir_fd=self._descriptor)


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
