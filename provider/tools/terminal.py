"""What commands print: tables and colours on a terminal, plain text elsewhere.

Colours are off where `NO_COLOR` is set (no-color.org), where `TERM` is `dumb`, and where the output
goes to no terminal.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

Colour = Literal["bold", "dim", "red", "green", "yellow"]

_CODES: dict[Colour, int] = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33}


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours text, or leaves it as it is."""

    is_on: bool

    @classmethod
    def for_stream(cls, stream: TextIO) -> "Paint":
        """On where `stream` is a terminal that may show colours."""
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(wanted and stream.isatty())

    def __call__(self, colour: Colour, text: str) -> str:
        """The text in a colour."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.is_on else text


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title; numbers stand to the right."""

    title: str
    is_number: bool = False

    def pad(self, cell: str, width: int) -> str:
        """The cell in the column's width."""
        return cell.rjust(width) if self.is_number else cell.ljust(width)


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines, the titles' first, each as long as its last word."""
    lines = [tuple(column.title for column in columns), *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        cells = zip(columns, line, widths, strict=True)
        yield "  ".join(column.pad(cell, width) for column, cell, width in cells).rstrip()


def printable(text: str) -> str:
    """The text without anything that moves a cursor, whoever wrote it; lines stay lines."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)
