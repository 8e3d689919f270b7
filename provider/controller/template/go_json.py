"""Go's encoding/json: what Marshal writes and what Unmarshal reads into `interface{}`."""

import json
import math
import re
from typing import Final, NoReturn

from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.moments import format_moment
from provider.controller.template.numbers import plain, shortest
from provider.controller.template.unicode_text import REPLACEMENT, from_utf8, runes
from provider.controller.template.values import List, Map, Moment, Pair, Value, Version

_RFC3339_NANO: Final = b"2006-01-02T15:04:05.999999999Z07:00"
_SPECIAL: Final = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_SHORT: Final = {
    '"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
}  # fmt: skip
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def encode(
    value: Value, budget: Budget, *, escape_html: bool = True, indent: bool = False
) -> bytes:
    """json.Marshal, or MarshalIndent with two spaces. Raises FunctionError for NaN and Inf."""
    encoder = _Encoder(budget, escape_html, indent)
    encoder.write(value, 0)
    return "".join(encoder.parts).encode()


class _Encoder:
    def __init__(self, budget: Budget, escape_html: bool, indent: bool) -> None:
        self.parts: list[str] = []
        self._budget = budget
        self._escape_html = escape_html
        self._indent = indent

    def _put(self, text: str) -> None:
        self._budget.memory(len(text))
        self.parts.append(text)

    def write(self, value: Value, depth: int) -> None:
        self._budget.step(4)
        self._budget.depth(depth)
        if isinstance(value, bytes):
            self._put(self._quoted(from_utf8(value)))
        elif value is None or (isinstance(value, List) and value.nil):
            self._put("null")
        elif isinstance(value, bool):
            self._put("true" if value else "false")
        elif isinstance(value, int):
            self._put(str(int(value)))
        elif isinstance(value, float):
            self._put(format_number(value))
        else:
            self._composite(value, depth)

    def _composite(self, value: Value, depth: int) -> None:
        if isinstance(value, List):
            self._group("[]", [("", item) for item in value.items], depth)
        elif isinstance(value, Map):
            colon = ": " if self._indent else ":"
            keys = sorted(value.items)
            items = [(self._quoted(from_utf8(key)) + colon, value.items[key]) for key in keys]
            self._group("{}", items, depth)
        elif isinstance(value, Pair):
            pair = Map({b"Cert": value.cert, b"Key": value.key})
            self.write(pair, depth)
        elif isinstance(value, Moment):
            self.write(format_moment(value, _RFC3339_NANO), depth)
        elif isinstance(value, Version):
            self.write(str(value).encode(), depth)

    def _group(self, brackets: str, items: list[tuple[str, Value]], depth: int) -> None:
        self._put(brackets[0])
        for number, (label, item) in enumerate(items):
            self._put("," if number else "")
            self._newline(depth + 1)
            self._put(label)
            self.write(item, depth + 1)
        if items:
            self._newline(depth)
        self._put(brackets[1])

    def _newline(self, depth: int) -> None:
        if self._indent:
            self._put("\n" + "  " * depth)

    def _quoted(self, text: str) -> str:
        return '"' + _SPECIAL.sub(self._escaped, text) + '"'

    def _escaped(self, match: re.Match[str]) -> str:
        char = match.group()
        if char in _SHORT:
            return _SHORT[char]
        if char in "<>&" and not self._escape_html:
            return char
        return "\\ufffd" if "\ud800" <= char <= "\udfff" else f"\\u{ord(char):04x}"


def format_number(number: float) -> str:
    """A float64 as json.Marshal writes it. Raises FunctionError for NaN and Inf."""
    if not math.isfinite(number):
        raise FunctionError("json: unsupported value")
    sign, digits, point = shortest(number)
    if number != 0 and not 1e-6 <= abs(number) < 1e21:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        exponent = point - 1
        return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent)}"
    return sign + plain(digits, point)


def decode(data: bytes, budget: Budget) -> Value:
    """json.Unmarshal into an interface{}. Raises FunctionError with no part of the data."""
    budget.json(len(data))
    budget.memory(len(data) * 8)
    try:
        document = json.loads(
            runes(data), parse_int=_number, parse_float=_number, parse_constant=_no_constant
        )
    except RecursionError:
        raise FunctionError("exceeded max depth") from None
    except json.JSONDecodeError as error:
        raise FunctionError(f"invalid JSON at character {error.pos}") from None
    except ValueError:
        raise FunctionError("invalid JSON: a number is out of range") from None
    return _value(document, budget, 0)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _no_constant(_: str) -> NoReturn:
    raise json.JSONDecodeError("not JSON", "", 0)


def _value(document: object, budget: Budget, depth: int) -> Value:
    budget.step()
    budget.depth(depth)
    if isinstance(document, str):
        return _text(document)
    if isinstance(document, list):
        return List([_value(item, budget, depth + 1) for item in document])
    if isinstance(document, dict):
        return Map({
            _text(key): _value(item, budget, depth + 1) for key, item in document.items()
        })  # fmt: skip
    return document


def _text(text: str) -> bytes:
    return _SURROGATE.sub(REPLACEMENT, text).encode()
