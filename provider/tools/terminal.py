"""Tables, and colours on a terminal.

Colours are off if `NO_COLOR` is set (no-color.org), if `TERM` is `dumb`, and if the output is not a
terminal.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TextIO

Colour = Literal["bold", "dim", "red", "green", "yellow"]

_CODES: dict[Colour, int] = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33}


class Paint(NamedTuple):
    """Adds colours to text, if they are on."""

    is_on: bool

    @classmethod
    def for_stream(cls, stream: TextIO) -> "Paint":
        """On if `stream` is a terminal that may show colours."""
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(wanted and stream.isatty())

    def __call__(self, colour: Colour, text: str) -> str:
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.is_on else text


class Column(NamedTuple):
    """The title of a column. Numbers are aligned to the right."""

    title: str
    is_number: bool = False

    def pad(self, cell: str, width: int) -> str:
        return cell.rjust(width) if self.is_number else cell.ljust(width)


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of the table, titles first, without trailing blanks."""
    lines = [tuple(column.title for column in columns), *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        cells = zip(columns, line, widths, strict=True)
        yield "  ".join(column.pad(cell, width) for column, cell, width in cells).rstrip()


def printable(text: str, *, lines: bool = False) -> str:
    """The text with control characters escaped; with `lines` apart from line breaks."""
    if text.isprintable():
        return text
    kept = "\n" if lines else ""
    return "".join(one if one.isprintable() or one == kept else ascii(one)[1:-1] for one in text)


def counted(number: int, noun: str) -> str:
    """A number and its noun: `1 class`, `2 classes`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def listed(names: Sequence[str], most: int) -> str:
    """The first names of many."""
    return ", ".join(names[:most]) + (" and more" if len(names) > most else "")


def duration_text(seconds: float) -> str:
    """A duration in its largest whole unit: `1h`, `90m`, `45s`."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
