"""Reads JSON by a table of keys: a frozen value of the table, and every mistake with its path.

Input may be anything: nothing here raises. A faulty value is replaced by the key's default, so that
the rest can be checked; nobody may use a value that has problems.
"""

import dataclasses
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from provider.controller.resources.durations import go_duration
from provider.controller.resources.object_meta import shared
from provider.controller.resources.regexps import (
    MOST_CLASSES,
    TOO_MANY,
    regexp_fault,
    unicode_classes,
)
from provider.controller.resources.table import (
    Column,
    Key,
    Shape,
    choices,
    columns,
    is_mapping,
    item_type,
    known_names,
)
from provider.manifests.entries import misspelled_as
from provider.manifests.keys import choice_hint, closest
from provider.manifests.problems import Problem, quote

Table = TypeVar("Table")

_MOST_PROBLEMS = 100
_MOST_TABLES = 10_000
_MOST_REGEXPS = 50
"""Objects and regular expressions within one object: they are read on the event loop."""
_MOST_HINTS = 20
"""Hints for one object: each takes up to a millisecond."""
_INTEGERS = range(-(2**63), 2**63)


@dataclass(slots=True)
class Reading:
    """The problems and warnings of one object, at most 100 each.

    `version` is that of its apiVersion: v1beta1 does not have all keys.
    """

    version: str = ""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    _tables: int = 0
    _regexps: int = 0
    _classes: int = 0
    _hints: int = 0

    def wrong(self, path: str, message: str, *, hint: str = "") -> None:
        """Add a problem; see `Problem` for the hint."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(path, message, hint=hint))

    def ignored(self, path: str, message: str, *, hint: str = "", key: str = "") -> None:
        """Add a warning: something has no effect, or another one than it seems."""
        if len(self.warnings) < _MOST_PROBLEMS:
            self.warnings.append(Problem(path, message, hint=hint, key=key))

    def is_faulty(self, path: str) -> bool:
        """Whether there is a problem at `path` or below."""
        below = (f"{path}.", f"{path}[")
        return any(one.path == path or one.path.startswith(below) for one in self.problems)

    def regexp(self, pattern: str, path: str, text: str = "{}") -> None:
        """Add a problem, with `text` around it, if a regular expression does not compile."""
        self._regexps += 1
        self._classes += unicode_classes(pattern)
        if self._regexps <= _MOST_REGEXPS:
            fault = regexp_fault(pattern) if self._classes <= MOST_CLASSES else TOO_MANY
            if fault:
                self.wrong(path, text.format(fault))
        elif self._regexps == _MOST_REGEXPS + 1:
            self.wrong(path, f"there are more than {_MOST_REGEXPS} regular expressions")

    def table(self, value: object, table: type[Table], path: str) -> Table:
        """The value of a table; null and absence count as an empty mapping."""
        if value is not None and not isinstance(value, dict):
            self.wrong(path, f"must be a mapping, got {kind_of(value)}")
        self._tables += 1
        found = cast("Mapping[str, object]", value) if isinstance(value, dict) else {}
        declared: type = table
        known = known_names(declared)
        is_known = known is None or found.keys() <= known
        misspelled = {} if is_known else self._unknown(found, declared, path)
        given = {
            one.attribute: read
            for one in columns(declared)
            if one.required or found.get(one.name) is not None  # else its default applies
            if (read := self._column(found.get(one.name), one, path, misspelled)) is not _ABSENT
        }
        return table(**given)

    def _unknown(self, found: Mapping[str, object], table: type, path: str) -> Mapping[str, str]:
        """Warn of keys that the table does not have.

        Returns the missing keys that they resemble, each with the unknown key.
        """
        known = [one.name for one in columns(table)]
        missing = [name for name in known if name not in found]
        misspelled: dict[str, str] = {}
        for name in (one for one in found if one not in known):
            meant = closest(name, missing) if self._may_hint() else None
            hint = f"did you mean {meant}" if meant else ""
            at = f"{path}.{_segment(name)}" if path else _segment(name)
            self.ignored(at, unknown_key(name), hint=hint, key=name)
            if meant:
                misspelled.setdefault(meant, name)
        return misspelled

    def _column(
        self, value: object, column: Column, path: str, misspelled: Mapping[str, str]
    ) -> object:
        """The value of a key; `_ABSENT` where its default applies."""
        path = f"{path}.{column.name}" if path else column.name
        if value is None or (value == "" and choices(column.type)):
            if not column.required:
                return _ABSENT
            self.wrong(path, "is required", hint=misspelled_as(misspelled.get(column.name)))
            return _zero(column.type)
        if column.key.only_v1 and self.version == "v1beta1":
            message = "does not exist in v1beta1: the API server drops it"
            self.ignored(path, message, hint=_WRITE_V1, key=column.name)
        try:
            return self._value(value, column, column.type, path)
        except ValueError as error:
            self.wrong(path, str(error), hint=self._choice_hint(value, column, column.type))
            return _zero(column.type) if column.required else _ABSENT

    def _choice_hint(self, value: object, column: Column, kind: Any) -> str:
        """A hint at the choice that a wrong value resembles; empty without one."""
        options = None if column.key.refusal else choices(kind)
        if not options or not isinstance(value, str) or not self._may_hint():
            return ""
        return choice_hint(value, options)

    def _may_hint(self) -> bool:
        self._hints += 1
        return self._hints <= _MOST_HINTS

    def _value(self, value: object, column: Column, kind: Any, path: str) -> object:
        """The value of a type; raises ValueError with what is wrong with it."""
        if kind is str or choices(kind):  # most are
            return _text(value, column, kind)
        if dataclasses.is_dataclass(kind):
            return self.table(value, cast("type", kind), path)
        if (item := item_type(kind)) is not None:
            return self._items(value, column, item, path)
        if is_mapping(kind):
            return self._texts(value, path)
        return _plain(value, column, kind)

    def _items(self, value: object, column: Column, kind: Any, path: str) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise ValueError(f"must be a list, got {kind_of(value)}")
        read = []
        for index, item in enumerate(value):
            at = f"{path}[{index}]"
            if self._tables >= _MOST_TABLES:
                raise ValueError(f"there are more than {_MOST_TABLES} entries")
            try:
                read.append(self._value(item, column, kind, at))
            except ValueError as error:
                self.wrong(at, str(error), hint=self._choice_hint(item, column, kind))
        return tuple(read)

    def _texts(self, value: object, path: str) -> Mapping[str, str]:
        if not isinstance(value, dict):
            raise ValueError(f"must be a mapping, got {kind_of(value)}")
        texts = {}
        for name, text in value.items():
            if isinstance(text, str):
                texts[name] = text
            elif text is not None:
                at = f"{path}.{_segment(name)}"
                self.wrong(at, f"must be text, got {kind_of(text)}: quote it")
        return types.MappingProxyType(texts)


_ABSENT = object()
_WRITE_V1 = "write apiVersion: external-secrets.io/v1"


def unknown_key(name: str) -> str:
    """The message about a key that the CRD does not have."""
    return f"key {quote(name)} is not known: kubectl refuses it, other tools drop it"


def kind_of(value: object) -> str:
    """A JSON type in words."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text"}
    names |= {list: "a list", dict: "a mapping", type(None): "null"}
    return names.get(type(value), "something else")


def _zero(kind: Any) -> object:
    """A value of the right type in place of a required one that is missing."""
    if dataclasses.is_dataclass(kind):
        return Reading().table({}, cast("type", kind), "")
    if options := choices(kind):
        return options[0]
    if item_type(kind) is not None:
        return ()
    return types.MappingProxyType({}) if is_mapping(kind) else kind()


def _plain(value: object, column: Column, kind: type) -> object:
    if kind is float:
        return _duration(value, number_too=column.key.number_too)
    if type(value) is not kind:
        words = "true or false" if kind is bool else "a whole number"
        remedy = ": leave out the quotes" if isinstance(value, str) else ""
        raise ValueError(f"must be {words}, got {kind_of(value)}{remedy}")
    if kind is int and value not in _INTEGERS:
        raise ValueError("is too large")
    return value


def _duration(value: object, *, number_too: bool) -> float:
    if number_too and type(value) is int:
        if abs(value) > 2**31:
            raise ValueError("is too large")
        return float(value)
    if not isinstance(value, str):
        raise ValueError(f"must be a duration such as 1h or 1h30m, got {kind_of(value)}")
    if number_too and re.fullmatch(r"-?[0-9]{1,9}", value):
        return float(value)
    return go_duration(value)


def _text(value: object, column: Column, kind: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, got {kind_of(value)}: quote it")
    options = None if kind is str else choices(kind)
    if options:
        return _choice(value, options, column.key)
    shape = column.key.shape if kind is column.type else column.key.items
    if shape is not None and value and not fits(value, shape):
        raise ValueError(f"must be {shape.words}, at most {shape.longest}, got {quote(value)}")
    if shape is not None and not value and column.required:
        raise ValueError("is required")
    return shared(value)


def _choice(value: str, options: tuple[str, ...], key: Key) -> str:
    if value in options:
        return shared(value)
    by_lower = {option.lower(): option for option in options} if key.any_case else {}
    if found := by_lower.get(value.lower()):
        return found
    if key.refusal:
        raise ValueError(key.refusal.format(quote(value)))
    *others, last = options
    listed = f"{', '.join(others)} or {last}" if others else last
    raise ValueError(f"must be {listed}, got {quote(value)}")


def fits(text: str, shape: Shape) -> bool:
    """Whether a text keeps the limits of a shape."""
    return (
        len(text) <= shape.longest
        and re.fullmatch(shape.pattern, text) is not None
        and "\n" not in text
    )


def _segment(name: str) -> str:
    """A key of a mapping as a part of a path; quoted where it is no plain word."""
    return name if re.fullmatch(r"[-._/a-zA-Z0-9]{1,100}", name) else quote(name)
