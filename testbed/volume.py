"""A pod's volume as the driver writes it: Kubernetes' atomic writer, and its checks.

After pkg/util/fileutil of kubernetes-sigs/secrets-store-csi-driver: a directory with a time stamp
per change, `..data` as a link to the newest, and one link per top-level name through `..data`.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import strftime
from uuid import uuid4

_DATA = "..data"
_MAX_PATH = 4096
_MAX_NAME = 255


class InvalidPayload(Exception):
    """The driver would refuse these files."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What goes into one file."""

    mode: int
    content: bytes = field(repr=False)


def check_path(path: str) -> None:
    """Raise `InvalidPayload` unless the driver takes this path."""
    parts = path.split("/")
    if not path or path.startswith("/"):
        raise InvalidPayload(f"{path!r}: must be relative")
    if os.path.normpath(path) != path or path == ".":
        raise InvalidPayload(f"{path!r}: must be clean")
    if ".." in parts or parts[0].startswith(".."):
        raise InvalidPayload(f"{path!r}: must not contain or begin with '..'")
    if len(path.encode()) > _MAX_PATH or any(len(part.encode()) > _MAX_NAME for part in parts):
        raise InvalidPayload(f"{path!r}: too long")


def check_clashes(paths: Mapping[str, Payload]) -> None:
    """Raise `InvalidPayload` where one name is a file and a folder."""
    for path in paths:
        for parent in Path(path).parents:
            if str(parent) in paths:
                raise InvalidPayload(f"{path!r}: {str(parent)!r} is a file as well")


class Volume:
    """One target directory."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def read(self) -> dict[str, Payload]:
        """The files as the pod sees them, by relative path."""
        data = self.target / _DATA
        if not data.exists():
            return {}
        root = data.resolve()
        return {
            file.relative_to(root).as_posix(): Payload(
                file.stat().st_mode & 0o7777, file.read_bytes()
            )
            for file in sorted(root.rglob("*"))
            if file.is_file()
        }

    def write(self, files: Mapping[str, Payload]) -> bool:
        """Make the volume hold exactly these files; whether anything changed.

        Without files nothing happens at all, and what was there stays, as in the driver.
        """
        for path in files:
            check_path(path)
        check_clashes(files)
        if not files or files == self.read():
            return False
        old = (self.target / _DATA).resolve() if (self.target / _DATA).exists() else None
        fresh = self.target / f"..{strftime('%Y_%m_%d_%H_%M_%S')}.{uuid4().hex[:8]}"
        for path, payload in files.items():
            self._write_file(fresh / path, payload)
        self._switch(fresh)
        self._link({path.partition("/")[0] for path in files})
        if old is not None:
            shutil.rmtree(old)
        return True

    @staticmethod
    def _write_file(file: Path, payload: Payload) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(payload.content)
        file.chmod(payload.mode)

    def _switch(self, fresh: Path) -> None:
        link = self.target / "..data_tmp"
        link.symlink_to(fresh.name)
        link.rename(self.target / _DATA)

    def _link(self, names: set[str]) -> None:
        there = {entry.name for entry in self.target.iterdir() if not entry.name.startswith("..")}
        for name in names - there:
            (self.target / name).symlink_to(f"{_DATA}/{name}")
        for name in there - names:
            (self.target / name).unlink()
