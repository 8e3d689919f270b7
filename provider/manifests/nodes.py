"""Nodes of a YAML document: content, spelling and place."""

import re
from dataclasses import dataclass
from typing import Literal

ScalarKind = Literal["text", "integer", "number", "boolean", "null"]

_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One scalar. `text` is its spelling (unescaped), `kind` the type that YAML gives it."""

    text: str
    kind: ScalarKind
    line: int
    column: int
    block: bool = False
    """Whether it is a `|` block: its own lines are then lines of the document."""

    @property
    def words(self) -> str | None:
        """The text, if the author meant text: text, or an integer that has one spelling only."""
        is_plain = self.kind == "integer" and _PLAIN_INTEGER.fullmatch(self.text)
        return self.text if is_plain or self.kind == "text" else None


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    nodes: tuple["Node", ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping, with `<<` merged in. `repeated` are keys that occur twice: the first counts."""

    entries: dict[str, "Field"]
    repeated: tuple[Scalar, ...]
    line: int
    column: int

    @property
    def nodes(self) -> tuple["Node", ...]:
        """All keys and values."""
        return tuple(node for one in self.entries.values() for node in (one.key, one.node))

    def __getitem__(self, key: str) -> "Node | None":
        found = self.entries.get(key)
        return found.node if found else None


Node = Scalar | Items | Fields


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a mapping and its value."""

    key: Scalar
    node: Node


def kind_of(node: Node | None) -> str:
    """What a node is, in words for a message."""
    if node is None:
        return "nothing"
    if isinstance(node, Fields):
        return "a mapping"
    if isinstance(node, Items):
        return "a list"
    words = {"text": "text", "integer": "an integer", "number": "a number", "null": "nothing"}
    return words.get(node.kind, "a boolean")
