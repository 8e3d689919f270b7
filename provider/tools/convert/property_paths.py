"""Converts `remoteRef.property` to a JMESPath expression that finds the same value, and back.

The operator reads a property as a gjson path (github.com/tidwall/gjson, "Path Syntax"), but if it
contains a dot, first as the name of one key. A number in gjson is an index of a list or a key of an
object. Patterns, queries and modifiers have no equivalent. The other way, only keys and indices do.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

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
    steps = [_step(word) for word in _split(text)]
    if not all(step.text for step in steps):
        raise NotAPath("an empty step has no equivalent in JMESPath")
    return steps


def _split(text: str) -> Iterator[str]:
    """The steps, separated by `.` and `|`, with their escapes."""
    word = ""
    for token in re.findall(r"\\.|[^\\]|\\$", text, re.DOTALL):
        if token in {".", "|"}:
            yield word
            word = ""
        else:
            word += token
    yield word


def _step(word: str) -> _Step:
    if word[:1] in _OPENING:
        raise NotAPath(f"gjson's {_OPENING[word[0]]} ({word[:20]}) have no equivalent in JMESPath")
    if re.search(r"(?<!\\)(?:\\\\)*[*?]", word):
        raise NotAPath(f"gjson's patterns ({word[:20]}) have no equivalent in JMESPath")
    plain = re.sub(r"\\(.?)", r"\1", word, flags=re.DOTALL)
    return _Step(plain, word == plain and _INDEX.fullmatch(word) is not None)


def _render(steps: list[_Step]) -> str:
    rendered = ""
    for step in steps:
        key = (
            step.text if _PLAIN.fullmatch(step.text) else json.dumps(step.text, ensure_ascii=False)
        )
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
