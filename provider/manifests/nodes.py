"""Nodes of a YAML document: what they hold, what it was spelled as, and where it stands."""

import re
from dataclasses import dataclass
from typing import Literal

ScalarKind = Literal["text", "integer", "number", "boolean", "null"]

_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One word. `text` is its spelling (unescaped), `kind` what YAML makes of it."""

    text: str
    kind: ScalarKind
    line: int
    column: int
    block: bool = False
    """Whether it is a `|` block: its own lines are then lines of the document."""
    size: int = 1
    height: int = 0

    @property
    def words(self) -> str | None:
        """What was surely meant as text: text, or an integer that is spelled the only way."""
        if self.kind == "text" or (
            self.kind == "integer" and _PLAIN_INTEGER.fullmatch(self.text) is not None
        ):
            return self.text
        return None


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    nodes: tuple["Node", ...]
    line: int
    column: int
    size: int
    height: int


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping, with `<<` merged in. `repeated` are the keys that stand twice: first wins."""

    entries: dict[str, "Field"]
    repeated: tuple[Scalar, ...]
    line: int
    column: int
    size: int
    height: int

    def __getitem__(self, key: str) -> "Node | None":
        found = self.entries.get(key)
        return found.node if found else None


Node = Scalar | Items | Fields


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a mapping and what it holds."""

    key: Scalar
    node: Node


def kind_of(node: Node) -> str:
    """What a node is, in words for a message."""
    if isinstance(node, Fields):
        return "a mapping"
    if isinstance(node, Items):
        return "a list"
    words = {"text": "text", "integer": "an integer", "number": "a number", "null": "nothing"}
    return words.get(node.kind, "a boolean")
