"""Maps places in the text of a YAML scalar to places in the file around it.

`objects` is YAML inside YAML, and the parser reports mistakes at places of the inner text. This
module reads the scalar (block, quoted or plain) once more and notes the offset of each character.
If its reading differs from the parser's, only the start of the scalar is reported.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import count

from provider.manifests.nodes import Scalar
from provider.tools.sources import BREAK, BREAKS, Lines, Place

_PROPERTIES = re.compile(rf"(?:[&!]\S*(?:[ \t]+(?:#[^\n]*)?|{BREAK})+)*")
"""Anchor and tag before a scalar."""
_BLOCK_HEADER = re.compile(r"[|>][-+]?(?P<explicit>[1-9])?")
_WHITE = re.compile(rf"[ \t]*(?:{BREAK}[ \t]*)*")
_ESCAPE = re.compile(
    rf"\\(?:x(?P<x>[0-9a-fA-F]{{2}})|u(?P<u>[0-9a-fA-F]{{4}})|U(?P<U>[0-9a-fA-F]{{8}})|"
    rf"(?P<folded>{BREAK}(?:[ \t]*{BREAK})*[ \t]*)|(?P<letter>.))"
)
_LETTERS = dict(
    zip('0abt\tnvfre "\\/N_LP', '\0\a\b\t\t\n\v\f\r\x1b "\\/\x85\xa0\u2028\u2029', strict=True)
)

Spelled = Iterator[tuple[str, int]]
"""Characters, each with its offset in the file."""
Line = tuple[int, str, str]
"""Offset, text and break of a line."""


class Embedded:
    """The text of a scalar inside a file."""

    def __init__(self, file: Lines, scalar: Scalar) -> None:
        self._file = file
        self._scalar = scalar
        self._own = Lines(scalar.text)
        self._offsets = _trace(file.text, file.offset(scalar.line, scalar.column), scalar.text)

    def place(self, line: int, column: int) -> Place:
        """The place in the file for a place in the text; beyond the end of the text, its end."""
        return self.place_at(self._own.offset(line, column))

    def place_at(self, at: int) -> Place:
        """The same for an offset in the text."""
        if not self._offsets:
            return Place(self._scalar.line, self._scalar.column, exact=False)
        if at < len(self._offsets):
            return self._file.place(self._offsets[at])
        last = len(self._scalar.text.rstrip("\n")) or 1
        return self._file.place(self._offsets[last - 1] + 1)


def _trace(source: str, start: int, wanted: str) -> list[int] | None:
    """The offset in `source` of each character of the scalar at `start`; None if not found."""
    properties = _PROPERTIES.match(source, start)
    start = properties.end() if properties else start
    return next(
        filter(None, (_matched(spelled, wanted) for spelled in _spellings(source, start))), None
    )


def _matched(spelled: Spelled, wanted: str) -> list[int] | None:
    offsets = []
    for character, (found, offset) in zip(wanted, spelled, strict=False):
        if found != character:
            return None
        offsets.append(offset)
    return offsets if len(offsets) == len(wanted) else None


def _spellings(source: str, start: int) -> Iterator[Spelled]:
    """Ways to read the scalar: several only for a block with an indentation indicator."""
    first = source[start : start + 1]
    header = _BLOCK_HEADER.match(source, start)
    if not header:
        quote = first if first in {'"', "'"} else ""
        yield _flow(source, start + len(quote), quote)
        return
    filled = next((text for _, text, _ in _below(source, start) if text.strip(" ")), "")
    deepest = len(filled) - len(filled.lstrip(" "))
    for indent in range(deepest, -1 if header["explicit"] else deepest - 1, -1):
        yield _block(_below(source, start), indent, folded=first == ">")


def _below(source: str, start: int) -> Iterator[Line]:
    """The lines below that of `start`. A file may hold many scalars: each reads only its own."""
    begin = None
    for match in BREAKS.finditer(source, start):
        if begin is not None:
            yield begin, source[begin : match.start()], match[0]
        begin = match.end()
    if begin is not None:
        yield begin, source[begin:], ""


def _block(lines: Iterable[Line], indent: int, *, folded: bool) -> Spelled:
    """A `|` or `>` scalar, with all line breaks at its end."""
    empty: list[tuple[str, int]] = []
    before: tuple[str, int] | None = None
    was_white = False
    for offset, line, ending in lines:
        end = (_normal(ending), offset + len(line))
        text = line[indent:]
        if not text and not line.strip(" "):
            empty.append(end)
            continue
        if line[:indent].strip(" "):
            break
        is_white = text[:1] in {" ", "\t"}
        if before and not (folded and before[0] == "\n" and not was_white and not is_white):
            yield before
        elif before and not empty:
            yield " ", before[1]
        yield from empty
        yield from zip(text, count(offset + indent), strict=False)
        empty, before, was_white = [], end, is_white
    if before:
        yield before
    yield from empty


def _flow(source: str, at: int, quote: str) -> Spelled:
    """A quoted scalar; without `quote` a plain one, which ends where the caller stops reading."""
    while at < len(source):
        white = _WHITE.match(source, at)
        if white and white[0]:
            yield from _folded(white[0], at)
            at = white.end()
            continue
        escape = _ESCAPE.match(source, at) if quote == '"' else None
        if escape:
            yield from _unescaped(escape)
            at = escape.end()
        elif quote and source.startswith(quote, at):
            if quote == '"' or not source.startswith("''", at):
                return
            yield quote, at
            at += 2
        else:
            yield source[at], at
            at += 1


def _folded(white: str, at: int) -> Spelled:
    """White space between words: kept on one line, else folded to a blank or to empty lines."""
    breaks = list(BREAKS.finditer(white))
    if not breaks:
        yield from ((character, at + index) for index, character in enumerate(white))
    elif len(breaks) == 1:
        yield " ", at + breaks[0].start()
    for empty in breaks[1:]:
        yield _normal(empty[0]), at + empty.start()


def _unescaped(escape: re.Match[str]) -> Spelled:
    digits = escape["x"] or escape["u"] or escape["U"]
    at = escape.start()
    if digits:
        yield chr(min(int(digits, 16), 0x10FFFF)), at
    elif escape["letter"]:
        yield _LETTERS.get(escape["letter"], ""), at
    for empty in list(BREAKS.finditer(escape["folded"] or ""))[1:]:
        yield _normal(empty[0]), escape.start("folded") + empty.start()


def _normal(line_break: str) -> str:
    return line_break if line_break in {"\u2028", "\u2029", ""} else "\n"
