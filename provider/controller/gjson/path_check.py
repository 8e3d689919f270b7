"""What is wrong with a gjson path, found without a document.

gjson has no errors: it searches for a key of any malformed text. So a path with a mistake only
finds nothing. The check walks a path as `search` does, into queries, multipaths and arguments.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from provider.controller.gjson.modifiers import UNSUPPORTED, split_modifier
from provider.controller.gjson.path_syntax import (
    Component,
    Query,
    index_component,
    key_component,
    query_end,
    selectors,
)
from provider.controller.gjson.queries import WORDS
from provider.controller.gjson.search import split_literal
from provider.manifests.problems import quote

_FOREIGN: Final = (
    (r"^\$$", "gjson takes $ as a key", "write the path without $."),
    (r"(?<!\\)\[", "gjson takes the bracket as a part of the key", "write users.0 for users[0]"),
    (r'^".*"$', "gjson takes the quotes as a part of the key", "write the key without quotes"),
)
"""Syntax of other path languages: the pattern of a step, the message, the hint."""


Kind = Literal["invalid", "unsupported", "doubtful"]
"""`unsupported`: gjson has it, and this controller does not. `doubtful`: a key of such a name is
improbable, but possible."""


@dataclass(frozen=True, slots=True)
class PathFault:
    """A mistake."""

    message: str
    hint: str = ""
    kind: Kind = "invalid"


def path_faults(path: str) -> Iterator[PathFault]:
    """The mistakes of a path. Raises RecursionError for one that is nested too deeply."""
    if path.startswith(".."):
        yield from _step_faults(path[2:])
    elif len(path) > 1 and path[0] in "@!":
        yield from _special_faults(path)
    elif len(path) > 1 and path[0] in "[{":
        yield from _multipath_faults(path)
    else:
        yield from _step_faults(path)


def _special_faults(path: str) -> Iterator[PathFault]:
    """The mistakes of a path that begins with a modifier or a literal."""
    found = split_modifier(path) if path[0] == "@" else None
    if found and found[0] in UNSUPPORTED:
        yield PathFault(f"the gjson modifier @{found[0]} is not supported", kind="unsupported")
        return
    rest = found[2] if found else None
    if path[0] == "!" and (literal := split_literal(path)):
        rest = literal[0]
    if rest is None:
        yield from _step_faults(path)
    else:
        yield from _rest_faults(path, rest)


def _multipath_faults(path: str) -> Iterator[PathFault]:
    chosen, rest = selectors(path)
    if chosen is None:
        closing = "]" if path[0] == "[" else "}"
        yield PathFault(f"{quote(path, 30)} has no closing {closing}")
        return
    for _, one in chosen:
        yield from path_faults(one)
    yield from _rest_faults(path, rest)


def _rest_faults(path: str, rest: str) -> Iterator[PathFault]:
    """The mistakes behind a modifier, a literal or a multipath."""
    if rest[:1] in ("|", "."):
        yield from path_faults(rest[1:])
    elif rest:
        before = path[: len(path) - len(rest)]
        message = f"{quote(rest, 30)} follows {quote(before, 30)} without a dot"
        yield PathFault(message, "write a dot between them")


def _step_faults(path: str) -> Iterator[PathFault]:
    """The mistakes of a key, an index or a query, and of the rest of the path."""
    if path.startswith(("#(", "#[")):
        yield from _query_faults(path)
        return
    component = key_component(path)
    following = _following(component)
    step = path if following is None else path[: -len(following) - 1]
    if not step:
        message = "a step of the path is empty: gjson reads the key with the empty name"
        yield PathFault(message, "write one dot between two keys", "doubtful")
    for pattern, message, hint in _FOREIGN:
        if re.search(pattern, step):
            yield PathFault(f"{message}, in {quote(step, 30)}", hint, "doubtful")
            break
    if following is not None:
        yield from path_faults(following)


def _query_faults(path: str) -> Iterator[PathFault]:
    end, _ = query_end(path)
    component, query = index_component(path)
    if end is None or query is None:
        closing = "]" if path[1] == "[" else ")"
        yield PathFault(f"the query {quote(path, 30)} has no closing {closing}")
        return
    if query.path:
        yield from path_faults(query.path)
    yield from _condition_faults(query)
    closed = path[: end + 2] if query.every else path[: end + 1]
    yield from _rest_faults(component.part, component.part.removeprefix(closed))
    if (following := _following(component)) is not None:
        yield from path_faults(following)


def _condition_faults(query: Query) -> Iterator[PathFault]:
    value = query.value
    if query.operator == "!":
        yield PathFault("a query has the operator !, which matches nothing", "write !=")
    elif value.startswith("~") and value[1:] not in WORDS:
        words = ", ".join(f"~{word}" for word in WORDS)
        message = f"the value {quote(value, 30)} of a query matches nothing"
        yield PathFault(message, f"behind ~ write one of {words}; patterns have the operator %")
    elif value.startswith("'"):
        message = "gjson takes single quotes as a part of the value of a query"
        yield PathFault(message, "write double quotes", "doubtful")
    elif re.search(r"&&|\|\|", value):
        message = f"a query has one condition: {quote(value, 30)} is taken as one value"
        hint = 'write #(a=="x")#|#(b=="y") for two'
        yield PathFault(message, hint, "doubtful")


def _following(component: Component) -> str | None:
    return component.path if component.pipe is None else component.pipe
