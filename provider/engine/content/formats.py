"""Writes keys and values as one file: dotenv, Java properties or JSON.

A reader of the format gets exactly the same keys and values back.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from provider.engine.content.json_document import dump
from provider.errors import SecretUnusable
from provider.manifests.problems import quote

Format = Literal["dotenv", "properties", "json"]


def write(kind: Format, values: Mapping[str, Any], contents: Mapping[str, bytes]) -> bytes:
    """The file. JSON is written from the `values`, the other formats from their `contents`.

    Raises `SecretUnusable` for a key or a value that the format cannot hold.
    """
    if kind == "json":
        try:
            return dump(dict(values)).encode()
        except UnicodeEncodeError:
            raise SecretUnusable("a key is not valid Unicode") from None
    line = _LINES[kind]
    lines = [line(key, content.decode()) for key, content in contents.items()]
    return "".join(lines).encode()


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_UNQUOTED = re.compile(r"[^\s'\"`$#]+")


def _dotenv(key: str, text: str) -> str:
    """One variable, which python-dotenv, Node's dotenv, Docker Compose and, if possible, a shell
    read in the same way.

    They agree on quotes without escapes. A value that needs an escape is written for python-dotenv
    and Compose. No two of them agree on a backslash before the closing quote.
    """
    if not _NAME.fullmatch(key):
        raise SecretUnusable(
            f"the key {quote(key, 64)} is not the name of a variable: use letters, digits and _ . -"
        )
    if "\0" in text:
        raise SecretUnusable(
            f"the value of {quote(key, 64)} has a NUL, which a variable cannot hold"
        )
    return f"{key}={_quoted(key, text)}\n"


def _quoted(key: str, text: str) -> str:
    if text.endswith("\\"):
        if _UNQUOTED.fullmatch(text):
            return text
        raise SecretUnusable(
            f"the value of {quote(key, 64)} ends in a backslash and needs quotes, which readers of "
            "dotenv files read differently: use a file of its own for it"
        )
    if not ("'" in text or "\\\\" in text or "\r" in text):
        return f"'{text}'"
    if "\r" in text or not ("$" in text or "`" in text):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
        return f'"{escaped}"'
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_ESCAPES = str.maketrans(
    {
        **{chr(code): f"\\u{code:04X}" for code in (*range(0x20), 0x7F)},
        **{char: f"\\{char}" for char in "\\=:#!"},
        "\t": "\\t",
        "\n": "\\n",
        "\r": "\\r",
        "\f": "\\f",
    }
)
"""Characters that java.util.Properties escapes ("store", Java SE API) in keys and values."""


def _properties(key: str, text: str) -> str:
    """One property, in the ASCII that every version of Java reads."""
    leading = len(text) - len(text.lstrip(" "))
    blanks = "\\ " * leading
    return f"{_escaped(key).replace(' ', _BLANK)}={blanks}{_escaped(text[leading:])}\n"


_BLANK = "\\ "


_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def _escaped(text: str) -> str:
    return _NOT_ASCII.sub(_units, text.translate(_ESCAPES))


def _units(found: re.Match[str]) -> str:
    """Characters as Java's escapes of their UTF-16 units."""
    units = found[0].encode("utf-16-be", "surrogatepass").hex("_", 2).upper()
    return "\\u" + units.replace("_", "\\u")


_LINES: Mapping[Format, Callable[[str, str], str]] = {"dotenv": _dotenv, "properties": _properties}
