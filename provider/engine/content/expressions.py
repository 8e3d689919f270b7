"""Compiles and checks JMESPath expressions, before any secret is read.

Users write them, so length, depth and number of nodes are bounded here. The work of evaluating one
is bounded by `provider.engine.content.jmespath_search`.
"""

import re
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.parser import ParsedResult, Parser

from provider.manifests.problems import printable, quote

_LENGTH = 1024
_DEPTH = 64
"""Levels of a syntax tree: evaluation takes a few Python frames for each."""
_NODES = 500
"""Nodes of a syntax tree: each takes about 400 bytes."""

_LITERAL_KEY = re.compile(r"[^\s.,\[\]{}()|&*?!<>='\"`\\]+(?:[. ][^\s.,\[\]{}()|&*?!<>='\"`\\]+)*")
"""Text that can only mean a key: words, dots and single spaces without a JMESPath operator."""
_TOO_DEEP = f"is nested too deep: more than {_DEPTH} levels"


class BadExpression(ValueError):
    """The expression does not compile; the text says why."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: either a compiled one, or a literal top-level key."""

    text: str
    compiled: ParsedResult | None = None
    nodes: int = 1
    """Nodes of the syntax tree: what it costs to keep."""


def compile_expression(text: str) -> Expression:
    """The compiled expression, or a key where `text` does not compile and can only be one."""
    if len(text) > _LENGTH:
        raise BadExpression(f"is too long: {len(text)} characters, {_LENGTH} are the limit")
    try:
        compiled = jmespath.compile(text)
    except RecursionError:
        raise BadExpression(_TOO_DEEP) from None
    except (JMESPathError, ValueError, LookupError, TypeError, AttributeError) as error:
        # The parser lets some of Python's own errors through, such as for an index of 5000 digits.
        if _LITERAL_KEY.fullmatch(text):
            return Expression(text)
        raise BadExpression(f"is not a JMESPath expression: {_reason(error)}") from None
    finally:
        Parser.purge()  # its cache would keep up to 512 expressions, whatever their size
    return Expression(text, compiled, _check(compiled.parsed))


def _check(tree: Any) -> int:
    """The number of nodes; raises `BadExpression`."""
    waiting, nodes = [(tree, 1)], 0
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if depth > _DEPTH:
            raise BadExpression(_TOO_DEEP)
        if nodes > _NODES:
            raise BadExpression(f"is too large: more than {_NODES} nodes")
        if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
            raise BadExpression(
                f"calls the function {quote(node['value'])}, which JMESPath does not have"
            )
        # The children of a slice are numbers, not nodes.
        waiting += [(child, depth + 1) for child in node["children"] if isinstance(child, dict)]
    return nodes


def _reason(error: Exception) -> str:
    """The library's own words, without the drawing of the expression that follows them."""
    line = str(error).partition("\n")[0].partition(", for expression")[0]
    return printable(re.sub("^(Invalid|Bad) jmespath expression: ", "", line)[:200].rstrip(" :"))
