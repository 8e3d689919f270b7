"""Go's regexp on google-re2, which has the same syntax and matches; replacing is done here."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final

import re2

from provider.controller.resources.regexps import MOST_CLASSES, TOO_MANY, go_fault, unicode_classes
from provider.controller.template.errors import FunctionError

_REFERENCE: Final = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")
_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")
_ESCAPE: Final = re.compile(rb"\\Q.*?(?:\\E|\Z)|\\(.)", re.DOTALL)
_MAX_MEMORY: Final = 1 << 20
MOST_PATTERN_BYTES: Final = 8 << 10
WORK_A_STEP: Final = 20
"""Bytes of a text times instructions of a program. A search cannot be interrupted, and takes a
twentieth of that at worst; most take a thousandth."""


Spans = tuple[tuple[int, int], ...]
"""Start and end of a match and of each group; (-1, -1) for a group that took no part."""
Before = Callable[[int], None]


class Pattern:
    """A compiled regular expression. Works on the bytes of UTF-8 texts."""

    def __init__(self, pattern: bytes) -> None:
        """Raises FunctionError with no part of the pattern."""
        if len(pattern) > MOST_PATTERN_BYTES:
            raise FunctionError(f"the regular expression exceeds {MOST_PATTERN_BYTES} bytes")
        if not _is_utf8(pattern):
            raise FunctionError("error parsing regexp: invalid UTF-8")
        if unicode_classes(pattern.decode()) > MOST_CLASSES:
            raise FunctionError(TOO_MANY)
        if any(escape.group(1) == b"C" for escape in _ESCAPE.finditer(pattern)):
            raise FunctionError("error parsing regexp: invalid escape sequence")
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MAX_MEMORY
        try:
            self._compiled = re2.compile(pattern, options)
        except (re2.error, UnicodeError) as error:
            raise FunctionError(f"error parsing regexp: {go_fault(error)[0]}") from None
        self._names: dict[str, int] = {
            _text(name): number for name, number in self._compiled.groupindex.items()
        }

    @property
    def size(self) -> int:
        """Instructions of the program."""
        return int(self._compiled.programsize)

    def matches(self, text: bytes, before: Before = lambda _steps: None) -> bool:
        """Whether the text contains a match; `before` as for `spans`."""
        return next(self.spans(text, 1, before), None) is not None

    def spans(
        self, text: bytes, most: int = -1, before: Before = lambda _steps: None
    ) -> Iterator[Spans]:
        """The matches as Go finds them: each a span of the whole and of each group.

        An empty match right behind a match does not count. A group that did not take part is
        (-1, -1). `before` gets the steps that the next search takes at worst; it may raise.
        """
        position, previous_end = 0, -1
        while most and position <= len(text):
            before(self.size * (len(text) - position) // WORK_A_STEP)
            match = self._compiled.search(text, position)
            if match is None:
                return
            spans = tuple(match.span(group) for group in range(self._compiled.groups + 1))
            start, end = spans[0]
            if _is_inside_rune(text, start):  # \B is for bytes there, and for runes in Go
                position = _next_rune(text, start)
                continue
            counts = start != end or start != previous_end
            position = end if end > position else _next_rune(text, position)
            previous_end = end
            if counts:
                most -= 1
                yield spans

    def replace(
        self,
        text: bytes,
        replacement: bytes,
        used: Callable[[int], None],
        before: Before = lambda _steps: None,
    ) -> bytes:
        """ReplaceAllString. `used` gets the number of bytes of each replacement; it may raise."""

        def expanded(spans: Spans) -> bytes:
            new = self.expand(replacement, text, spans)
            used(len(new))
            return new

        return replaced(text, self.spans(text, before=before), expanded)

    def expand(self, template: bytes, text: bytes, spans: Spans) -> bytes:
        def group(match: re.Match[str]) -> str:
            if match.group() == "$$":
                return "$"
            name = match.group(1) or match.group(2)
            number = int(name) if _INDEX.fullmatch(name) else self._names.get(name, -1)
            if not 0 <= number < len(spans):
                return ""
            start, end = spans[number]
            return text[start:end].decode("utf-8", "surrogateescape") if start >= 0 else ""

        from_utf8 = template.decode("utf-8", "surrogateescape")
        return _REFERENCE.sub(group, from_utf8).encode("utf-8", "surrogateescape")


def replaced(text: bytes, matches: Iterable[Spans], replacement: Callable[[Spans], bytes]) -> bytes:
    """The text with a replacement for each match."""
    parts: list[bytes] = []
    end = 0
    for spans in matches:
        parts += [text[end : spans[0][0]], replacement(spans)]
        end = spans[0][1]
    return b"".join([*parts, text[end:]])


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _next_rune(text: bytes, position: int) -> int:
    """Where the rune at a position ends; a byte that is no UTF-8 is one."""
    lead = text[position] if position < len(text) else 0
    size = 1 + (lead >= 0xC2) + (lead >= 0xE0) + (lead >= 0xF0)
    return position + (size if _is_utf8(text[position : position + size]) else 1)


def _is_inside_rune(text: bytes, at: int) -> bool:
    if at == len(text) or text[at] & 0xC0 != 0x80:
        return False
    return any(_next_rune(text, begin) > at for begin in range(max(at - 3, 0), at))


@lru_cache(maxsize=32)
def compiled(pattern: bytes) -> Pattern:
    """The pattern, compiled once. Raises FunctionError."""
    return Pattern(pattern)


_META: Final = re.compile(rb"[\\.+*?()|\[\]{}^$]")


def quote_meta(text: bytes) -> bytes:
    """regexp.QuoteMeta."""
    return _META.sub(rb"\\\g<0>", text)
