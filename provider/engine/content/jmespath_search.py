"""Values that JMESPath expressions find in a secret's JSON, as the bytes of files.

Expressions are written by users, so evaluating them is bounded, and errors that jmespath or Python
raise are replaced by ours: their texts hold values.
"""

from collections.abc import Iterable
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.parser import ParsedResult
from jmespath.visitor import Options, TreeInterpreter

from provider.engine.content.encodings import decode
from provider.engine.content.json_document import describe, dump, render
from provider.errors import KeyNotFound, ProviderError, SecretUnusable
from provider.csi.request.model import Extraction
from provider.manifests.problems import quote

_BUDGET = 1_000_000
"""Nodes and characters that evaluating one expression may make; a secret has 64 KiB."""

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
    extractions: Iterable[Extraction], document: Any
) -> list[tuple[Extraction, bytes | ProviderError]]:
    """Each extraction with its file's content, or with what is wrong with it alone."""
    return [(one, _extract_one(one, document)) for one in extractions]


def _extract_one(one: Extraction, document: Any) -> bytes | ProviderError:
    where = f"jmesPath {quote(one.path)} (objectAlias {quote(one.alias)})"
    try:
        found = _search(one.expression, document)
        if found is not None:
            return decode(render(found), one.encoding, where)
    except SecretUnusable as error:
        return error
    except UnicodeEncodeError:
        return SecretUnusable(f"{where}: the value is not valid Unicode")
    except _TooMuchError:
        return SecretUnusable(f"{where}: the expression makes too much of this secret")
    except _EVALUATION_FAULTS:
        return SecretUnusable(
            f"{where}: the expression cannot be applied to this secret: something in it gets a "
            "value of another type or size than it takes"
        )
    return KeyNotFound(f"{where}: there is nothing, or null; {describe(document)}")


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
        return value if isinstance(value, str) else dump(value)

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
