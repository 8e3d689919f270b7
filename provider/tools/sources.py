"""The files that a command reads: named files, those of folders, and stdin."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from provider.tools.ending import CommandFailed
from provider.tools.text_lines import Lines

_MANIFESTS = {".yaml", ".yml", ".json"}
_SECRET = re.compile(r"""kind["']?\s*:\s*["']?Secret\b""")


@dataclass(frozen=True)
class Source:
    """A text, and the name that messages give it."""

    name: str
    text: str
    is_named: bool = True
    """Whether it was named on the command line, not found in a folder."""

    @cached_property
    def lines(self) -> Lines:
        """The text line by line."""
        return Lines(self.text)

    @cached_property
    def holds_secret(self) -> bool:
        """Whether it seems to hold a Kubernetes Secret, which must not be shown."""
        return _SECRET.search(self.text) is not None

    @property
    def is_template(self) -> bool:
        """Whether it looks like a Helm template."""
        return "{{" in self.text


class Unreadable(Exception):
    """A file cannot be read; the message says which and why."""


def refuse(unreadable: Unreadable) -> NoReturn:
    """End the command: for `read_sources`, where every file is needed."""
    raise CommandFailed(2, str(unreadable)) from unreadable


def read_sources(
    names: Iterable[str],
    on_unreadable: Callable[[Unreadable], None],
    keyword: str = "SecretProviderClass",
) -> Iterator[Source]:
    """Every file that `names` stand for, once; unreadable files are reported and left out.

    A file of a folder is left out if it does not contain `keyword`.
    """
    seen: set[str] = set()
    for name in names:
        for file, is_named in _files(name):
            if file in seen:
                continue
            seen.add(file)
            try:
                source = Source(*_read(file), is_named)
            except Unreadable as error:
                on_unreadable(error)
                continue
            if is_named or keyword.lower() in source.text.lower():
                yield source


def _files(name: str) -> Iterator[tuple[str, bool]]:
    if name == "-" or not Path(name).is_dir():
        yield name, True
        return
    for folder, folders, files in os.walk(name):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(files):
            if Path(file).suffix.lower() in _MANIFESTS:
                yield str(Path(folder, file)), False


def _read(name: str) -> tuple[str, str]:
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return "stdin" if name == "-" else name, content.decode("utf-8-sig")
    except OSError as error:
        raise Unreadable(f"cannot read {name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"cannot read {name}: it is not UTF-8") from error
