"""Times and wrapped lines, as the tables of the status show them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Any

from provider.tools.terminal import Colour, Column, Paint, printable, table

LEAST_WIDTH = 40
_SECRET = ("name", "version", "type", "region")
_COLUMNS = (Column("SECRET"), Column("VERSION"), Column("TYPE"), Column("REGION"))


def wrapped(text: str, width: int, paint: Paint, colour: Colour, indent: int = 4) -> Iterator[str]:
    """The lines of a text, indented."""
    margin = " " * indent
    for line in wrap(printable(text, lines=True), width - indent, break_on_hyphens=False) or [""]:
        yield margin + paint(colour, line)


def read_secrets(
    identities: Iterable[str],
    found: Sequence[Mapping[str, Any]],
    count: int,
    width: int,
    paint: Paint,
) -> Iterator[str]:
    """Who reads, and the secrets that were read; `count` is the number of all of them."""
    for identity in identities:
        yield from wrapped(f"as {identity}", width, paint, "dim")
    rows = [[printable(one[key]) for key in _SECRET] for one in found]
    yield from (f"    {row}" for row in [*table(_COLUMNS, rows)][1:])
    if (more := count - len(found)) > 0:
        yield f"    … and {more} more"


def ago(moment: str | None, now: float) -> str:
    """How long a moment is past."""
    return "never" if moment is None else f"{span(now - time_of(moment))} ago"


def span(seconds: float) -> str:
    """A duration in one unit: `45s`, `12m`, `3h`, `4d`."""
    for unit, size, limit in (("s", 1, 120), ("m", 60, 120 * 60), ("h", 3600, 48 * 3600)):
        if seconds < limit:
            return f"{max(0, int(seconds / size))}{unit}"
    return f"{int(seconds / 86400)}d"


def time_of(moment: str) -> float:
    """A time of a document, in seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()
