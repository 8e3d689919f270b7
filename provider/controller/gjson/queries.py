"""Compares keys with wildcards, and values with the conditions of queries."""

from collections.abc import Callable
from typing import Final

import re2

from provider.controller.gjson.path_syntax import Component, Query
from provider.controller.gjson.results import Result
from provider.controller.template.go_regexp import WORK_A_STEP
from provider.controller.template.limits import Budget
from provider.controller.template.unicode_text import to_utf8

WORDS: Final = ("*", "false", "null", "true")
"""The values that a query may have behind a `~`."""


def key_matcher(component: Component, budget: Budget) -> Callable[[str], bool]:
    """Returns whether a key is the component's."""
    if not component.wild:
        return lambda key: key == component.part
    return _wildcard(component.part, budget)


def _wildcard(pattern: str, budget: Budget) -> Callable[[str], bool]:
    """A pattern with `*` and `?` as a regular expression. A backslash makes them plain."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\" and at + 1 < len(pattern):
            at += 1
            char = re2.escape(pattern[at])
        else:
            char = {"*": ".*", "?": "."}.get(char, re2.escape(char))
        out.append(char)
        at += 1
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    compiled = re2.compile(to_utf8("".join(out)), options)

    def fits(text: str) -> bool:
        budget.before(compiled.programsize * len(text) // WORK_A_STEP)
        return compiled.fullmatch(to_utf8(text)) is not None

    return fits


def _words(value: Result) -> dict[str, bool]:
    """Whether each of the `WORDS` matches a value."""
    text = value.text.lower() if value.kind == "string" else ""
    is_number = value.kind == "number"
    return {
        "*": value.exists,
        "null": value.kind == "null",
        "true": value.kind == "true"
        or text in ("1", "t", "true")
        or (is_number and value.number != 0),
        "false": value.kind in ("null", "false")
        or text in ("0", "f", "false")
        or (is_number and value.number == 0),
    }


def matches(value: Result, query: Query, budget: Budget) -> bool:
    """Whether a value meets the condition of a query."""
    wanted = query.value
    if wanted.startswith("~"):
        holds = _words(value).get(wanted[1:])
        if holds is None:
            return False  # no such word
        value, wanted = Result("true" if holds else "false"), "true"
    if not value.exists or not query.operator:
        return value.exists
    if value.kind == "string":
        return _compares_text(value.text, query.operator, wanted, budget)
    if value.kind == "number":
        return _compares_number(value.number, query.operator, Result("number", wanted).number)
    return value.kind in ("true", "false") and _compares_bool(value.kind, query.operator, wanted)


def _compares_bool(left: str, operator: str, right: str) -> bool:
    if operator in ("=", "!="):
        return (left == right) == (operator == "=")
    upwards = left == "true"
    if operator in (">=", "<="):
        return upwards == (operator == ">=")
    if operator in (">", "<"):
        return upwards == (operator == ">") and right == ("false" if upwards else "true")
    return False


def _compares_text(left: str, operator: str, right: str, budget: Budget) -> bool:
    if operator in ("%", "!%"):
        return _wildcard(right, budget)(left) == (operator == "%")
    a, b = to_utf8(left), to_utf8(right)
    return _compares_order(operator, a < b, a == b, a > b)


def _compares_number(left: float, operator: str, right: float) -> bool:
    return _compares_order(operator, left < right, left == right, left > right)


def _compares_order(operator: str, less: bool, equal: bool, greater: bool) -> bool:
    return {
        "=": equal, "!=": not equal, "<": less, "<=": less or equal, ">": greater,
        ">=": greater or equal,
    }.get(operator, False)  # fmt: skip
