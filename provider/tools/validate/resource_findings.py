"""What the controller's parser finds in External Secrets resources, and keys that it does not see.

`kubectl apply` refuses unknown keys by default; Argo CD and others drop them without a message.
"""

from collections.abc import Iterator, Mapping

from provider.controller.resources import texts
from provider.controller.resources.reading import unknown_key
from provider.manifests.keys import did_you_mean
from provider.manifests.nodes import Fields, Items, Node
from provider.manifests.problems import quote
from provider.tools.resources.documents import key_at, node_at
from provider.tools.resources.parsed import Resource
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, LocatedManifest, Rule

_RIGHTS = "such a Secret gives its writer rights of others: name another type"
_HINTS: Mapping[str, str] = {
    texts.ONE_SOURCE: "write an entry of dataFrom for each",
    texts.NO_SOURCE: "write extract or find, or a sourceRef with a generatorRef",
    texts.MERGE_NEEDS_TARGET: "leave out deletionPolicy, or choose another creationPolicy",
    texts.FOREIGN_NAMESPACE: "leave out namespace, or write a ClusterSecretStore",
    texts.NO_BOOTSTRAP: _RIGHTS,
    texts.NO_ACCOUNT_ANNOTATION: _RIGHTS,
    texts.NO_TEMPLATED_ANNOTATIONS: _RIGHTS,
    texts.RECOVERY_WINDOW: "leave it out: it is for PushSecrets alone",
    texts.RECOVERY_AND_FORCE: "leave it out: it is for PushSecrets alone",
}
"""What to do about messages that External Secrets Operator has too."""


def finding(
    resource: Resource, rule: Rule, path: str, message: str, suggestion: str = ""
) -> Finding:
    """A finding at the value under `path`, or at what is nearest to it."""
    node, _ = node_at(resource.manifest.node, path)
    return located(resource).found(rule, path, message, node, suggestion)


def located(resource: Resource) -> LocatedManifest:
    """The manifest of a resource in its file."""
    return LocatedManifest(resource.source, resource.manifest)


def from_parser(resource: Resource) -> Iterator[Finding]:
    """What the condition would say, and what has no effect."""
    for one in resource.problems:
        hint = one.hint or _HINTS.get(one.message, "")
        yield finding(resource, rules.RESOURCE, one.path, one.message, hint)
    for one in resource.parsed.warnings:
        if one.key:
            key = key_at(resource.manifest.node, one.path)
            yield located(resource).found(rules.UNKNOWN_KEY, one.path, one.message, key, one.hint)
        else:
            yield finding(resource, rules.NO_EFFECT, one.path, one.message, one.hint)


_ROOT = ("apiVersion", "kind", "metadata", "spec", "status")


def check_keys(resource: Resource) -> Iterator[Finding]:
    """Unknown keys beside the spec, and all keys that occur twice."""
    root = resource.manifest.node
    for name, field in root.entries.items():
        if name not in _ROOT:
            hint, message = did_you_mean(name, _ROOT), unknown_key(name)
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
