"""`remoteRef.property` as a JMESPath expression that finds the same value.

The operator reads a property as a path of gjson (github.com/tidwall/gjson, "Path Syntax"), but
first, where there is a dot in it, as the name of one key. gjson's numbers are indices of lists and
keys of objects alike. Patterns, queries and modifiers have no fitting counterpart.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_PLAIN = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_INDEX = re.compile("0|[1-9][0-9]{0,8}")
_OPENING = {"#": "queries", "@": "modifiers", "!": "literals", "[": "multipaths", "{": "multipaths"}


class NotAPath(ValueError):
    """The property is more than a path; the text says what of it has no counterpart."""


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
    # Not `||`, which passes over false, "" and [] as well.
    return path if path == as_one_key else f"not_null({as_one_key}, {path})"


def _steps(text: str) -> list[_Step]:
    steps = [_step(word) for word in _split(text)]
    if not all(step.text for step in steps):
        raise NotAPath("an empty step has no counterpart in JMESPath")
    return steps


def _split(text: str) -> Iterator[str]:
    """Steps, still with their escapes: `.` and `|` part them."""
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
        raise NotAPath(f"gjson's {_OPENING[word[0]]} ({word[:20]}) have no counterpart in JMESPath")
    if re.search(r"(?<!\\)(?:\\\\)*[*?]", word):
        raise NotAPath(f"gjson's patterns ({word[:20]}) have no counterpart in JMESPath")
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
