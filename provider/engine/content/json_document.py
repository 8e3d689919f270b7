"""Reads and writes JSON without loss: numbers of any size keep their spelling.

Errors of Python are replaced by our own, because their texts hold values.
"""

import json
from typing import Any, Self

from provider.errors import SecretUnusable
from provider.manifests.problems import quote

_SHOWN_KEYS = 20


class SpelledNumber(float):
    """A number that keeps the spelling that it has in the document."""

    __slots__ = ("spelling",)
    spelling: str

    def __new__(cls, spelling: str) -> Self:
        number = super().__new__(cls, spelling)
        number.spelling = spelling
        return number


def _integer(spelling: str) -> int | SpelledNumber:
    """An exact number. Thousands of digits do not become an `int`: that takes quadratic time."""
    return int(spelling) if len(spelling) < 1000 and spelling != "-0" else SpelledNumber(spelling)


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are an extension of Python, not JSON


def parse(content: bytes) -> Any:
    """The document; raises `SecretUnusable` where there is none."""
    try:
        return json.loads(
            content.decode(), parse_int=_integer, parse_float=SpelledNumber, parse_constant=_refuse
        )
    except UnicodeDecodeError:
        why = "is binary, not JSON"
    except ValueError:
        why = "is not JSON"
    except RecursionError:
        why = "is nested too deep"
    raise SecretUnusable(f"the secret {why}")


def describe(document: Any) -> str:
    """What the document is, for a message: its key names, never values."""
    if not isinstance(document, dict):
        kinds = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
        return f"the secret is {kinds.get(type(document), 'a number')}, not an object"
    if not document:
        return "the secret has no keys"
    names = [quote(name, 64) for name in list(document)[:_SHOWN_KEYS]]
    more = len(document) - len(names)
    return f"the keys are {', '.join(names)}" + (f" and {more} more" if more else "")


def render(value: Any) -> bytes:
    """A value as the content of a file: text as it is, the rest as JSON.

    Raises `UnicodeEncodeError` if it is not valid Unicode, `TypeError` if it is not JSON, and
    `RecursionError` if it is nested too deep.
    """
    return (value if isinstance(value, str) else dump(value)).encode()


def dump(value: Any) -> str:
    """Compact JSON; `json.dumps` would change the spelling of numbers."""
    if isinstance(value, dict):
        members = (f"{_dump_scalar(key)}:{dump(member)}" for key, member in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(dump, value))}]"
    return _dump_scalar(value)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _dump_scalar(value: Any) -> str:
    if isinstance(value, SpelledNumber):
        return value.spelling
    if value is None or isinstance(value, (str, int, float)):
        return _encode(value)
    raise TypeError("not a JSON value")
