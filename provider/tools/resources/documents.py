"""YAML nodes as the JSON that the API server would get, and nodes by the paths of problems."""

import json
import re

from provider.manifests.nodes import Field, Fields, Items, Node, Scalar

_OCTAL = re.compile("[-+]?0[0-7]+")


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
    plain = node.text.replace("_", "")
    try:
        if node.kind == "integer":
            base = 8 if _OCTAL.fullmatch(plain) else 0
            return int(plain, base) if len(plain) < 100 else plain
        return float(plain) if node.kind == "number" else node.text
    except ValueError:  # `1:30`, or .inf and .nan, which JSON does not have
        return plain if node.kind == "integer" else node.text


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
    found = {
        written: field
        for name, field in node.entries.items()
        for written in (name, json.dumps(name, ensure_ascii=False))
        if written and rest.startswith(written) and rest[len(written) :][:1] in ("", ".", "[")
    }
    if not found:
        return None
    written = max(found, key=len)  # a key may contain dots itself
    return found[written].key, found[written].node, rest[len(written) :].removeprefix(".")


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
