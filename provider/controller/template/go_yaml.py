"""sigs.k8s.io/yaml: YAML 1.1 as go-yaml reads and writes it, by way of JSON.

PyYAML parses and emits; which scalar is of which type is go-yaml's rule, not PyYAML's.
"""

import base64
import binascii
import math
import re
import struct
from collections.abc import Iterator
from typing import Final

import yaml

from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.numbers import format_float, parse_float, parse_int, parse_uint
from provider.controller.template.unicode_text import runes
from provider.controller.template.values import List, Map, Value
from provider.manifests.yaml_tree import MOST_TAG_DIRECTIVES

_LOADER: Final = getattr(yaml, "CLoader", yaml.Loader)
_TAG: Final = "tag:yaml.org,2002:"
_WORDS: Final[dict[str, Value]] = {
    **dict.fromkeys(
        ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True
    ),
    **dict.fromkeys(
        ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False
    ),
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], math.inf),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], -math.inf),
}
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_DATE: Final = re.compile(
    r"\d{4}-(\d{1,2})-(\d{1,2})([Tt ]\d{1,2}:\d{1,2}:\d{1,2}([.,]\d+)?(Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)
_RESOLVED: Final = {"str", "bool", "int", "float", "null", "timestamp"}
_TRANSLATION: Final = {
    "mapping values are not allowed here": "mapping values are not allowed in this context",
}


def parse(text: str, budget: Budget) -> Value:
    """The first document. Numbers are int or float. Raises FunctionError."""
    budget.memory(len(text) * 8)
    if text.count("%TAG") > MOST_TAG_DIRECTIVES:
        raise FunctionError(f"yaml: more than {MOST_TAG_DIRECTIVES} %TAG directives")
    try:
        return _Composer(yaml.parse(text, Loader=_LOADER), budget).document()
    except yaml.YAMLError as error:
        problem = str(getattr(error, "problem", None) or "invalid YAML")
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark is not None else ""
        if "alias" in problem:
            problem = "unknown anchor referenced"
        if problem.startswith("found ") and "'" in problem:
            problem = "found character that cannot start any token"
        raise FunctionError(f"yaml: {line}{_TRANSLATION.get(problem, problem)}") from None
    except (UnicodeError, ValueError):
        raise FunctionError("yaml: invalid Unicode or control characters") from None


class _Composer:
    def __init__(self, events: Iterator[yaml.Event], budget: Budget) -> None:
        self._events = events
        self._budget = budget
        self._anchors: dict[str, Value] = {}
        self._open: set[str] = set()

    def document(self) -> Value:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                value = self._node(next(self._events), 0)
                next(self._events)  # the end of the document: what is behind it has to be YAML
                return value
        return None

    def _node(self, event: yaml.Event, depth: int) -> Value:
        self._budget.step()
        self._budget.depth(depth)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._open.add(anchor)
        value = self._content(event, depth)
        if anchor is not None:
            self._open.discard(anchor)
            self._anchors[anchor] = value
        return value

    def _alias(self, event: yaml.AliasEvent) -> Value:
        name = event.anchor or ""
        if name in self._open:
            raise FunctionError("yaml: an anchor's value contains itself")
        if name not in self._anchors:
            raise FunctionError("yaml: unknown anchor referenced")
        return self._anchors[name]

    def _content(self, event: yaml.Event, depth: int) -> Value:
        if isinstance(event, yaml.ScalarEvent):
            return scalar(event.value, event.tag, plain=event.implicit[0] and not event.style)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(inner, depth + 1))
            return List(items)
        mapping = Map({})
        while not isinstance(inner := next(self._events), yaml.MappingEndEvent):
            self._entry(mapping, inner, depth)
        return mapping

    def _entry(self, mapping: Map, event: yaml.Event, depth: int) -> None:
        merges = (
            isinstance(event, yaml.ScalarEvent)
            and event.value == "<<"
            and (event.implicit[0] or event.tag == f"{_TAG}merge")
        )
        key = b"" if merges else _key(self._node(event, depth + 1))
        value = self._node(next(self._events), depth + 1)
        if not merges:
            mapping.items[key] = value
            return
        sources = reversed(value.items) if isinstance(value, List) else iter([value])
        for source in sources:
            if not isinstance(source, Map):
                raise FunctionError("yaml: map merge requires map or sequence of maps as the value")
            self._budget.step(len(source.items))
            mapping.items.update(source.items)


def _key(value: Value) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, List | Map) or value is None:
        raise FunctionError("yaml: a map key is no scalar")
    text = scalar_text(value)
    return {b"+Inf": b".inf", b"-Inf": b"-.inf", b"NaN": b".nan"}.get(text, text)


def scalar(text: str, tag: str | None, *, plain: bool) -> Value:
    """A scalar as go-yaml resolves it. Raises FunctionError where a tag does not fit."""
    kind = tag.removeprefix(_TAG) if tag else ""
    if kind == "binary":
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise FunctionError("yaml: !!binary value contains invalid base64 data") from None
    if (not kind and not plain) or (kind and kind not in _RESOLVED) or kind == "str":
        return text.encode()
    value = _resolve(text, kind)
    actual = _kind(value)
    if kind == "float" and actual == "int":
        return float(str(value))
    if kind and kind != actual and not (kind == "timestamp" and _DATE.fullmatch(text)):
        raise FunctionError(f"yaml: cannot decode !!{actual} as a !!{kind}")
    return value


def _kind(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    return {int: "int", float: "float"}.get(type(value), "str")


def _resolve(text: str, kind: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first == ".":
        number = parse_float(text)
        return text.encode() if number is None else number
    if first not in "+-0123456789" or (kind in ("", "timestamp") and is_date(text)):
        return text.encode()
    plain = text.replace("_", "")
    for parsed in (parse_int(plain, 0), parse_uint(plain, 0)):
        if parsed is not None:
            return parsed
    if _FLOAT.fullmatch(plain) and (real := parse_float(plain)) is not None:
        return real
    return text.encode()


def is_date(text: str) -> bool:
    """Whether go-yaml takes the text for a timestamp."""
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    return 1 <= int(match.group(1)) <= 12 and 1 <= int(match.group(2)) <= 31


def scalar_text(value: Value) -> bytes:
    """A number or boolean as text, as sigs.k8s.io/yaml makes one where a string is wanted."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, float):
        return _float32(value).encode()
    return str(value).encode()


def _float32(number: float) -> str:
    """strconv.FormatFloat(number, 'g', -1, 32)."""
    if not math.isfinite(number):
        return format_float(number, "g")
    try:
        single = struct.unpack("f", struct.pack("f", number))[0]
    except OverflowError:
        return "+Inf" if number > 0 else "-Inf"
    for precision in range(9):
        text = f"{single:.{precision}e}"
        try:
            if struct.unpack("f", struct.pack("f", float(text)))[0] == single:
                return format_float(float(text), "g")
        except OverflowError:
            continue
    return format_float(single, "g")


def as_json(value: Value, budget: Budget) -> Value:
    """The value as it is after a way through JSON: every number is a float64.

    Aliases are expanded. Raises FunctionError for NaN and Inf.
    """
    budget.step()
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise FunctionError("json: unsupported value")
        return float(value)
    if isinstance(value, List):
        return List([as_json(item, budget) for item in value.items])
    if isinstance(value, Map):
        return Map({key: as_json(item, budget) for key, item in value.items.items()})
    if isinstance(value, bytes):
        budget.memory(len(value))  # an alias repeats it with three characters
        return runes(value).encode()
    return value
