"""The syntax of gjson paths: components, queries and multipaths."""

import re
from dataclasses import dataclass
from typing import Final

from provider.controller.gjson.results import STRING, unescape

_MODIFIER_NAME: Final = re.compile(r"@([^.|:]*)")
_OPERATORS: Final = ("!=", "!%", "<=", ">=", "==", "<", ">", "=", "%", "!")
_BLANK: Final = "".join(map(chr, range(33)))

MODIFIERS: Final = frozenset({
    "pretty", "ugly", "reverse", "this", "flatten", "join", "valid", "keys", "values", "tostr",
    "fromstr", "group", "dig",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Component:
    """The first component of a path, and what follows: after a dot `path`, after a bar `pipe`."""

    part: str
    path: str | None = None
    pipe: str | None = None
    wild: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """`#(path op value)`, and with a `#` behind it every match instead of the first."""

    path: str
    operator: str
    value: str
    every: bool


def starts_subpath(path: str) -> bool:
    """Whether a dot before the path acts as a bar: before a modifier or a multipath."""
    return path[:1] in ("[", "{") or bool(modifier_name(path))


def modifier_name(path: str) -> str:
    """The name of the modifier that a path begins with; empty without one of gjson's."""
    match = _MODIFIER_NAME.match(path)
    return match[1] if match and match[1] in MODIFIERS else ""


def _component(part: str, rest: str, *, wild: bool, bar: bool, subpaths: bool = True) -> Component:
    if bar or (subpaths and starts_subpath(rest)):
        return Component(part, pipe=rest, wild=wild)
    return Component(part, path=rest, wild=wild)


def key_component(path: str) -> Component:
    """The first component, as a key of an object."""
    part: list[str] = []
    wild = False
    at = 0
    while at < len(path):
        char = path[at]
        if char in ".|":
            return _component("".join(part), path[at + 1 :], wild=wild, bar=char == "|")
        if char == "\\":
            at += 1
            char = path[at : at + 1]
        elif char in "*?":
            wild = True
        part.append(char)
        at += 1
    return Component("".join(part), wild=wild)


def index_component(path: str) -> tuple[Component, Query | None]:
    """The first component, as a position in an array, and its query where it has one."""
    query = None
    is_count = False
    at = 0
    while at < len(path):
        char = path[at]
        if char in ".|":
            rest = path[at + 1 :]
            bar = char == "|"
            return _component(path[:at], rest, wild=False, bar=bar, subpaths=not is_count), query
        if char == "#":
            is_count = True
            if at == 0 and path[1:2] in ("[", "("):
                query, end = _query(path)
                if query is None:  # not closed: gjson takes it for one without a condition
                    query = Query("", "", "", every=False)
                    break
                at = end - 1
        at += 1
    return Component(path), query


def _query(path: str) -> tuple[Query | None, int]:
    end, operator_at = query_end(path)
    if end is None:
        return None, len(path)
    every = path[end + 1 : end + 2] == "#"
    if not operator_at:
        return Query(path[2:end].strip(_BLANK), "", "", every), end + 1
    condition = path[operator_at:end].strip(_BLANK)
    operator = next(name for name in _OPERATORS if condition.startswith(name))
    value = condition[len(operator) :].strip(_BLANK)
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = unescape(value[1:-1]) if "\\" in value else value[1:-1]
    operator = "=" if operator == "==" else operator
    return Query(path[2:operator_at].strip(_BLANK), operator, value, every), end + 1


def query_end(path: str) -> tuple[int | None, int]:
    """The offset of the bracket that closes a query, or None, and of its operator, or 0."""
    depth, at, operator_at = 1, 2, 0
    while at < len(path):
        char = path[at]
        if depth == 1 and not operator_at and char in "!=<>%":
            operator_at = at
        elif char == "\\":
            at += 1
        elif char in "[(":
            depth += 1
        elif char in "])":
            depth -= 1
            if depth == 0:
                return at, operator_at
        elif char == '"':
            string = STRING.match(path, at)
            at = string.end() - 1 if string else len(path)
        at += 1
    return None, 0


def selectors(path: str) -> tuple[list[tuple[str, str]] | None, str]:
    """The names and paths of a multipath, and what follows it. None where it does not end."""
    found: list[tuple[str, str]] = []
    depth, start, at, colon, modifier = 1, 1, 1, 0, False
    while at < len(path):
        char = path[at]
        if char == "\\":
            at += 1
        elif char == "@":
            modifier = modifier or path[at - 1] in ".|"
        elif char == ":" and not modifier and not colon and depth == 1:
            colon = at
        elif char == '"':
            string = STRING.match(path, at)
            at = string.end() - 1 if string else len(path)
        elif char in "[({":
            depth += 1
        elif char in "])}":
            depth -= 1
        if depth == 0 or (depth == 1 and char == ","):
            name = path[start:colon] if colon else ""
            found.append((name, path[colon + 1 if colon else start : at]))
            start, colon, modifier = at + 1, 0, False
            if depth == 0:
                return found, path[at + 1 :]
        at += 1
    return None, ""


def last_name(path: str) -> str:
    """The name of a multipath's member that has none: the last component, or `_`."""
    start = 0
    for at in range(len(path) - 1, -1, -1):
        if path[at] in "|." and not (at > 0 and path[at - 1] == "\\"):
            start = at + 1
            break
    name = path[start:]
    return name if not any(char < " " or char in "[]{}()#|!" for char in name) else "_"


def split_pipe(path: str) -> tuple[str, str] | None:
    """The parts of a path before and behind its first bar outside of queries, or None."""
    if "|" not in path:
        return None
    if path[0] == "{":
        return _split_multipath(path)
    at = 0
    while at < len(path):
        char = path[at]
        if char == "\\":
            at += 1
        elif char == "|":
            return path[:at], path[at + 1 :]
        elif char == "." and path[at + 1 : at + 2] == "#":
            at += 2
            if path[at : at + 1] in ("[", "("):
                at = _balanced(path, at)
        at += 1
    return None


def _split_multipath(path: str) -> tuple[str, str] | None:
    _, rest = selectors(path)
    if not rest.startswith("|"):
        return None
    return path[: len(path) - len(rest)], rest[1:]


def _balanced(path: str, at: int) -> int:
    """The offset of the bracket that closes the one at `at`."""
    start, end = path[at], {"[": "]", "(": ")"}[path[at]]
    depth = 0
    while at < len(path):
        char = path[at]
        if char == "\\":
            at += 1
        elif char == start:
            depth += 1
        elif char == end:
            depth -= 1
            if depth == 0:
                return at
        elif char == '"':
            string = STRING.match(path, at)
            at = string.end() - 1 if string else len(path)
        at += 1
    return at
