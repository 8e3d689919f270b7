"""Findings about External Secrets resources: those of the controller's parser, at their places."""

import re
from collections.abc import Iterator

from provider.manifests.keys import closest
from provider.manifests.nodes import Node
from provider.manifests.problems import Problem
from provider.tools.resources.documents import key_at, node_at
from provider.tools.resources.parsed import Resource
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, Rule
from provider.tools.validate.places import Place

_CHOICE = re.compile(r'must be (?P<choices>.+), got "(?P<given>[^"]+)"')
_BETWEEN = re.compile(", | or ")


def finding(
    resource: Resource, rule: Rule, path: str, message: str, suggestion: str = ""
) -> Finding:
    """A finding at the value under `path`, or at what is nearest to it."""
    node, _ = node_at(resource.manifest.node, path)
    return finding_at_place(resource, rule, path, message, (_place(node), suggestion))


def finding_at_key(
    resource: Resource, rule: Rule, path: str, message: str, suggestion: str = ""
) -> Finding:
    """A finding at the key of the entry under `path`."""
    node = key_at(resource.manifest.node, path)
    return finding_at_place(resource, rule, path, message, (_place(node), suggestion))


def finding_at_place(
    resource: Resource, rule: Rule, path: str, message: str, at: tuple[Place, str]
) -> Finding:
    """A finding at a place, with a suggestion."""
    place, suggestion = at
    return Finding(
        rule=rule,
        file=resource.source.name,
        line=place.line,
        column=place.column,
        owner=resource.manifest.path,
        path=path,
        message=message,
        suggestion=suggestion,
        exact=place.exact,
    )


def from_parser(resource: Resource) -> Iterator[Finding]:
    """What the condition would say, and what has no effect."""
    for problem in resource.problems:
        yield finding(
            resource, rules.RESOURCE, problem.path, problem.message, _meant(problem.message)
        )
    for problem in _warnings(resource):
        yield finding(resource, rules.NO_EFFECT, problem.path, problem.message)


def _warnings(resource: Resource) -> tuple[Problem, ...]:
    return getattr(resource.parsed, "warnings", ())


def _meant(message: str) -> str:
    """The choice that a value resembles, as a suggestion."""
    found = _CHOICE.fullmatch(message)
    meant = closest(found["given"], _BETWEEN.split(found["choices"])) if found else None
    return f"did you mean {meant}" if meant else ""


def _place(node: Node) -> Place:
    return Place(node.line, node.column)
