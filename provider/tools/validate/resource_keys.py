"""Keys that the parser of a resource does not see: those beside its spec, and repeated ones.

`kubectl apply` refuses unknown keys by default; Argo CD and others drop them without a message.
"""

from collections.abc import Iterator

from provider.manifests.keys import did_you_mean
from provider.manifests.nodes import Fields, Items, Node
from provider.manifests.problems import quote
from provider.tools.resources.parsed import Resource
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding
from provider.tools.validate.resource_findings import finding, located

_ROOT = ("apiVersion", "kind", "metadata", "spec", "status")


def check_keys(resource: Resource) -> Iterator[Finding]:
    """Unknown keys beside the spec, and all keys that occur twice."""
    root = resource.manifest.node
    for name, field in root.entries.items():
        if name not in _ROOT:
            message = f"key {quote(name)} is not known: kubectl refuses it, others drop it"
            hint = did_you_mean(name, _ROOT)
            yield located(resource).found(rules.UNKNOWN_KEY, name, message, field.key, hint)
    for path, name in _repeated(root, ""):
        message = f"key {quote(name)} occurs twice"
        yield finding(resource, rules.RESOURCE, path, message)


def _repeated(node: Node, path: str) -> Iterator[tuple[str, str]]:
    """Each mapping with a key that occurs twice, and the key."""
    if isinstance(node, Fields):
        yield from ((path, again.text) for again in node.repeated)
        for name, field in node.entries.items():
            yield from _repeated(field.node, f"{path}.{name}" if path else name)
    elif isinstance(node, Items):
        for index, item in enumerate(node.nodes):
            yield from _repeated(item, f"{path}[{index}]")
