"""spf13/cast: converts any value to a number or a text, as sprig does."""

import math

from provider.controller.template.limits import Budget
from provider.controller.template.numbers import parse_float, parse_int
from provider.controller.template.printing import to_text
from provider.controller.template.unicode_text import from_utf8
from provider.controller.template.values import Int64, List, Value, Version, wrapped

_MIN_INT64 = -(1 << 63)


def to_int64(value: Value) -> Int64:
    """cast.ToInt64; 0 if the value is not a number. Texts may have a prefix as in Go: 0x10, 010."""
    if isinstance(value, bool | int):
        return wrapped(int(value))
    if isinstance(value, float):
        if not math.isfinite(value) or not _MIN_INT64 <= value < -_MIN_INT64:
            return Int64(_MIN_INT64)
        return Int64(int(value))
    if isinstance(value, bytes):
        return Int64(parse_int(_without_zero_decimals(from_utf8(value)), 0) or 0)
    return Int64(0)


def _without_zero_decimals(text: str) -> str:
    whole, dot, decimals = text.rpartition(".")
    return whole if dot and decimals and not decimals.strip("0") else text


def to_int(value: Value) -> int:
    """cast.ToInt."""
    return int(to_int64(value))


def to_float(value: Value) -> float:
    """cast.ToFloat64; 0 if the value is not a number."""
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, bytes):
        number = parse_float(from_utf8(value))
        return 0.0 if number is None else number
    return 0.0


def to_strings(value: Value, budget: Budget) -> list[bytes]:
    """sprig's strslice: the elements as texts, without nils; for any other value a list of it."""
    if value is None:
        return []
    if isinstance(value, List):
        return [text_of(item, budget) for item in value.items if item is not None]
    return [text_of(value, budget)]


def text_of(value: Value, budget: Budget) -> bytes:
    """sprig's strval."""
    return str(value).encode() if isinstance(value, Version) else to_text(value, budget)
