"""A secret's JSON, read and written undamaged: numbers keep their spelling, however large or long,
and text its characters.

Errors that Python raises are replaced by ours: their texts hold values.
"""

import json
from collections.abc import Iterable
from itertools import repeat
from typing import Any, Self

from provider.errors import SecretUnusable
from provider.manifests.problems import quote

_SHOWN_KEYS = 20


class _Spelled(float):
    """A number that keeps the spelling it has in the document."""

    __slots__ = ("spelling",)
    spelling: str

    def __new__(cls, spelling: str) -> Self:
        number = super().__new__(cls, spelling)
        number.spelling = spelling
        return number


_Spelled.__name__ = "float"  # jmespath tells types by their names


def _integer(spelling: str) -> int | _Spelled:
    """An exact number; thousands of digits are no `int`, which would take quadratic time."""
    return int(spelling) if len(spelling) < 1000 and spelling != "-0" else _Spelled(spelling)


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are Python's JSON, nobody else's


def parse(content: bytes, purpose: str) -> Any:
    """The document; `SecretUnusable` where it is none, and so `purpose` (a key) cannot be met."""
    try:
        return json.loads(
            content.decode(), parse_int=_integer, parse_float=_Spelled, parse_constant=_refuse
        )
    except UnicodeDecodeError:
        why = "is binary, not JSON"
    except ValueError:
        why = "is not JSON"
    except RecursionError:
        why = "is nested too deep"
    raise SecretUnusable(f"the secret {why}, and so {purpose} cannot be applied")


def describe(document: Any) -> str:
    """What there is instead: key names, never values."""
    if not isinstance(document, dict):
        kinds = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
        return f"the secret is {kinds.get(type(document), 'a number')}, not an object"
    if not document:
        return "the secret has no keys"
    names = [quote(name, 64) for name in list(document)[:_SHOWN_KEYS]]
    more = len(document) - len(names)
    return f"the keys are {', '.join(names)}" + (f" and {more} more" if more else "")


def render(value: Any) -> bytes:
    """A value as a file's content: text as it is, the rest as JSON.

    Raises `UnicodeEncodeError` for what is no valid Unicode, and `TypeError` for what is no JSON.
    """
    return (value if isinstance(value, str) else dump(value)).encode()


def dump(value: Any) -> str:
    """Compact JSON; `json.dumps` would respell numbers."""
    pieces: list[str] = []
    _write(value, pieces)
    return "".join(pieces)


def _write(value: Any, pieces: list[str]) -> None:
    if isinstance(value, dict):
        _write_joined("{", value, "}", value.values(), pieces)
    elif isinstance(value, list):
        _write_joined("[", None, "]", value, pieces)
    else:
        pieces.append(_dump_scalar(value))


def _write_joined(
    opening: str, keys: Iterable[str] | None, closing: str, values: Iterable[Any], pieces: list[str]
) -> None:
    prefixes = (f"{_dump_scalar(key)}:" for key in keys) if keys is not None else repeat("")
    separator = opening
    for prefix, value in zip(prefixes, values, strict=False):
        pieces.append(separator + prefix)
        _write(value, pieces)
        separator = ","
    pieces.append(closing if separator == "," else opening + closing)


def _dump_scalar(value: Any) -> str:
    if isinstance(value, _Spelled):
        return value.spelling
    if value is None or isinstance(value, (str, int, float)):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    raise TypeError("not a JSON value")
