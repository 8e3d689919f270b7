"""Finds values in JSON documents by JMESPath expressions, within a budget.

Users write the expressions, so their work is bounded. Errors of jmespath and Python are replaced by
our own, because their texts hold values.
"""

from collections.abc import Mapping
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.functions import REVERSE_TYPES_MAP, TYPES_MAP, Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from provider.engine.content.budget import Budget
from provider.engine.content.expressions import Expression
from provider.engine.content.json_document import SpelledNumber, describe, dump, render
from provider.errors import KeyNotFound, SecretUnusable

# JMESPath's functions tell types by the names of Python classes, in these tables.
TYPES_MAP[SpelledNumber.__name__] = "number"
REVERSE_TYPES_MAP["number"] += (SpelledNumber.__name__,)

_EVALUATION_FAULTS = (
    JMESPathError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Errors that jmespath raises, and those of Python that it lets through."""


def extract(expression: Expression, document: Any, budget: Budget) -> bytes:
    """The value that an expression finds, as the content of a file.

    Raises `KeyNotFound` for nothing or null, `SecretUnusable` if the expression cannot be applied,
    and as `Budget.spend` does.
    """
    try:
        found = _search(expression, document, budget)
        if found is not None:
            budget.spend(*_measure(found, budget))
            return render(found)
    except UnicodeEncodeError:
        raise SecretUnusable("the value is not valid Unicode") from None
    except _EVALUATION_FAULTS:
        raise SecretUnusable(
            "the expression cannot be applied to this secret: a function or operator in it gets "
            "a value of the wrong type or size"
        ) from None
    raise KeyNotFound(f"there is nothing, or null; {describe(document)}")


def _search(expression: Expression, document: Any, budget: Budget) -> Any:
    if expression.compiled is None:
        return document.get(expression.text) if isinstance(document, dict) else None
    return _Interpreter(budget).visit(expression.compiled.parsed, document)


def _measure(value: Any, budget: Budget) -> tuple[int, int]:
    """Nodes and characters of a value as it would be printed; stops once they exceed the budget.

    Lists may share their parts, so that a small one may print as petabytes.
    """
    waiting, nodes, size = [value], 0, 0
    while waiting and nodes + len(waiting) <= budget.steps:
        one = waiting.pop()
        nodes += 1
        if isinstance(one, str):
            size += len(one)
        elif isinstance(one, dict):
            waiting += one.values()
            size += sum(map(len, one))
        elif isinstance(one, list):
            waiting += one
    return nodes + len(waiting), size


class _Functions(Functions):
    """JMESPath's functions, with a `to_string` that keeps numbers exact."""

    @signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        return value if isinstance(value, str) else dump(value)


_OPTIONS = Options(custom_functions=_Functions())
_BUILDERS = frozenset(
    {
        "filter_projection",
        "flatten",
        "function_expression",
        "multi_select_dict",
        "multi_select_list",
        "projection",
        "value_projection",
    }
)
"""Nodes that build a new value; the others pick one that exists."""


class _Interpreter(TreeInterpreter):
    """Evaluates one expression and pays for each node, and for each value that is built."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(_OPTIONS)
        self._budget = budget

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._budget.spend(1)
        result = super().visit(node, *args, **kwargs)
        if node["type"] in _BUILDERS and isinstance(result, (dict, list, str)):
            self._pay_for(result)
        return result

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        arguments = self._arguments(node, value)
        match node["value"], arguments:
            case "join", [str(separator), list(parts)]:
                self._budget.spend(1, len(separator) * len(parts))
        return super().visit_function_expression(_with_literals(node, arguments), value)

    def visit_comparator(self, node: Any, value: Any) -> Any:
        return super().visit_comparator(_with_literals(node, self._arguments(node, value)), value)

    def _arguments(self, node: Any, value: Any) -> list[Any]:
        """Evaluated children; functions and comparisons walk all of them."""
        arguments = [self.visit(child, value) for child in node["children"]]
        for argument in arguments:
            self._pay_for(argument)
        self._budget.spend(2)
        return arguments

    def _pay_for(self, value: Any) -> None:
        self._budget.spend(*_measure(value, self._budget))


def _with_literals(node: Any, values: list[Any]) -> Any:
    """The node with values that are known already in place of its children."""
    literals: list[Mapping[str, Any]] = [
        {"type": "literal", "value": value, "children": []} for value in values
    ]
    return {**node, "children": literals}
