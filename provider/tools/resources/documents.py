"""YAML nodes as the JSON that the API server would get, and nodes by the paths of problems."""

import json

from provider.manifests.nodes import Field, Fields, Items, Node, Scalar


def as_json(node: Node) -> object:
    """The value of a node, with the types of YAML 1.1."""
    if isinstance(node, Fields):
        return {name: as_json(field.node) for name, field in node.entries.items()}
    if isinstance(node, Items):
        return [as_json(one) for one in node.nodes]
    return _scalar(node)


def _scalar(node: Scalar) -> object:
    if node.kind == "null":
        return None
    if node.kind == "boolean":
        return node.text.lower() in {"true", "yes", "on", "y"}
    if node.kind == "integer":
        return _number(node.text)
    if node.kind == "number":
        return _real(node.text)
    return node.text


def _number(text: str) -> object:
    """An integer; text stays text where Python does not read it as one (`1:30`, `0777`)."""
    plain = text.replace("_", "")
    try:
        return int(plain, 0) if len(plain) < 100 else plain
    except ValueError:
        return plain


def _real(text: str) -> object:
    try:
        return float(text.replace("_", ""))
    except ValueError:  # .inf and .nan, which JSON does not have
        return text


def node_at(root: Fields, path: str) -> tuple[Node, bool]:
    """The node at a path such as `spec.data[0].remoteRef`, or the nearest one around it.

    The second value says whether the node itself is there.
    """
    node, _, is_there = _walk(root, path)
    return node, is_there


def key_at(root: Fields, path: str) -> Node:
    """The key of the entry at a path, or the nearest node around it."""
    node, key, is_there = _walk(root, path)
    return key if is_there else node


def _walk(root: Fields, path: str) -> tuple[Node, Node, bool]:
    """The node at a path, or the nearest one around it; its key; and whether it is there."""
    node: Node = root
    key: Node = root
    rest = path
    while rest:
        step = _step(node, rest)
        if step is None:
            return node, key, False
        key, node, rest = step
    return node, key, True


def _step(node: Node, rest: str) -> tuple[Node, Node, str] | None:
    """The key and the node of the first step, and the rest of the path."""
    if rest.startswith("[") and isinstance(node, Items):
        index, bracket, after = rest[1:].partition("]")
        if bracket and index.isdecimal() and int(index) < len(node.nodes):
            item = node.nodes[int(index)]
            return item, item, after.removeprefix(".")
        return None
    if not isinstance(node, Fields):
        return None
    found = [
        (written, field)
        for name, field in node.entries.items()
        for written in (name, json.dumps(name, ensure_ascii=False))
        if _begins(rest, written)
    ]
    if not found:
        return None
    written, field = max(found, key=_length)
    return field.key, field.node, rest[len(written) :].removeprefix(".")


def _begins(rest: str, name: str) -> bool:
    """Whether a path begins with this key, which may contain dots itself."""
    return bool(name) and rest.startswith(name) and rest[len(name) :][:1] in ("", ".", "[")


def _length(found: tuple[str, Field]) -> int:
    return len(found[0])


def as_node(value: object) -> Node:
    """A JSON value as a node without a place."""
    if isinstance(value, dict):
        fields = {str(key): Field(_text(str(key)), as_node(one)) for key, one in value.items()}
        return Fields(fields, (), 1, 1)
    if isinstance(value, list):
        return Items(tuple(as_node(one) for one in value), 1, 1)
    if value is None:
        return Scalar("", "null", 1, 1)
    if isinstance(value, bool):
        return Scalar("true" if value else "false", "boolean", 1, 1)
    if isinstance(value, int | float):
        return Scalar(str(value), "integer" if isinstance(value, int) else "number", 1, 1)
    return _text(str(value))


def _text(text: str) -> Scalar:
    return Scalar(text, "text", 1, 1)
