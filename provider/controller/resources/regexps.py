"""Regular expressions with Go's syntax (RE2), and Go's texts for what does not compile."""

from typing import Any

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1 << 17
"""Bytes of one compiled expression: it takes a few ms at most, and re2 keeps the last 128."""
MOST_CLASSES = 40
"""In the regular expressions of one object: re2 takes up to a millisecond for each `\\p{…}`."""
TOO_MANY = f"error parsing regexp: more than {MOST_CLASSES} classes of Unicode (\\p)"
_GO = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "pattern too large - compile failed": "expression too large",
}


def regexp_fault(pattern: str) -> str | None:
    """Why a regular expression does not compile, in Go's words; None if it does."""
    try:
        _compile(pattern)
    except (re2.error, UnicodeError) as error:
        what, where = go_fault(error)
        return f"error parsing regexp: {what}{f': `{where}`' if where else ''}"
    return None


def contains_match(pattern: str, text: str) -> bool:
    """Whether a regular expression that compiles matches somewhere in `text`."""
    return _compile(pattern).search(text) is not None


def size(pattern: str) -> int:
    """Instructions of the program of a regular expression that compiles."""
    return int(_compile(pattern).programsize)


def _compile(pattern: str) -> Any:
    return re2.compile(pattern, _OPTIONS)


def unicode_classes(pattern: str) -> int:
    """Classes of Unicode in a pattern, such as `\\p{L}`."""
    return pattern.count(r"\p") + pattern.count(r"\P")


def go_fault(error: Exception) -> tuple[str, str]:
    """Go's text for an exception of re2, and the part of the expression that is wrong."""
    message = error.args[0] if error.args else ""
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else str(error)
    what, _, where = text.partition(": ")
    return _GO.get(what, what), where
