"""The files that a command is to read: named ones, those of folders, and stdin."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from provider.tools.review.places import Lines

_MANIFESTS = {".yaml", ".yml", ".json"}
_SECRET = re.compile(r"""kind["']?\s*:\s*["']?Secret\b""")


@dataclass(frozen=True)
class Source:
    """A text with the name that messages give it."""

    name: str
    text: str
    is_named: bool = True
    """Whether it was asked for by its own name, not found in a folder."""

    @cached_property
    def lines(self) -> Lines:
        """The text line by line."""
        return Lines(self.text)

    @cached_property
    def holds_secret(self) -> bool:
        """Whether a Kubernetes Secret seems to be in it, of which nothing must be shown."""
        return _SECRET.search(self.text) is not None

    @property
    def is_template(self) -> bool:
        """Whether it looks like a Helm template."""
        return "{{" in self.text


class Unreadable(Exception):
    """A file cannot be read; the text says which and why."""


def read_sources(
    names: Iterable[str],
    unreadable: Callable[[Unreadable], None],
    about: str = "SecretProviderClass",
) -> Iterator[Source]:
    """All that `names` stand for, each file once; what cannot be read is told and left out.

    Files of folders in which nothing is said `about` what is looked for are passed over.
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
                unreadable(error)
                continue
            if is_named or about.lower() in source.text.lower():
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
