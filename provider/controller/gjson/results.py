"""What a gjson path yields, and the values in a JSON text. The text may be malformed.

gjson does not parse a document: it searches for what a path names and takes it as it is written.
So the raw text of a result is the source's, with its white space, and what is malformed behind
the result does not matter.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Final, Literal

from provider.controller.template.numbers import format_float, parse_float

Kind = Literal["null", "false", "number", "string", "true", "json"]
STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
VALUE_START: Final = re.compile(r'["{\[tfn+\-0-9iIN]')
_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}\[\]()]', re.DOTALL)
_NUMBER_END: Final = re.compile("[\x00-\x20,\\]}]")
_LITERAL: Final = re.compile(r".[a-z]*", re.DOTALL)
_INTEGER: Final = re.compile(r"-?[0-9]*", re.ASCII)
_SHORT: Final = {
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    '"': '"',
}
_STOP: Final = re.compile("[\x00-\x1f\\\\]")
_HEX: Final = re.compile("[0-9a-fA-F]{4}")


@dataclass(frozen=True, slots=True)
class Result:
    """A value: its raw text, and the text of a string."""

    kind: Kind = "null"
    raw: str = field(default="", repr=False)
    text: str = field(default="", repr=False)

    @property
    def exists(self) -> bool:
        """Whether the path names anything. A null exists."""
        return self.kind != "null" or bool(self.raw)

    @property
    def is_array(self) -> bool:
        """Whether the value is an array."""
        return self.kind == "json" and self.raw.startswith("[")

    @property
    def is_object(self) -> bool:
        """Whether the value is an object."""
        return self.kind == "json" and self.raw.startswith("{")

    @property
    def number(self) -> float:
        """The value of a number; 0 for one that is malformed."""
        number = parse_float(self.raw)
        if number is None and re.fullmatch(r"[+-]?[0-9.]+(?:[eE]\+?[0-9]+)?", self.raw, re.ASCII):
            return -math.inf if self.raw[0] == "-" else math.inf  # too large
        return number or 0.0

    def string(self) -> str:
        """The text as gjson's String() gives it."""
        match self.kind:
            case "null":
                return ""
            case "string":
                return self.text
            case "number":
                is_integer = _INTEGER.fullmatch(self.raw) and self.raw
                return self.raw if is_integer else format_float(self.number, "f")
            case "json":
                return self.raw
        return self.kind


def unescape(text: str) -> str:
    """The content of a JSON string without its escapes. It ends at what is malformed."""
    out: list[str] = []
    at = 0
    while (stop := _STOP.search(text, at)) is not None:
        out.append(text[at : stop.start()])
        following = text[stop.end() : stop.end() + 1]
        if stop.group() != "\\":
            return "".join(out)
        if following in _SHORT and following:
            out.append(_SHORT[following])
            at = stop.end() + 1
        elif following == "u" and len(text) >= stop.end() + 5:
            char, at = _code_point(text, stop.end() + 1)
            out.append(char)
        else:
            return "".join(out)
    return "".join(out) + text[at:]


def _code_point(text: str, at: int) -> tuple[str, int]:
    code = _hex(text, at)
    at += 4
    if 0xD800 <= code < 0xDC00 and text.startswith("\\u", at):
        low = _hex(text, at + 2)
        if 0xDC00 <= low < 0xE000:
            return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), at + 6
    return ("\ufffd" if 0xD800 <= code < 0xE000 else chr(code)), at


def _hex(text: str, at: int) -> int:
    match = _HEX.match(text, at)
    return int(match.group(), 16) if match else 0


def string_at(text: str, at: int) -> Result | None:
    """The string that begins at the quote at `at`, or None where it does not end."""
    match = STRING.match(text, at)
    if match is None:
        return None
    raw = match.group()
    content = raw[1:-1]
    return Result("string", raw, unescape(content) if "\\" in content else content)


def squash(text: str, at: int) -> str:
    """The raw text from a bracket to its counterpart, or to the end where there is none."""
    return text[at : _squash_end(text, at)]


def squash_any(text: str) -> str:
    """gjson's parseSquash of a literal: it takes the first character for a bracket."""
    return text[: _squash_end(text, 1, depth=1)]


def _squash_end(text: str, at: int, depth: int = 0) -> int:
    """The offset behind the counterpart of a bracket. Beyond the text if a string is open."""
    for token in _BRACKET.finditer(text, at):
        first = token.group()[0]
        if first == '"':
            if depth == 0:
                return token.end()
            if not STRING.fullmatch(token.group()):
                return len(text) + 1
            continue
        depth += 1 if first in "{[(" else -1
        if depth <= 0:
            return token.end()
    return len(text)


def value_at(text: str, at: int) -> tuple[Result | None, int]:
    """The value that begins at `at`, and the offset behind it. None for an endless string."""
    first = text[at]
    if first in "{[":
        end = _squash_end(text, at)
        return Result("json", text[at:end]), end
    if first == '"':
        result = string_at(text, at)
        return result, at + len(result.raw) if result else len(text)
    if first in "tf" or (first == "n" and text[at + 1 : at + 2] in ("u", "")):
        match = _LITERAL.match(text, at)
        raw = match.group() if match else ""
        kind: Kind = "true" if first == "t" else "false" if first == "f" else "null"
        return Result(kind, raw), at + len(raw)
    behind = _NUMBER_END.search(text, at + 1)
    stop = behind.start() if behind else len(text)
    return Result("number", text[at:stop]), stop


def parse(text: str) -> Result:
    """gjson.Parse: the value that a text begins with. An object or array is the whole rest."""
    at = len(text) - len(text.lstrip("".join(map(chr, range(33)))))
    if at == len(text):
        return Result()
    if text[at] in "{[":
        return Result("json", text[at:])
    if not VALUE_START.match(text, at):
        return Result()
    result, _ = value_at(text, at)
    if result is None:
        return Result("string", text[at:], text[at + 1 :])
    return result


def entries(result: Result) -> list[tuple[Result, Result]]:
    """The keys and values of an object or array; of any other value only itself."""
    if not result.exists:
        return []
    if result.kind != "json":
        return [(Result(), result)]
    text, at = result.raw, 1
    found: list[tuple[Result, Result]] = []
    while at < len(text):
        key = Result()
        if result.is_object:
            quote = text.find('"', at)
            named = string_at(text, quote) if quote >= 0 else None
            if named is None:
                break
            key, at = named, quote + len(named.raw)
        start = VALUE_START.search(text, at)
        if start is None:
            break
        value, at = value_at(text, start.start())
        if value is None:
            break
        found.append((key, value))
    return found
