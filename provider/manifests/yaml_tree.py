"""Parses YAML into a tree of nodes with line and column, within bounds for hostile input.

It reads the events of the parser and does not use `safe_load`: it sees an alias bomb, a tag or a
repeated key before it builds anything, every node has its line and column, and an unquoted word
keeps its spelling, so `objectAlias: yes` is reported as a boolean and does not become "True".
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from provider.manifests.nodes import Field, Fields, Items, Node, Scalar, ScalarKind, kind_of
from provider.manifests.problems import quote

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TAG = "tag:yaml.org,2002:"
_REMEDIES = {
    "cannot start any token": ": indent with spaces, not tabs, and quote a value with @, % or `",
    "mapping values are not allowed": ": check the indentation, and quote a value with a colon",
}
"""What the most frequent messages of the parser mean."""
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


class NotReadable(Exception):
    """The text is not valid YAML, or is over a limit; has a message and a place."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        self.line, self.column = line, column
        self.message = message
        super().__init__(message)


def read_document(text: str, limits: Limits = Limits()) -> Node | None:
    """The only document of `text`; None if there is none; raises `NotReadable`."""
    documents = _Documents(text, limits)
    first = next(documents, None)
    if first is not None and documents.more():
        raise NotReadable("must be one YAML document, but a second one begins", *documents.place)
    return first


def read_documents(text: str, limits: Limits = Limits()) -> Iterator[Node]:
    """Every document of `text`; raises `NotReadable`."""
    return _Documents(text, limits)


@dataclass(slots=True)
class _Open:
    """A collection whose end event has not been read yet."""

    event: Any
    nodes: list[Node] = field(default_factory=list)


class _Documents(Iterator[Node]):
    """Iterates over documents; the limits hold for the whole text."""

    def __init__(self, text: str, limits: Limits) -> None:
        if len(text) > limits.characters:
            raise NotReadable(f"is too long: {len(text)} characters, {limits.characters} allowed")
        self._limits = limits
        self._nodes = 0
        self._event: Any = None
        self._loader = self._guarded(_open_loader, text)

    @property
    def place(self) -> tuple[int, int]:
        """Line and column of the last event, from 1."""
        return _place(self._event)

    def more(self) -> bool:
        """Whether another document begins."""
        return isinstance(self._next_event(), yaml.DocumentStartEvent)

    def __next__(self) -> Node:
        while not isinstance(self._event, yaml.DocumentStartEvent):
            if self._event is not None and isinstance(self._event, yaml.StreamEndEvent):
                raise StopIteration
            self._next_event()
        return self._read_tree()

    def _guarded(self, call: Any, *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except yaml.MarkedYAMLError as error:
            why = ", ".join(part for part in (error.context, error.problem) if part)
            remedy = next((text for part, text in _REMEDIES.items() if part in why), "")
            raise NotReadable(f"is not YAML: {why}{remedy}", *_mark(error.problem_mark)) from None
        except (yaml.YAMLError, UnicodeError, ValueError):
            raise NotReadable("is not YAML: it holds characters that YAML forbids") from None

    def _next_event(self) -> Any:
        self._event = self._guarded(self._loader.get_event)
        return self._event

    def _read_tree(self) -> Node:
        """The tree of one document. An explicit stack keeps deep input from recursing."""
        anchors: dict[str, Node] = {}
        stack: list[_Open] = []
        root: Node | None = None
        while not isinstance(event := self._next_event(), yaml.DocumentEndEvent):
            opened = event
            node: Node
            if isinstance(event, yaml.AliasEvent):
                node = self._follow(anchors, event, len(stack))
            elif isinstance(event, yaml.ScalarEvent):
                node = self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._check_collection(event, len(stack))
                stack.append(_Open(event))
                continue
            else:
                done = stack.pop()
                node, opened = _close(done), done.event
            if opened.anchor and not isinstance(event, yaml.AliasEvent):
                anchors[opened.anchor] = node
            if stack:
                stack[-1].nodes.append(node)
            else:
                root = node
        if root is None:  # the grammar gives every document a node, an empty one a null
            raise NotReadable("is not YAML: a document without content", *self.place)
        return root

    def _spend(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.nodes:
            raise NotReadable(
                f"is too large: more than {self._limits.nodes} nodes once aliases are followed",
                *self.place,
            )

    def _check_depth(self, depth: int) -> None:
        if depth > self._limits.depth:
            raise NotReadable(
                f"is nested too deep: more than {self._limits.depth} levels", *self.place
            )

    def _follow(self, anchors: dict[str, Node], event: Any, depth: int) -> Node:
        node = anchors.get(event.anchor)
        if node is None:
            name = quote(event.anchor)
            raise NotReadable(f"alias {name} is not defined before its use", *self.place)
        self._spend(node.size)
        self._check_depth(depth + node.height)
        return node

    def _check_collection(self, event: Any, depth: int) -> None:
        self._spend(1)
        self._check_depth(depth + 1)
        allowed = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
        if event.tag not in {None, "!", _TAG + allowed}:
            raise NotReadable(f"tag {quote(event.tag)} is not allowed", *self.place)

    def _scalar(self, event: Any) -> Scalar:
        self._spend(1)
        if event.tag in {"!", f"{_TAG}str"}:
            kind: ScalarKind = "text"
        elif event.tag is not None:
            raise NotReadable(f"tag {quote(event.tag)} is not allowed", *self.place)
        else:
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
            kind = _KINDS.get(tag, "text")
        if not _is_unicode(event.value):
            raise NotReadable("holds half a surrogate pair, which is no character", *self.place)
        return Scalar(event.value, kind, *self.place, block=event.style == "|")


def _open_loader(text: str) -> Any:
    text.encode()  # half surrogates: the C parser and the Python one differ in what they raise
    return _Loader(text)


def _close(collection: _Open) -> Node:
    place = _place(collection.event)
    size = 1 + sum(node.size for node in collection.nodes)
    height = 1 + max((node.height for node in collection.nodes), default=0)
    if isinstance(collection.event, yaml.SequenceStartEvent):
        return Items(tuple(collection.nodes), *place, size=size, height=height)
    entries, repeated = _entries(collection.nodes)
    return Fields(entries, repeated, *place, size=size, height=height)


def _entries(nodes: list[Node]) -> tuple[dict[str, Field], tuple[Scalar, ...]]:
    own: dict[str, Field] = {}
    repeated: list[Scalar] = []
    for key, node in zip(nodes[::2], nodes[1::2], strict=True):
        if not isinstance(key, Scalar):
            remedy = ": quote a text that begins with {" if kind_of(key) == "a mapping" else ""
            what = f"a key must be text, got {kind_of(key)}{remedy}"
            raise NotReadable(what, key.line, key.column)
        if key.text in own:
            repeated.append(key)
        else:
            own[key.text] = Field(key, node)
    merge = own.pop("<<", None)
    if merge:
        return {**_merged(merge.node), **own}, tuple(repeated)
    return own, tuple(repeated)


def _merged(node: Node) -> dict[str, Field]:
    merged: dict[str, Field] = {}
    for source in node.nodes if isinstance(node, Items) else (node,):
        if not isinstance(source, Fields):
            message = f"<< merges mappings, got {kind_of(source)}"
            raise NotReadable(message, source.line, source.column)
        merged = {**source.entries, **merged}
    return merged


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _place(event: Any) -> tuple[int, int]:
    return _mark(event.start_mark)


def _mark(mark: Any) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
