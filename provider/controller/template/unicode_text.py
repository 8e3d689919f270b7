"""Go's view of strings as runes: conversion, quoting (strconv.Quote) and unquoting."""

import re
import unicodedata
from typing import Final

from provider.controller.template.errors import FunctionError

REPLACEMENT: Final = "\ufffd"
_PLAIN: Final = re.compile(r'[^\n"\\]+')
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))"
)
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_PART: Final = 1 << 14
"""Characters that are searched at once. A million of surrogates would hold the event loop."""
_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_ESCAPES: Final = {
    "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34,
}  # fmt: skip
_QUOTED: Final = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\",
}  # fmt: skip


def from_utf8(data: bytes) -> str:
    """The text with one surrogate for each byte that is no UTF-8. `to_utf8` is the inverse."""
    return data.decode("utf-8", "surrogateescape")


def to_utf8(text: str) -> bytes:
    """The bytes of a text of `from_utf8`."""
    return text.encode("utf-8", "surrogateescape")


def runes(data: bytes) -> str:
    """The text as `range` over a Go string gives it: U+FFFD for each byte that is no UTF-8."""
    text = from_utf8(data)
    parts = (text[at : at + _PART] for at in range(0, len(text), _PART))
    return "".join(_SURROGATES.sub(REPLACEMENT, one) for one in parts)


def is_space(char: str) -> bool:
    """unicode.IsSpace."""
    return char in _SPACE


def is_letter_or_digit(char: str) -> bool:
    """Whether the character may be part of an identifier, `_` included."""
    return char == "_" or char.isalpha() or char.isdecimal()


def trim_space(data: bytes) -> bytes:
    """strings.TrimSpace."""
    return to_utf8(from_utf8(data).strip(_SPACE))


def mapped(text: str, change: str) -> str:
    """The text with each rune changed by the method `change` of str, one rune for one.

    Go's unicode.ToUpper and ToLower map a rune to a rune, so "ß" stays as it is.
    """
    if text.isascii():
        return str(getattr(text, change)())
    return "".join(one_to_one(char, change) for char in text)


def one_to_one(char: str, change: str) -> str:
    """The changed rune, or the rune itself if Python changes it to several."""
    changed: str = getattr(char, change)()
    if len(changed) == 1:
        return changed
    return {"İ": "i"}.get(char, char) if change == "lower" else char


def is_printable(char: str) -> bool:
    """strconv.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII space."""
    return char == " " or unicodedata.category(char)[0] in "LMNPS"


def quote(data: bytes, mark: str = '"', *, ascii_only: bool = False) -> bytes:
    """strconv.Quote, or QuoteToASCII."""
    return to_utf8(mark + "".join(_quoted(c, mark, ascii_only) for c in from_utf8(data)) + mark)


def _quoted(char: str, mark: str, ascii_only: bool) -> str:
    code = ord(char)
    if char == mark:
        return "\\" + mark
    if char in _QUOTED:
        return _QUOTED[char]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if is_printable(char) and (code < 0x80 or not ascii_only):
        return char
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unquote(literal: str) -> bytes:
    """strconv.Unquote of a literal in double quotes or backquotes.

    Raises FunctionError("invalid syntax").
    """
    body = literal[1:-1]
    if literal[0] == "`":
        return to_utf8(body.replace("\r", ""))
    out = bytearray()
    position = 0
    while position < len(body):
        if body[position] == "\n":
            raise FunctionError("invalid syntax")
        plain = _PLAIN.match(body, position)
        if plain:
            piece, position = to_utf8(plain.group()), plain.end()
        else:
            piece, position = unquote_char(body, position, '"')
        out += piece
    return bytes(out)


def unquote_char(body: str, position: int, mark: str) -> tuple[bytes, int]:
    """The bytes of the character at `position`, and the position behind it.

    Raises FunctionError("invalid syntax").
    """
    char = body[position]
    if char != "\\":
        if char == mark:
            raise FunctionError("invalid syntax")
        return to_utf8(char), position + 1
    escape = body[position + 1 : position + 2]
    if escape in _ESCAPES and escape:
        if escape in "'\"" and escape != mark:
            raise FunctionError("invalid syntax")
        return bytes([_ESCAPES[escape]]), position + 2
    match = _ESCAPE.match(body, position)
    if not match:
        raise FunctionError("invalid syntax")
    byte, short, long, octal = match.groups()
    code = int(octal, 8) if octal else int(byte or short or long, 16)
    if byte or octal:
        if code > 255:
            raise FunctionError("invalid syntax")
        return bytes([code]), match.end()
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise FunctionError("invalid syntax")
    return chr(code).encode(), match.end()
