"""The files that a command reads: named files, those of folders, and stdin; lines and places."""

import errno
import os
import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from provider.tools.ending import CommandFailed

_MAX_BYTES = 4 * 1024 * 1024
"""Of one file: as much as the parser of manifests reads."""
_MANIFESTS = {".yaml", ".yml", ".json"}
_HELM = re.compile(r"\.Values\b|\.Release\b|\.Chart\b|\{\{-?\s*include\b")
_SECRET = re.compile(r"""kind["']?\s*:\s*["']?Secret\b""")


class Source:
    """A text, the name that messages give it, and its lines.

    `is_named`: it was named on the command line, not found in a folder. `is_file`: the name is that
    of a file.
    """

    def __init__(
        self, name: str, text: str, is_named: bool = True, *, is_file: bool = False
    ) -> None:
        self.name = name
        self.text = text
        self.is_named = is_named
        self.is_file = is_file
        self.lines = Lines(text)

    @property
    def holds_secret(self) -> bool:
        """Whether it seems to hold a Kubernetes Secret, which must not be shown."""
        return _SECRET.search(self.text) is not None

    @property
    def is_template(self) -> bool:
        """Whether it looks like a Helm template. ExternalSecrets have templates of their own."""
        if "external-secrets.io" in self.text:
            return _HELM.search(self.text) is not None
        return "{{" in self.text


class Unreadable(CommandFailed):
    """A file cannot be read; the message says which and why. By itself it ends the command.

    `start` is the beginning of its text; None if nothing can be read.
    """

    def __init__(self, text: str, start: str | None = None) -> None:
        super().__init__(2, text)
        self.start = start


def _refuse(unreadable: Unreadable) -> NoReturn:
    raise unreadable


def read_sources(
    names: Iterable[str],
    is_relevant: Callable[[str], bool] = lambda text: "apiVersion" in text,
    on_unreadable: Callable[[Unreadable], None] = _refuse,
) -> Iterator[Source]:
    """Every file that `names` stand for, once. Unreadable ones end the command, or are left out.

    A file of a folder is left out if its text is not relevant. Only regular files of folders are
    read.
    """
    seen: set[str] = set()
    for given in names:
        for file, is_named in _files(given):
            if file in seen:
                continue
            seen.add(file)
            try:
                name, is_file = ("stdin", False) if file == "-" else (file, True)
                source = Source(name, read_text(file), is_named, is_file=is_file)
            except Unreadable as error:
                if is_named or error.start is None or is_relevant(error.start):
                    on_unreadable(error)
                continue
            if is_named or is_relevant(source.text):
                yield source


def read_text(name: str, most: int = _MAX_BYTES) -> str:
    """The text of a file, or of stdin for `-`; raises `Unreadable`, also over `most` bytes."""
    called = "stdin" if name == "-" else name
    try:
        content = _read(name, most)
    except OSError as error:
        raise Unreadable(f"cannot read {called}: {error.strerror}") from error
    if len(content) > most:
        size = f"it is larger than {most // 1024 // 1024} MiB"
        raise Unreadable(f"cannot read {called}: {size}", content.decode(errors="replace"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = content.decode(errors="replace")
        raise Unreadable(f"cannot read {called}: it is not UTF-8", start) from error


def _read(name: str, most: int) -> bytes:
    """The content, or a byte more than the limit of one that is larger."""
    if name != "-":
        with open(name, "rb") as file:  # noqa: PTH123 - a pipe is a file as well
            return file.read(most + 1)
    if sys.stdin is None:
        raise OSError(errno.EBADF, "it is closed")
    return sys.stdin.buffer.read(most + 1)


def _files(name: str) -> Iterator[tuple[str, bool]]:
    """Each file, and whether a fault of it is reported in any case, as that of a named one."""
    # os.path, because Path.is_dir and Path.is_file raise where the caller may not look.
    if name == "-" or not os.path.isdir(name):  # noqa: PTH112
        yield name, True
        return
    refused: list[str] = []
    for folder, folders, files in os.walk(name, onerror=lambda one: refused.append(one.filename)):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(files):
            path = str(Path(folder, file))
            # A FIFO would block, a device may never end; a broken link is reported.
            is_readable = os.path.isfile(path) or not os.path.exists(path)  # noqa: PTH110, PTH113
            if Path(file).suffix.lower() in _MANIFESTS and is_readable:
                yield path, False
    yield from ((folder, True) for folder in refused)


BREAK = "(?:\r\n|[\n\r\x85\u2028\u2029])"
"""A line break of YAML 1.1, as a regular expression."""
BREAKS = re.compile(BREAK)


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column of a file, from 1. `exact` is False for a place near what is meant."""

    line: int
    column: int
    exact: bool = True


class Lines:
    """A text by lines and columns, counted from 1, with the line breaks of YAML."""

    def __init__(self, text: str) -> None:
        breaks = [match.span() for match in BREAKS.finditer(text)]
        self.text = text
        self._starts = [0, *(end for _, end in breaks)]
        self._ends = [*(start for start, _ in breaks), len(text)]

    def __getitem__(self, line: int) -> str:
        """The line of this number without its break; empty if there is none."""
        if not 0 < line <= len(self._starts):
            return ""
        return self.text[self._starts[line - 1] : self._ends[line - 1]]

    def __len__(self) -> int:
        return len(self._starts)

    def offset(self, line: int, column: int) -> int:
        """The offset of a place; beyond the end of the text, its length."""
        if line > len(self._starts):
            return len(self.text)
        return min(self._starts[max(line, 1) - 1] + max(column, 1) - 1, len(self.text))

    def place(self, offset: int) -> Place:
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)
