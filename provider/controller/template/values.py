"""The Go values that templates use, and the names of their types.

A Go string is bytes, so it is `bytes` here, and binary secrets stay undamaged. `int` is Go's `int`,
`None` is `nil`. Complex numbers, channels and functions do not exist.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

Value: TypeAlias = object
"""None, bool, int (and its subclasses below), float, bytes, List, Map, Moment, Version, Pair."""

ANY: Final = "interface {}"


class Int64(int):
    """Go's int64."""


class Uint8(int):
    """Go's uint8."""


class Uint32(int):
    """Go's uint32."""


class Uint64(int):
    """Go's uint64."""


@dataclass(slots=True, eq=False)
class List:
    """A Go slice of elements of the type `elem`. Only `sortAlpha` changes one."""

    items: list[Value] = field(repr=False)
    elem: str = ANY
    nil: bool = False


@dataclass(slots=True, eq=False)
class Map:
    """A Go map of strings to values of the type `elem`. `set`, `unset` and `merge` change one."""

    items: dict[bytes, Value] = field(repr=False)
    elem: str = ANY


@dataclass(frozen=True, slots=True)
class Moment:
    """A Go time: a date and its nanoseconds below a microsecond, and the name of its zone."""

    at: datetime
    nanoseconds: int = 0
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version as Masterminds/semver parses it."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    metadata: str = ""
    original: str = ""

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        text += f"-{self.prerelease}" if self.prerelease else ""
        return text + (f"+{self.metadata}" if self.metadata else "")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, both PEM: sprig's `certificate`."""

    cert: bytes = field(repr=False)
    key: bytes = field(repr=False)


def wrapped(number: int) -> Int64:
    """The number as an int64 that overflows like Go's."""
    return Int64((number + (1 << 63)) % (1 << 64) - (1 << 63))


def strings(items: list[bytes]) -> List:
    """A `[]string`."""
    return List(list(items), "string")


_TYPES: Final[dict[type, str]] = {
    type(None): "<nil>", bool: "bool", int: "int", Int64: "int64", Uint8: "uint8",
    Uint32: "uint32", Uint64: "uint64", float: "float64", bytes: "string",
    Moment: "time.Time", Version: "*semver.Version", Pair: "sprig.certificate",
}  # fmt: skip
_KINDS: Final[dict[type, str]] = {
    List: "slice", Map: "map", Moment: "struct", Pair: "struct", Version: "ptr",
    type(None): "invalid",
}  # fmt: skip


def type_name(value: Value) -> str:
    """The type as `%T` prints it."""
    if isinstance(value, List):
        return f"[]{value.elem}"
    if isinstance(value, Map):
        return f"map[string]{value.elem}"
    return _TYPES[type(value)]


def kind_name(value: Value) -> str:
    """The kind as reflect names it."""
    kind = _KINDS.get(type(value))
    return kind if kind is not None else _TYPES[type(value)]


def is_true(value: Value) -> bool:
    """Whether `if` takes the value as true: it is not the zero value of its type."""
    if isinstance(value, List | Map):
        return bool(value.items)
    if isinstance(value, Moment | Pair | Version):
        return True
    return bool(value)


def zero_of(elem: str) -> Value:
    """The zero value of an element type."""
    return {"string": b"", "int": 0}.get(elem)


def size_of(value: Value) -> int:
    """Roughly the memory of a value in bytes, its elements not included."""
    if isinstance(value, bytes):
        return len(value) + 48
    if isinstance(value, List | Map):
        return len(value.items) * 16 + 64
    return 32
