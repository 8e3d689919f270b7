"""The state of a rendering: its variables and current place; and the errors at that place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from provider.controller.template.errors import TemplateError
from provider.controller.template.limits import Budget
from provider.controller.template.nodes import Node, Text, Variable
from provider.controller.template.registry import Function
from provider.controller.template.unicode_text import to_utf8
from provider.controller.template.values import Value

_MOST_SOURCE: Final = 100


@dataclass(frozen=True, slots=True)
class Program:
    """A parsed template: its name, its text, its trees, and what it may call."""

    name: str
    text: str = field(repr=False)
    trees: Mapping[str, Sequence[Node]] = field(repr=False)
    functions: Mapping[str, Function] = field(repr=False)
    missing_key_fails: bool


class State:
    """A program that is being rendered: its variables, and the place for errors."""

    def __init__(self, program: Program, budget: Budget) -> None:
        self.program = program
        self.budget = budget
        self.variables: list[tuple[str, Value]] = []
        self.template = program.name
        self.node: Node = Text(0, b"")
        self.depth = 0

    def error(self, reason: str) -> TemplateError:
        """The error of a reason, with the place of the current node."""
        before = self.program.text[: self.node.position]
        line = before.count("\n") + 1
        column = len(to_utf8(before[before.rfind("\n") + 1 :]))
        place = f"{self.program.name}:{line}:{column}"
        source = self.node.source()
        if len(source) > _MOST_SOURCE:
            source = source[: _MOST_SOURCE - 1] + "…"
        message = f'template: {place}: executing "{self.template}" at <{source}>: {reason}'
        return TemplateError(message, place=place, fault=reason)

    def at(self, node: Node) -> None:
        """Makes a node the current one, and counts a step."""
        self.node = node
        self.budget.step()

    def assign(self, name: str, value: Value) -> None:
        """Gives the latest variable of the name a value."""
        for index in range(len(self.variables) - 1, -1, -1):
            if self.variables[index][0] == name:
                self.variables[index] = (name, value)
                return
        raise self.error(f"undefined variable: {name}")

    def variable(self, node: Variable) -> Value:
        """The value of a variable."""
        self.at(node)
        for name, value in reversed(self.variables):
            if name == node.names[0]:
                return value
        raise self.error(f"undefined variable: {node.names[0]}")
