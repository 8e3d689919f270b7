"""JMESPath expressions of a class, compiled and checked before AWS is asked.

An expression is written by whoever may write a SecretProviderClass, so its length and depth are
bounded here; what evaluating it may cost is `provider.engine.content.jmespath_search`'s.
"""

import re
from collections.abc import Iterator
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.parser import ParsedResult

from provider.manifests.problems import quote

_LENGTH = 1024
_DEPTH = 64
"""Levels of a syntax tree: evaluation takes two Python frames for each."""

_LITERAL_KEY = re.compile(r"[^\s.,\[\]{}()|&*?!<>='\"`\\]+(?:[. ][^\s.,\[\]{}()|&*?!<>='\"`\\]+)*")
"""What can only be meant as a key: words, dots and single spaces without any JMESPath operator."""


class BadExpression(ValueError):
    """The expression does not compile; the text says why."""


def compile_expression(text: str) -> ParsedResult | str:
    """The compiled expression, or `text` itself where it can only be a literal top-level key."""
    if len(text) > _LENGTH:
        raise BadExpression(f"is too long: {len(text)} characters, {_LENGTH} are the limit")
    try:
        compiled = jmespath.compile(text)
    except RecursionError:
        raise BadExpression(_TOO_DEEP) from None
    except (JMESPathError, ValueError, LookupError, TypeError, AttributeError) as error:
        # The parser lets some of Python's own errors through, such as for an index of 5000 digits.
        if _LITERAL_KEY.fullmatch(text):
            return text
        raise BadExpression(f"is not a JMESPath expression: {_reason(error)}") from None
    _check(compiled.parsed)
    return compiled


_TOO_DEEP = f"is nested too deep: more than {_DEPTH} levels"


def _check(tree: Any) -> None:
    for node, depth in _walk(tree):
        if depth > _DEPTH:
            raise BadExpression(_TOO_DEEP)
        if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
            raise BadExpression(f"calls the function {quote(node['value'])}, which JMESPath lacks")


def _walk(tree: Any) -> Iterator[tuple[Any, int]]:
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        # The children of a slice are numbers, not nodes.
        waiting += [(child, depth + 1) for child in node["children"] if isinstance(child, dict)]


def _reason(error: Exception) -> str:
    """The library's own words, without the drawing of the expression that follows them."""
    line = str(error).partition("\n")[0].partition(", for expression")[0]
    return re.sub("^(Invalid|Bad) jmespath expression: ", "", line)[:200].rstrip(" :")
