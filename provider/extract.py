"""Values of a secret's JSON as the bytes of files.

JSON text goes in and out undamaged: numbers keep their spelling, however large or long, and text
its characters. Expressions are written by users, so evaluating them is bounded, and errors that
jmespath or Python raise are replaced by ours: their texts hold values.
"""

import json
from collections.abc import Iterable
from itertools import repeat
from typing import Any, Self

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.parser import ParsedResult
from jmespath.visitor import Options, TreeInterpreter

from provider.errors import KeyNotFound, ProviderError, SecretUnusable
from provider.spec.models import Extraction, SecretObject
from provider.spec.problems import quote
from provider.store import SecretValue

_BUDGET = 1_000_000
"""Nodes and characters that evaluating one expression may make; a secret has 64 KiB."""

_SHOWN_KEYS = 20

_EVALUATION_FAULTS = (
    JMESPathError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What jmespath raises, and what it lets through of Python's own."""


def extract(
    obj: SecretObject, value: SecretValue
) -> list[tuple[Extraction, bytes | ProviderError]]:
    """Each extraction of `obj` with its file's content, or with what is wrong with it alone.

    Raises `SecretUnusable` when the secret is no JSON at all.
    """
    if not obj.extractions:
        return []
    document = _parse(value.content)
    return [(one, _extract_one(one, document)) for one in obj.extractions]


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


def _parse(content: bytes) -> Any:
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
    raise SecretUnusable(f"the secret {why}, and so jmesPath cannot be applied")


def _extract_one(one: Extraction, document: Any) -> bytes | ProviderError:
    where = f"jmesPath {quote(one.path)} (objectAlias {quote(one.alias)})"
    try:
        found = _search(one.expression, document)
        if found is not None:
            return (found if isinstance(found, str) else _dump(found)).encode()
    except UnicodeEncodeError:
        return SecretUnusable(f"{where}: the value is not valid Unicode")
    except _TooMuchError:
        return SecretUnusable(f"{where}: the expression makes too much of this secret")
    except _EVALUATION_FAULTS:
        return SecretUnusable(
            f"{where}: the expression cannot be applied to this secret: something in it gets a "
            "value of another type or size than it takes"
        )
    return KeyNotFound(f"{where}: there is nothing, or null; {_describe(document)}")


def _describe(document: Any) -> str:
    """What there is instead: key names, never values."""
    if not isinstance(document, dict):
        kinds = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
        return f"the secret is {kinds.get(type(document), 'a number')}, not an object"
    if not document:
        return "the secret has no keys"
    names = [quote(name, 64) for name in list(document)[:_SHOWN_KEYS]]
    more = len(document) - len(names)
    return f"the keys are {', '.join(names)}" + (f" and {more} more" if more else "")


def _search(expression: ParsedResult | str, document: Any) -> Any:
    if isinstance(expression, str):
        return document.get(expression) if isinstance(document, dict) else None
    return _Frugal().visit(expression.parsed, document)


class _TooMuchError(Exception):
    """An expression makes more than any honest one would."""


def _size(value: Any, limit: int) -> int:
    """Nodes and characters of a value as it would print; `_TooMuchError` beyond `limit`.

    Lists may share their parts, so that some small ones print as petabytes.
    """
    waiting, size = [value], 0
    while waiting:
        one = waiting.pop()
        size += 1
        if isinstance(one, str):
            size += len(one)
        elif isinstance(one, dict):
            waiting += one.values()
            size += sum(map(len, one))
        elif isinstance(one, list):
            waiting += one
        if size + len(waiting) > limit:
            raise _TooMuchError
    return size


class _ExactFunctions(Functions):
    """JMESPath's functions, but for those that damage numbers or text, or can explode."""

    @signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        return value if isinstance(value, str) else _dump(value)

    @signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, parts: list[str]) -> str:
        if len(separator) * len(parts) > _BUDGET:
            raise _TooMuchError
        return separator.join(parts)


_OPTIONS = Options(custom_functions=_ExactFunctions())
_MAKING = frozenset(
    {
        "comparator",
        "filter_projection",
        "flatten",
        "function_expression",
        "multi_select_dict",
        "multi_select_list",
        "projection",
        "value_projection",
    }
)
"""Nodes whose work grows with their input; the others pick a value that exists."""


class _Frugal(TreeInterpreter):
    """Evaluates one expression within a budget."""

    def __init__(self) -> None:
        super().__init__(_OPTIONS)
        self._left = _BUDGET

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._spend(1)
        result = super().visit(node, *args, **kwargs)
        if node["type"] in _MAKING and isinstance(result, (dict, list, str)):
            self._spend(_size(result, self._left))
        return result

    def visit_comparator(self, node: Any, value: Any) -> Any:
        # Comparing walks the operands, which an element of a long list may repeat.
        operands = [self.visit(child, value) for child in node["children"]]
        self._spend(min(_size(operand, _BUDGET) for operand in operands))
        literals = [{"type": "literal", "value": one, "children": []} for one in operands]
        return super().visit_comparator({**node, "children": literals}, value)  # type: ignore[typeddict-item]  # a literal node as the parser makes it

    def _spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise _TooMuchError


def _dump(value: Any) -> str:
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
