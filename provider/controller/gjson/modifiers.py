"""gjson's modifiers: `@this`, `@reverse`, `@keys`… `@pretty` and `@dig` are not supported."""

from collections.abc import Callable
from typing import Final

from provider.controller.gjson.path_syntax import MODIFIERS, modifier_name
from provider.controller.gjson.results import entries, parse, squash
from provider.controller.gjson.texts import is_valid, json_string, ugly
from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget

BYTES_A_STEP: Final = 8
"""Of a text that a modifier works on: up to a microsecond for each."""


def modified(text: str, path: str, budget: Budget) -> tuple[str, str] | None:
    """The rest of a path behind its modifier, and the modified text. None without a modifier.

    Raises FunctionError for a modifier that gjson has and that is not supported here.
    """
    found = split_modifier(path)
    if found is None:
        return None
    name, argument, rest = found
    if name not in _MODIFIERS:
        raise FunctionError(f"the gjson modifier @{name} is not supported")
    budget.step(1 + len(text) // BYTES_A_STEP)
    return rest, _MODIFIERS[name](text, argument, budget)


def split_modifier(path: str) -> tuple[str, str, str] | None:
    """Name and argument of the modifier, and the rest of the path. None without a modifier."""
    name = modifier_name(path)
    if not name:
        return None
    rest = path[len(name) + 1 :]
    argument = ""
    if rest.startswith(":"):
        argument, rest = _argument(rest[1:])
    return name, argument, rest


def _argument(text: str) -> tuple[str, str]:
    """The argument that a text begins with, and the rest."""
    if text[:1] in ("{", "[", '"') and parse(text).exists:
        argument = squash(text, 0)
        return argument, text[len(argument) :]
    at = 0
    while at < len(text) and text[at] != "|":
        if text[at] in '{["(':
            at += len(squash(text, at)) - 1
        at += 1
    return text[:at], text[at:]


def _option(argument: str, name: str) -> bool:
    values = [value for key, value in entries(parse(argument)) if key.text == name]
    if not values:
        return False
    value = values[-1]
    if value.kind == "string":
        return value.text.lower() in ("1", "t", "true")
    return value.kind == "true" or (value.kind == "number" and value.number != 0)


def _reverse(text: str, *_: object) -> str:
    value = parse(text)
    if value.is_array:
        return "[" + ",".join(item.raw for _, item in reversed(entries(value))) + "]"
    if value.is_object:
        pairs = (f"{key.raw}:{item.raw}" for key, item in reversed(entries(value)))
        return "{" + ",".join(pairs) + "}"
    return text


def _keys(text: str, *_: object) -> str:
    value = parse(text)
    names = (key.raw if value.is_object else "null" for key, _ in entries(value))
    return "[" + ",".join(names) + "]"


def _values(text: str, *_: object) -> str:
    value = parse(text)
    if value.is_array:
        return text
    return "[" + ",".join(item.raw for _, item in entries(value)) + "]"


def _unwrapped(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) >= 2 and text[0] in "[{" else text


def _flatten(text: str, argument: str, budget: Budget) -> str:
    budget.step(len(text) // BYTES_A_STEP)  # each level reads all that is deeper
    value = parse(text)
    if not value.is_array:
        return text
    deep = _option(argument, "deep")
    parts: list[str] = []
    for _, item in entries(value):
        raw = item.raw
        if item.is_array:
            raw = _unwrapped(_flatten(raw, argument, budget) if deep else raw)
        parts.append(raw.strip())
    return "[" + ",".join(part for part in parts if part) + "]"


def _join(text: str, argument: str, _: Budget) -> str:
    value = parse(text)
    if not value.is_array:
        return text
    objects = [item for _, item in entries(value) if item.is_object]
    if _option(argument, "preserve"):
        return "{" + ",".join(_unwrapped(item.raw) for item in objects) + "}"
    keys: dict[str, str] = {}
    values: dict[str, str] = {}
    for item in objects:
        for key, member in entries(item):
            keys.setdefault(key.text, key.raw)
            values[key.text] = member.raw
    return "{" + ",".join(f"{raw}:{values[name]}" for name, raw in keys.items()) + "}"


def _group(text: str, *_: object) -> str:
    value = parse(text)
    if not value.is_object:
        return ""
    groups: list[list[str]] = []
    for key, item in entries(value):
        members = entries(item) if item.is_array else []
        for number, (_index, member) in enumerate(members):
            if number == len(groups):
                groups.append([])
            groups[number].append(f"{key.raw}:{member.raw}")
    return "[" + ",".join("{" + ",".join(group) + "}" for group in groups) + "]"


_MODIFIERS: Final[dict[str, Callable[[str, str, Budget], str]]] = {
    "this": lambda text, *_: text,
    "reverse": _reverse,
    "keys": _keys,
    "values": _values,
    "flatten": _flatten,
    "join": _join,
    "group": _group,
    "ugly": lambda text, *_: ugly(text),
    "valid": lambda text, *_: text if is_valid(text) else "",
    "tostr": lambda text, *_: json_string(text),
    "fromstr": lambda text, *_: parse(text).string() if is_valid(text) else "",
}
UNSUPPORTED: Final = MODIFIERS - _MODIFIERS.keys()
"""Modifiers that gjson has, and this controller refuses."""
