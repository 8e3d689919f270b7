"""Findings about External Secrets resources: those of the controller's parser, at their places."""

from collections.abc import Iterator

from provider.tools.resources.documents import key_at, node_at
from provider.tools.resources.parsed import Resource
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, LocatedManifest, Rule


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
        yield finding(resource, rules.RESOURCE, one.path, one.message, one.hint)
    for one in resource.parsed.warnings:
        if one.key:
            key = key_at(resource.manifest.node, one.path)
            yield located(resource).found(rules.UNKNOWN_KEY, one.path, one.message, key, one.hint)
        else:
            yield finding(resource, rules.NO_EFFECT, one.path, one.message, one.hint)
