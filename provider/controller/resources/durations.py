"""Durations as Go reads them, with Go's texts for what it refuses."""

import re

from provider.manifests.problems import quote

_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART = re.compile(r"(?P<number>[0-9]*(?:\.[0-9]*)?)(?P<unit>[^0-9.]*)")
_LONGEST = 2**63 - 1
"""Nanoseconds."""
_LONGEST_TEXT = 200
_EXAMPLE = "; write numbers with units, such as 1h30m"
_DAY = "; a day is written 24h: the units are ns, us, ms, s, m and h"


def go_duration(text: str) -> float:
    """Seconds of a Go duration such as `1h30m`, `-5m` or `0`; ValueError with Go's text."""
    return go_nanoseconds(text) / 1e9


def go_nanoseconds(text: str) -> int:
    """The same in nanoseconds."""
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"time: invalid duration {quote(text)}{_EXAMPLE}")
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f"time: invalid duration {quote(text)}{_EXAMPLE}")
    total = _nanoseconds(rest, text)
    if total > _LONGEST + text.startswith("-"):
        raise ValueError(f"time: invalid duration {quote(text)}; the longest is 2562047h")
    return -total if text.startswith("-") else total


def _nanoseconds(rest: str, text: str) -> int:
    total, at = 0, 0
    while at < len(rest):
        part = _PART.match(rest, at)
        number = part["number"] if part else ""
        if part is None or number in ("", "."):
            raise ValueError(f"time: invalid duration {quote(text)}{_EXAMPLE}")
        unit = part["unit"]
        if not unit:
            raise ValueError(f"time: missing unit in duration {quote(text)}{_DAY}")
        if unit not in _UNITS:
            raise ValueError(f"time: unknown unit {quote(unit)} in duration {quote(text)}{_DAY}")
        whole, _, fraction = number.partition(".")
        total += int(whole or 0) * _UNITS[unit]
        total += int(fraction or 0) * _UNITS[unit] // 10 ** len(fraction)
        at = part.end()
    return total
