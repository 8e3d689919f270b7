"""Label and field selectors, as they stand in URLs."""

import re
from collections.abc import Callable
from typing import Any

Matches = Callable[[dict[str, Any]], bool]
_SET = re.compile(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)")
_EQUAL = re.compile(r"([^=!\s]+)\s*(==|=|!=)\s*(\S*)")


def selector(labels: str, fields: str) -> Matches:
    """Whether an object has the labels, and the name and namespace, that are asked for."""
    wanted = [_requirement(part.strip()) for part in re.split(r",(?![^(]*\))", labels) if part]
    places = [part.partition("=")[::2] for part in fields.split(",") if part]

    def matches(thing: dict[str, Any]) -> bool:
        metadata = thing["metadata"]
        has = metadata.get("labels") or {}
        return all(one(has) for one in wanted) and all(
            metadata.get(path.removeprefix("metadata."), "") == value.lstrip("=")
            for path, value in places
        )

    return matches


def _requirement(text: str) -> Callable[[dict[str, str]], bool]:
    if found := _SET.fullmatch(text):
        key, operator, listed = found.groups()
        values = {value.strip() for value in listed.split(",")}
        return lambda has: (has.get(key) in values) == (operator == "in")
    if found := _EQUAL.fullmatch(text):
        key, operator, value = found.groups()
        return lambda has: (has.get(key) == value) == (operator != "!=")
    if text.startswith("!"):
        return lambda has: text[1:] not in has
    return lambda has: text in has
