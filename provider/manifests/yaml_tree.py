"""Parses YAML into a tree of nodes with line and column, within bounds for hostile input.

It reads the events of the parser and does not use `safe_load`: it sees an alias bomb, a tag or a
repeated key before it builds anything, every node has its line and column, and an unquoted word
keeps its spelling, so `objectAlias: yes` is reported as a boolean and does not become "True".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from provider.manifests.nodes import Field, Fields, Items, Node, Scalar, ScalarKind, kind_of
from provider.manifests.problems import InvalidSpec, Problem, quote

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.resolver.Resolver()
"""Names the type of an unquoted word."""

_TAG = "tag:yaml.org,2002:"
_REMEDIES = {
    "cannot start any token": ": indent with spaces, not tabs, and quote a value with @, % or `",
    "mapping values are not allowed": ": check the indentation, and quote a value with a colon",
}
"""What the most frequent messages of the parser mean."""
_TEMPLATE_REMEDY = ": quote a text that begins with {, or render the Helm template first"
_FORBIDDEN = "is not YAML: it holds characters that YAML forbids"
MOST_TAG_DIRECTIVES = 100
"""libyaml compares each with all before it, and holds all threads meanwhile."""
_KINDS: dict[str, ScalarKind] = {
    f"{_TAG}int": "integer",
    f"{_TAG}float": "number",
    f"{_TAG}bool": "boolean",
    f"{_TAG}null": "null",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one text. A node is counted each time that an alias repeats it."""

    characters: int = 256 * 1024
    depth: int = 32
    nodes: int = 10_000


def read_document(text: str, path: str, limits: Limits = Limits()) -> Node | None:
    """The only document of `text`; None if there is none.

    Raises `InvalidSpec` with a problem at `path` if the text is not valid or is over a limit.
    """
    reader = _Reader(text, path, limits)
    if not reader.has_document():
        return None
    node = reader.read_document()
    if reader.has_document():
        raise reader.refused("must be one YAML document, but a second one begins")
    return node


def read_documents(text: str, path: str, limits: Limits = Limits()) -> Iterator[Node]:
    """Every document of `text`; raises as `read_document` does."""
    reader = _Reader(text, path, limits)
    while reader.has_document():
        yield reader.read_document()


class _Reader:
    """Makes nodes of the events of one text. The limits hold for all of its documents together."""

    def __init__(self, text: str, path: str, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._nodes = 0
        self._anchors: dict[str, Node] = {}
        self._event: Any = None
        if len(text) > limits.characters:
            limit = limits.characters
            raise self._invalid(f"is too long: {len(text)} characters, {limit} allowed")
        if not _is_unicode(text):  # the C parser and the Python one differ in what they raise
            raise self._invalid(_FORBIDDEN)
        if text.count("%TAG") > MOST_TAG_DIRECTIVES:
            raise self._invalid(f"has more than {MOST_TAG_DIRECTIVES} %TAG directives")
        self._events = yaml.parse(text, _Loader)

    def refused(self, message: str) -> InvalidSpec:
        """An error at the last event."""
        return self._invalid(message, *_place(self._event.start_mark))

    def _invalid(self, message: str, line: int = 0, column: int = 0) -> InvalidSpec:
        return InvalidSpec([Problem(self._path, message, line, column)])

    def has_document(self) -> bool:
        """Whether another document begins; goes to its start."""
        while not isinstance(event := self._next(), yaml.DocumentStartEvent):
            if isinstance(event, yaml.StreamEndEvent):
                return False
        return True

    def read_document(self) -> Node:
        self._anchors = {}
        return self._node(self._next(), 0)

    def _next(self) -> Any:
        try:
            self._event = next(self._events)
        except yaml.MarkedYAMLError as error:
            why = ", ".join(part for part in (error.context, error.problem) if part)
            remedy = next((text for part, text in _REMEDIES.items() if part in why), "")
            place = _place(error.problem_mark)
            raise self._invalid(f"is not YAML: {why}{remedy}", *place) from None
        except (yaml.YAMLError, UnicodeError, ValueError):
            raise self._invalid(_FORBIDDEN) from None
        return self._event

    def _node(self, event: Any, depth: int) -> Node:
        """The node that begins with `event`, within `depth` collections."""
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            if name not in self._anchors:
                raise self.refused(f"alias {quote(name)} is not defined before its use")
            self._repeat(self._anchors[name], depth)
            return self._anchors[name]
        read = self._scalar if isinstance(event, yaml.ScalarEvent) else self._collection
        node = read(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _repeat(self, node: Node, depth: int) -> None:
        """Count a node again, and all nodes in it."""
        if isinstance(node, Scalar):
            self._count(depth)
            return
        self._count(depth + 1)
        for inner in node.nodes:
            self._repeat(inner, depth + 1)

    def _count(self, depth: int) -> None:
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            most = self._limits.nodes
            raise self.refused(f"is too large: more than {most} nodes once aliases are followed")
        if depth > self._limits.depth:
            raise self.refused(f"is nested too deep: more than {self._limits.depth} levels")

    def _scalar(self, event: Any, depth: int) -> Scalar:
        self._count(depth)
        kind: ScalarKind = "text"
        self._check_tag(event, "str")
        if event.tag is None:
            tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
            kind = _KINDS.get(tag, "text")
        if not _is_unicode(event.value):
            raise self.refused("holds half a surrogate pair, which is no character")
        return Scalar(event.value, kind, *_place(event.start_mark), block=event.style == "|")

    def _collection(self, event: Any, depth: int) -> Node:
        is_list = isinstance(event, yaml.SequenceStartEvent)
        self._count(depth + 1)
        self._check_tag(event, "seq" if is_list else "map")
        nodes: list[Node] = []
        while not isinstance(inner := self._next(), yaml.CollectionEndEvent):
            nodes.append(self._node(inner, depth + 1))
        place = _place(event.start_mark)
        return Items(tuple(nodes), *place) if is_list else Fields(*self._entries(nodes), *place)

    def _check_tag(self, event: Any, allowed: str) -> None:
        if event.tag and event.tag not in {"!", _TAG + allowed}:
            raise self.refused(f"tag {quote(event.tag)} is not allowed")

    def _entries(self, nodes: list[Node]) -> tuple[dict[str, Field], tuple[Scalar, ...]]:
        own: dict[str, Field] = {}
        repeated: list[Scalar] = []
        for key, node in zip(nodes[::2], nodes[1::2], strict=True):
            if not isinstance(key, Scalar):
                remedy = _TEMPLATE_REMEDY if isinstance(key, Fields) else ""
                message = f"a key must be text, got {kind_of(key)}{remedy}"
                raise self._invalid(message, key.line, key.column)
            if key.text in own:
                repeated.append(key)
            else:
                own[key.text] = Field(key, node)
        if merge := own.pop("<<", None):
            self._merge(merge.node, own)
        return own, tuple(repeated)

    def _merge(self, node: Node, entries: dict[str, Field]) -> None:
        """Add the entries of one mapping, or of a list of them, whose keys are not there yet."""
        for source in node.nodes if isinstance(node, Items) else (node,):
            if not isinstance(source, Fields):
                message = f"<< merges mappings, got {kind_of(source)}"
                raise self._invalid(message, source.line, source.column)
            for name, field in source.entries.items():
                entries.setdefault(name, field)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _place(mark: Any) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
