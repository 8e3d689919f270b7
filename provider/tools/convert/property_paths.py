"""Converts `remoteRef.property` to a JMESPath expression that finds the same value, and back.

The operator reads a property as a gjson path (github.com/tidwall/gjson, "Path Syntax"), but if it
contains a dot, first as the name of one key. A number in gjson is an index of a list or a key of an
object. Patterns, queries and modifiers have no equivalent. The other way, only keys and indices do.
"""

import json
import re
from dataclasses import dataclass

from provider.controller.gjson.path_syntax import Component, key_component

_PLAIN = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_INDEX = re.compile("0|[1-9][0-9]{0,8}")
_OPENING = {"#": "queries", "@": "modifiers", "!": "literals", "[": "multipaths", "{": "multipaths"}


class NotAPath(ValueError):
    """The property is more than a path; the message says what has no equivalent."""


@dataclass(frozen=True, slots=True)
class _Step:
    text: str
    is_index: bool


def expression(text: str) -> str:
    """The expression; raises `NotAPath`."""
    path = _render(_steps(text))
    if "." not in text:
        return path
    as_one_key = _render(_steps(text.replace(".", "\\.")))
    # `||` would skip false, "" and [] too.
    return path if path == as_one_key else f"not_null({as_one_key}, {path})"


def _steps(text: str) -> list[_Step]:
    """The steps, separated by `.` and `|`."""
    steps, rest = list[_Step](), [text]
    while rest:
        path = rest.pop()
        one = key_component(path)
        rest += [after for after in (one.path, one.pipe) if after is not None]
        word = path[: -len(rest[0]) - 1] if rest else path
        steps.append(_step(word, one))
    return steps


def _step(word: str, one: Component) -> _Step:
    if word[:1] in _OPENING:
        raise NotAPath(f"gjson's {_OPENING[word[0]]} ({word[:20]}) have no equivalent in JMESPath")
    if one.wild:
        raise NotAPath(f"gjson's patterns ({word[:20]}) have no equivalent in JMESPath")
    if not one.part:
        raise NotAPath("an empty step has no equivalent in JMESPath")
    return _Step(one.part, word == one.part and _INDEX.fullmatch(word) is not None)


def _render(steps: list[_Step]) -> str:
    rendered = ""
    for step in steps:
        is_plain = _PLAIN.fullmatch(step.text)
        key = step.text if is_plain else json.dumps(step.text, ensure_ascii=False)
        if step.is_index:
            either = f"not_null([{step.text}], {key})"
            rendered = f"{rendered} | {either}" if rendered else either
        else:
            rendered = f"{rendered}.{key}" if rendered else key
    return rendered


_STEP = re.compile(
    r"""(?P<plain>[A-Za-z_][A-Za-z0-9_]*)|(?P<quoted>"(?:[^"\\]|\\.)*")|\[(?P<index>[0-9]{1,9})\]"""
)
_SPECIAL = re.compile(r"([.|#@*?!{}\[\]()\\:,\"=<>%~$^])")


def gjson_path(expression: str) -> str | None:
    """The gjson path with the same value; None if there is none."""
    steps: list[str] = []
    at = 0
    while at < len(expression):
        if steps and expression[at] == ".":
            at += 1
        elif steps and expression[at] != "[":
            return None
        found = _STEP.match(expression, at)
        if found is None:
            return None
        step = _key(found)
        if not step:
            return None
        steps.append(step)
        at = found.end()
    return ".".join(steps) or None


def gjson_key(key: str) -> str:
    """The gjson path of one key, whatever characters it has."""
    return _SPECIAL.sub(r"\\\1", key)


def _key(found: re.Match[str]) -> str | None:
    if found["index"] is not None:
        return found["index"]
    if found["plain"] is not None:
        return found["plain"]
    try:
        return gjson_key(json.loads(found["quoted"]))
    except ValueError:
        return None
