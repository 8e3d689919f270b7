"""How the tables of keys are declared: one dataclass for each JSON object.

A key is `name: type = field(…)`, and required if it has no default. The type is `str`, `bool`,
`int`, `float` (a Go duration, held in seconds), a `Literal` of texts, `Mapping[str, str]`,
`tuple[X, ...]`, another table, or `X | None`.
"""

import collections.abc
import dataclasses
import functools
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import (
    Any,
    Literal,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

T = TypeVar("T")

Version = Literal["v1", "v1beta1", "v1alpha1"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Limits of a text that the API server checks too."""

    words: str
    """The limits as they follow "must be"."""
    pattern: str
    longest: int


_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
NAME = Shape("a name: lower-case letters, digits, '-' and '.'", f"^{_SUBDOMAIN}$", 253)
NAMESPACE = Shape(
    "the name of a namespace: lower-case letters, digits and '-'",
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    63,
)
SECRET_KEY = Shape("a key of a Secret: letters, digits, '-', '_' and '.'", "^[-._a-zA-Z0-9]+$", 253)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that the API server checks by CEL when an object is applied."""

    cel: str
    message: str
    """Of External Secrets Operator's webhook, byte for byte."""
    expression: str = ""
    """CEL that makes the message where it quotes a value."""


@dataclass(frozen=True, slots=True)
class Key:
    """What the annotation of a field does not say: the arguments of `field`."""

    meaning: str
    """For `kubectl explain`."""
    name: str = ""
    """In JSON, where it is not the field's name in camelCase."""
    stored: Mapping[Version, object] = dataclasses.field(default_factory=dict)
    """The default that the API server writes into objects, by version."""
    shape: Shape | None = None
    items: Shape | None = None
    """Limits of each text of a list."""
    only_v1: bool = False
    """Absent in v1beta1."""
    choices: Mapping[Version, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """The enum in the CRD where it is not that of the annotation; empty for none."""
    any_case: bool = False
    """Choices are read without regard to case."""
    refusal: str = ""
    """The text for a value that is none of the choices, with `{}` for it."""
    number_too: bool = False
    """A duration may also be an integer of seconds: from v1 on, or always for v1beta1."""
    extra: Mapping[str, object] = dataclasses.field(default_factory=dict)
    """More entries of the schema."""
    rules: tuple[Rule, ...] = ()


NO_TEXTS: Mapping[str, str] = types.MappingProxyType({})


@overload
def field(meaning: str, *, default: T, **about: Any) -> T: ...
@overload
def field(meaning: str, **about: Any) -> Any: ...
def field(meaning: str, *, default: object = MISSING, **about: Any) -> Any:
    """The field of a key; `about` are the other attributes of its `Key`."""
    metadata = {"key": Key(meaning, **about)}
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def table(declared: type[T]) -> type[T]:
    """Make a table of a class."""
    return dataclass(frozen=True, slots=True, kw_only=True)(declared)


@dataclass(frozen=True, slots=True)
class Column:
    """One key of a table, as the parser and the generator read it."""

    attribute: str
    name: str
    """In JSON."""
    key: Key
    type: Any
    """The annotation without `None`."""
    required: bool


@functools.cache
def columns(declared: type) -> tuple[Column, ...]:
    """The keys of a table, in order."""
    hints = get_type_hints(declared)
    return tuple(_column(one, hints[one.name]) for one in dataclasses.fields(declared))


@functools.cache
def known_names(declared: type) -> frozenset[str] | None:
    """The names of the keys of a table; None where the API server keeps other keys too."""
    if extra(declared).get("x-kubernetes-preserve-unknown-fields"):
        return None
    return frozenset(one.name for one in columns(declared))


def _column(one: "dataclasses.Field[object]", annotation: Any) -> Column:
    about: Key = one.metadata["key"]
    return Column(
        attribute=one.name,
        name=about.name or _camel_case(one.name),
        key=about,
        type=_without_none(annotation),
        required=one.default is one.default_factory is MISSING,
    )


def rules(declared: type) -> tuple[Rule, ...]:
    """The rules about several keys of a table."""
    found: tuple[Rule, ...] = getattr(declared, "RULES", ())
    return found


def extra(declared: type) -> Mapping[str, object]:
    """More entries of a table's schema, such as `minProperties`."""
    found: Mapping[str, object] = getattr(declared, "EXTRA", {})
    return found


def choices(annotation: Any) -> tuple[str, ...] | None:
    """The texts of a `Literal`; None for any other type."""
    return get_args(annotation) if get_origin(annotation) is Literal else None


def item_type(annotation: Any) -> Any | None:
    """The type of the items of a `tuple[X, ...]`; None for any other type."""
    return get_args(annotation)[0] if get_origin(annotation) is tuple else None


def is_mapping(annotation: Any) -> bool:
    """Whether the type is `Mapping[str, str]`."""
    return get_origin(annotation) is collections.abc.Mapping


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(one for one in get_args(annotation) if one is not type(None))
    return annotation
