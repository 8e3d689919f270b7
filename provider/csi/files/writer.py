"""Writes files into a volume, all or none, as the writers of kubelet and driver do.

    volume/
    ├── ..2026_11_24_15_26_44.0123456789/    a set: the files themselves
    ├── ..data -> ..2026_11_24_15_26_44.…    the current set; replaced by one rename
    └── password -> ..data/password          one link for each first element of a path

Readers see the old set or the new one. Anything else in the volume is never touched: a file whose
name is taken is refused. An unchanged set changes nothing, so the mtime of the volume is when its
content last changed, as the driver expects.
"""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import randbelow
from typing import Literal

from provider.csi.files.folder import MAX_DEPTH, Folder
from provider.csi.files.layout import MountedFile
from provider.csi.request.paths import clashes, fault_in
from provider.errors import ProviderError
from provider.manifests.problems import quote

DATA = "..data"
_SET = re.compile(r"\.\.\d{4}(_\d\d){5}\.\d+", re.ASCII)
_UNFINISHED = re.compile(rf"{_SET.pattern}_tmp", re.ASCII)

Kind = Literal["added", "changed", "unchanged", "removed"]


class WriteFailed(ProviderError):
    """The volume could not be written; the text says what it holds now."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a set of files changes at one path of the volume."""

    path: str
    kind: Kind


def write(
    volume: Path, files: Sequence[MountedFile], *, dry_run: bool = False
) -> tuple[Change, ...]:
    """As `write_into`, into the folder at `volume`, which must not be a link.

    For a `dry_run` it need not exist.
    """
    if dry_run and not os.path.lexists(volume):
        _check(files)
        return tuple(Change(file.path, "added") for file in files)
    with ExitStack() as stack:
        with _named(f"cannot open the folder {volume}"):
            if volume.is_symlink():
                raise WriteFailed(f"{volume} is a symbolic link: name the folder that it leads to")
            folder = stack.enter_context(Folder.open(volume))
        return write_into(folder, volume, files, dry_run=dry_run)


def write_into(
    folder: Folder, volume: Path, files: Sequence[MountedFile], *, dry_run: bool = False
) -> tuple[Change, ...]:
    """Makes the folder hold these files and no others; raises `WriteFailed`.

    Without files nothing is changed. `volume` is the path of the folder, for messages. Returns the
    changes in the order of `files`, then what was removed. A `dry_run` only returns them.
    """
    _check(files)
    if not files:
        return ()
    if not dry_run:
        with _named(f"cannot lock {volume}; another write is under way"):
            folder.lock()
    with _named(f"cannot write into {volume}; it holds what it held before"):
        changes = _compare(folder, files)
        missing = _missing_links(folder, files)
        if dry_run:
            return changes
        if any(change.kind != "unchanged" for change in changes):
            _replace(folder, files, missing)
        else:
            _link(folder, missing)
    with _named(f"{volume} holds the new files, but old ones cannot be removed"):
        _tidy(folder, _links(files))
    return changes


def _check(files: Sequence[MountedFile]) -> None:
    """Checks the path rules again, so that no caller can write outside of the volume."""
    for file in files:
        if fault := fault_in(file.path):
            raise WriteFailed(f"{quote(file.path)} {fault}")
        if file.path.count("/") >= MAX_DEPTH:
            raise WriteFailed(f"{quote(file.path)} has more than {MAX_DEPTH} folders")
    for _, why in clashes([(file.path, "another secret") for file in files]):
        raise WriteFailed(why)


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Raises an error of the system as `WriteFailed`."""
    try:
        yield
    except OSError as error:
        place = f" ({quote(error.filename)})" if isinstance(error.filename, str) else ""
        raise WriteFailed(f"{what}: {error.strerror or error}{place}") from error


def _compare(folder: Folder, files: Sequence[MountedFile]) -> tuple[Change, ...]:
    """What changes in the current set."""
    with _current_set(folder) as old:
        known = set(old.files()) if old else set()
        changes = [Change(file.path, _kind(old, known, file)) for file in files]
    gone = sorted(known - {file.path for file in files})
    return (*changes, *(Change(path, "removed") for path in gone))


def _kind(old: Folder | None, known: set[str], file: MountedFile) -> Kind:
    if old is None or file.path not in known:
        return "added"
    *folders, name = file.path.split("/")
    with old.at(folders) as inner:
        return "unchanged" if inner.holds(name, file.content, file.mode) else "changed"


@contextmanager
def _current_set(folder: Folder) -> Iterator[Folder | None]:
    """The set that `..data` leads to; None if it is missing or leads elsewhere."""
    name = folder.link_target(DATA)
    if name and _SET.fullmatch(name) and folder.is_folder(name):
        with folder.at([name]) as old:
            yield old
    else:
        yield None


def _links(files: Sequence[MountedFile]) -> set[str]:
    """Names in the volume that pods see: of links into the current set."""
    return {file.path.partition("/")[0] for file in files}


def _missing_links(folder: Folder, files: Sequence[MountedFile]) -> set[str]:
    """The links that do not exist yet; raises if something else has the name."""
    links, taken = _links(files), set(folder.names())
    foreign = [name for name in links & taken if not _is_link(folder, name)]
    if DATA in taken and folder.link_target(DATA) is None:
        foreign.append(DATA)
    if foreign:
        raise OSError(errno.EEXIST, "something else has this name already", foreign[0])
    return links - taken


def _is_link(folder: Folder, name: str) -> bool:
    return folder.link_target(name) == f"{DATA}/{name}"


def _link(folder: Folder, links: set[str]) -> None:
    for name in links:
        folder.link(name, f"{DATA}/{name}")


def _replace(folder: Folder, files: Sequence[MountedFile], missing: set[str]) -> None:
    """Writes a new set and puts it in place; a failure leaves everything as it was."""
    before = set(folder.names())
    new = _make_set(folder)
    try:
        _fill(folder, new, files)
        _link(folder, missing)
        folder.link(f"{new}_tmp", new)
        folder.rename(f"{new}_tmp", DATA)
    except BaseException:
        # An interrupt may come right after the swap. The first error is the one to report.
        if folder.link_target(DATA) != new:
            with suppress(OSError):
                _tidy(folder, before)
        raise


def _make_set(folder: Folder) -> str:
    """Makes a folder with a name that cannot be predicted."""
    while True:
        name = f"{datetime.now(UTC):..%Y_%m_%d_%H_%M_%S}.{randbelow(10**10):010}"
        with suppress(FileExistsError):
            folder.make(name)
            return name


def _fill(folder: Folder, name: str, files: Sequence[MountedFile]) -> None:
    """Writes the files; other users may enter the folder only when all files are there."""
    with folder.at([name]) as new:
        if not new.is_ours():
            raise OSError(errno.EPERM, "another folder was put in its place", name)
        for file in files:
            *folders, last = file.path.split("/")
            with new.at(folders, make=True) as inner:
                inner.write(last, file.content, file.mode)
        new.open_up()


def _tidy(folder: Folder, links: set[str]) -> None:
    """Removes other sets than the current one, what is unfinished, and other links than these."""
    live = folder.link_target(DATA)
    for name in folder.names():
        is_ours = _SET.fullmatch(name) or _UNFINISHED.fullmatch(name)
        is_old_link = name not in links and _is_link(folder, name)
        if (is_ours and name != live) or is_old_link:
            folder.remove(name)
