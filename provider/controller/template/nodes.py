"""The parts of a parsed template. `source` is the text of a part, as Go prints it in errors."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from provider.controller.template.unicode_text import from_utf8, quote


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a template and its offset in the template's text."""

    position: int

    def source(self) -> str:
        """The part as Go prints it."""
        return ""


@dataclass(frozen=True, slots=True)
class Text(Node):
    """What is copied to the output."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A boolean, a string or `nil`, and how it is written."""

    value: object = field(repr=False)
    written: str

    def source(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number: its values as the types that can hold it, and how it is written."""

    integer: int | None
    real: float | None
    written: str

    def source(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True)
class Dot(Node):
    """The cursor."""

    def source(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class Field(Node):
    """`.a.b`"""

    names: tuple[str, ...]

    def source(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Variable(Node):
    """`$a.b`: the name with its `$`, then fields."""

    names: tuple[str, ...]

    def source(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Fields of a function call or of parentheses: `(f).a`."""

    of: Node
    names: tuple[str, ...]

    def source(self) -> str:
        inner = self.of.source()
        if isinstance(self.of, Pipe):
            inner = f"({inner})"
        return inner + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Identifier(Node):
    """The name of a function."""

    name: str

    def source(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Command(Node):
    """A function or operand, and its arguments."""

    args: tuple[Node, ...]

    def source(self) -> str:
        return " ".join(
            f"({arg.source()})" if isinstance(arg, Pipe) else arg.source() for arg in self.args
        )


@dataclass(frozen=True, slots=True)
class Pipe(Node):
    """Commands, each of which gets the value of the one before, and the variables to set."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    assigns: bool = False

    def source(self) -> str:
        text = " | ".join(command.source() for command in self.commands)
        if not self.variables:
            return text
        return f"{', '.join(self.variables)} {'=' if self.assigns else ':='} {text}"


@dataclass(frozen=True, slots=True)
class Action(Node):
    """`{{ pipeline }}`"""

    pipe: Pipe

    def source(self) -> str:
        return "{{" + self.pipe.source() + "}}"


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """`if`, `with` or `range`: `word` says which."""

    word: str
    pipe: Pipe
    body: Sequence[Node]
    otherwise: Sequence[Node] | None

    def source(self) -> str:
        return "{{" + f"{self.word} {self.pipe.source()}" + "}}"


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`{{ template "name" pipeline }}`"""

    name: str
    pipe: Pipe | None

    def source(self) -> str:
        pipe = f" {self.pipe.source()}" if self.pipe else ""
        return (
            "{{template "
            + from_utf8(quote(self.name.encode("utf-8", "surrogateescape")))
            + pipe
            + "}}"
        )


@dataclass(frozen=True, slots=True)
class Jump(Node):
    """`break` or `continue`: `word` says which."""

    word: str

    def source(self) -> str:
        return "{{" + self.word + "}}"


@dataclass(frozen=True, slots=True)
class End(Node):
    """`end` or `else`. It never becomes part of a template."""

    word: str

    def source(self) -> str:
        return "{{" + self.word + "}}"
