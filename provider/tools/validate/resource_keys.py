"""Keys of External Secrets resources that no version has: the API server drops them.

`kubectl apply` refuses them by default; Argo CD and others drop them without a message.
"""

import dataclasses
from collections.abc import Hashable, Iterator, Mapping
from typing import cast

from provider.controller.resources.table import Column, columns, item_type
from provider.manifests.keys import closest
from provider.manifests.nodes import Fields, Items, Node
from provider.manifests.problems import quote
from provider.tools.resources.kinds import KINDS, version_of
from provider.tools.resources.parsed import Resource
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding
from provider.tools.validate.resource_findings import finding, finding_at_key

_ROOT = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_OPEN = frozenset({"Provider", "WrappedGenerator"})
"""Tables of which the parser reports foreign keys itself."""


def check_keys(resource: Resource) -> Iterator[Finding]:
    """Unknown keys, keys that a version does not have, and keys that occur twice."""
    root = resource.manifest.node
    for name in root.entries.keys() - _ROOT:
        yield _unknown(resource, name, name, _ROOT)
    yield from _repeated(resource, root, "")
    spec = root["spec"]
    if isinstance(spec, Fields):
        yield from _check(resource, spec, KINDS[resource.kind].table, "spec")


def _check(resource: Resource, node: Fields, table: type, path: str) -> Iterator[Finding]:
    known = {column.name: column for column in columns(cast("Hashable", table))}
    yield from _repeated(resource, node, path)
    for name, field in node.entries.items():
        column, at = known.get(name), f"{path}.{name}"
        if column is None:
            if table.__name__ not in _OPEN:
                yield _unknown(resource, at, name, known)
        elif column.key.only_v1 and version_of(resource.manifest) == "v1beta1":
            message = "does not exist in v1beta1: the API server drops it"
            hint = "write apiVersion: external-secrets.io/v1"
            yield finding_at_key(resource, rules.UNKNOWN_KEY, at, message, hint)
        else:
            yield from _check_value(resource, field.node, column, at)


def _check_value(resource: Resource, node: Node, column: Column, path: str) -> Iterator[Finding]:
    inner = item_type(column.type) or column.type
    if not dataclasses.is_dataclass(inner):
        yield from _repeated(resource, node, path) if isinstance(node, Fields) else ()
        return
    table = cast("type", inner)
    if isinstance(node, Fields):
        yield from _check(resource, node, table, path)
    elif isinstance(node, Items):
        for index, item in enumerate(node.nodes):
            if isinstance(item, Fields):
                yield from _check(resource, item, table, f"{path}[{index}]")


def _unknown(
    resource: Resource, path: str, name: str, known: Mapping[str, object] | frozenset[str]
) -> Finding:
    meant = closest(name, known)
    hint = f"did you mean {meant}" if meant else ""
    message = f"key {quote(name)} is not known: kubectl refuses it, others drop it"
    return finding_at_key(resource, rules.UNKNOWN_KEY, path, message, hint)


def _repeated(resource: Resource, node: Fields, path: str) -> Iterator[Finding]:
    for again in node.repeated:
        yield finding(resource, rules.RESOURCE, path, f"key {quote(again.text)} occurs twice")
