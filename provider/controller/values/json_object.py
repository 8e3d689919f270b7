"""A secret that is a JSON object as keys and values: `dataFrom[].extract`.

It is parsed as Go's `encoding/json` parses a `map[string]json.RawMessage`: strictly, and of equal
keys the last one counts. Strings are unquoted, null is empty, and every other value keeps its text
with its white space.
"""

import json
import re
from typing import Any, NoReturn

from provider.controller.template.unicode_text import REPLACEMENT, from_utf8, to_utf8
from provider.engine.content import json_document
from provider.errors import ProviderError, SecretUnusable

_SPACE = re.compile(r"[ \t\n\r]*")
_SURROGATES = re.compile("[\ud800-\udfff]")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are an extension of Python, not JSON


# Numbers are not converted: only where they end is of interest.
_DECODER = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=_refuse)


def read_object(content: bytes) -> dict[str, bytes]:
    """The keys and values; raises `SecretUnusable`, which quotes nothing, where it is no object."""
    text = from_utf8(content)
    try:
        end, found = _members(text, _after_space(text, 0))
    except RecursionError:
        raise SecretUnusable("it is nested too deep") from None
    except (ValueError, IndexError):
        raise SecretUnusable(described(content)) from None
    if _after_space(text, end) != len(text):
        raise SecretUnusable("it is not JSON: something follows the object")
    return found


def _members(text: str, at: int) -> tuple[int, dict[str, bytes]]:
    """Where the object at `at` ends, and what it holds."""
    _expect(text, at, "{")
    found: dict[str, bytes] = {}
    at = _after_space(text, at + 1)
    if text[at] == "}":
        return at + 1, found
    while True:
        _expect(text, at, '"')
        key, at = _DECODER.raw_decode(text, at)
        at = _after_space(text, at)
        _expect(text, at, ":")
        begin = _after_space(text, at + 1)
        value, at = _DECODER.raw_decode(text, begin)
        found[_text(key)] = _content(value, text[begin:at])
        at = _after_space(text, at)
        if text[at] == "}":
            return at + 1, found
        _expect(text, at, ",")
        at = _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, character: str) -> None:
    if text[at] != character:
        raise ValueError("not JSON")


def _content(value: Any, source: str) -> bytes:
    if isinstance(value, str):
        return _text(value).encode()
    return b"" if value is None else to_utf8(source)


def _text(text: str) -> str:
    """A text as Go has it: without bytes that are no UTF-8, and without lone surrogates."""
    return _SURROGATES.sub(REPLACEMENT, text)


def described(content: bytes) -> str:
    """The keys that a JSON secret has, or what it is instead; never a value."""
    try:
        document = json_document.parse(content)
    except ProviderError as error:
        return str(error)
    return json_document.describe(document)
