"""The functions of templates: their Go signatures, and how a module adds one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from provider.controller.template.errors import FunctionError
from provider.controller.template.values import (
    ANY,
    List,
    Map,
    Value,
    type_name,
)

ALIASES: Final[Mapping[str, str]] = {
    "any": ANY,
    "float": "float64",
    "dict": f"map[string]{ANY}",
    "list": f"[]{ANY}",
    "time": "time.Time",
    "pair": "sprig.certificate",
    "algorithm": "sprig.HashAlgorithm",
}
_NILABLE: Final = ("any", "dict", "list", "value")


@dataclass(frozen=True, slots=True)
class Function:
    """A function, and the types of its parameters.

    The types are int, uint32, float, string, bool, dict, list, time, pair, algorithm (a named
    string), any, and value (as any, but Go's builtin functions see what a nil is).
    """

    name: str
    call: Callable[..., Value]
    fixed: tuple[str, ...]
    variadic: str | None
    budgeted: bool

    def parameter(self, index: int) -> str:
        """The type of an argument."""
        return self.fixed[index] if index < len(self.fixed) else self.variadic or "any"


_Call = TypeVar("_Call", bound=Callable[..., Value])


class Functions(dict[str, Function]):
    """Functions by their names."""

    def add(
        self, names: str, signature: str = "", *, budget: bool = False
    ) -> Callable[[_Call], _Call]:
        """A decorator that adds a function: `@add("trunc", "int string")`.

        Several names are separated by spaces. A type that ends with `...` is variadic. With
        `budget=True` the function gets the Budget first.
        """
        types = signature.split()
        variadic = types.pop()[:-3] if types and types[-1].endswith("...") else None

        def decorate(call: _Call) -> _Call:
            for name in names.split():
                self[name] = Function(name, call, tuple(types), variadic, budget)
            return call

        return decorate


def accepts_nil(kind: str) -> bool:
    """Whether Go gives `nil` to a parameter of the type."""
    return kind in _NILABLE


def nil_of(kind: str) -> Value:
    """The nil of a type."""
    if kind == "dict":
        return Map({}, ANY)
    return List([], ANY, nil=True) if kind == "list" else None


def is_assignable(value: Value, kind: str) -> bool:
    """Whether Go assigns the value to a parameter of the type."""
    if kind in ("any", "value"):
        return True
    return type_name(value) == go_type(kind)


def go_type(kind: str) -> str:
    """The name of the type in Go's errors."""
    return ALIASES.get(kind, kind)


def items_of(value: Value, doing: str) -> list[Value]:
    """The elements of a list. Raises FunctionError with `doing`, what is done, for other values."""
    if isinstance(value, List):
        return value.items
    if value is None:
        raise FunctionError(f"cannot {doing} nil")
    raise FunctionError(f"cannot {doing} type {type_name(value)}")
