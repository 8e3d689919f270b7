"""Runs all checks over all files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from provider.manifests.entries import Findings
from provider.manifests.kubernetes import Manifest, find_manifests
from provider.manifests.nodes import Fields
from provider.manifests.problems import Problem
from provider.tools.sources import Source
from provider.tools.validate import findings as rules
from provider.tools.validate import (
    manifest_checks,
    modes,
    names,
    parameters,
    relevance,
    service_accounts,
    synced_secrets,
    volumes,
)
from provider.tools.validate.classes import Reviewed, at_place, review_class
from provider.tools.validate.findings import Finding, in_order
from provider.tools.workloads import text

CHECKS: Sequence[Callable[[Reviewed], Iterator[Finding]]] = (
    manifest_checks.check_manifest,
    parameters.check_regions,
    parameters.check_effects,
    parameters.check_failover,
    modes.check_modes,
    names.check_names,
    names.check_number,
    synced_secrets.check_synced,
)
_ACCOUNT = "ServiceAccount"
_UNREADABLE = "manifest"
"""The path of a problem that makes the rest of a text unreadable."""


@dataclass(frozen=True, slots=True)
class Review:
    """The result for some files."""

    sources: Sequence[Source]
    """The files with something to check, and all named ones."""
    passed_over: Sequence[Source]
    """Files of folders that mention a class but hold nothing to check."""
    classes: Sequence[Reviewed]
    others: int
    """Number of classes of other providers, which are not checked."""
    findings: Sequence[Finding]

    def without(self, level: rules.Level) -> "Review":
        """The same review without the findings of a level."""
        kept = [finding for finding in self.findings if finding.level != level]
        return replace(self, findings=kept)

    def has(self, *levels: rules.Level) -> bool:
        """Whether there are findings of these levels."""
        return any(finding.level in levels for finding in self.findings)


def review(sources: Iterable[Source], default_region: str | None = None) -> Review:
    """Check every class. `default_region` is that of the daemon, if it is known."""
    found: list[Finding] = []
    checked, passed_over = list[Source](), list[Source]()
    manifests: list[tuple[Source, Manifest]] = []
    for source in sources:
        held, problems = _read(source)
        if not (held or problems or source.is_named):
            passed_over.append(source)
            continue
        checked.append(source)
        found += problems if held or problems else [relevance.nothing_to_check(source)]
        manifests += ((source, one) for one in held)
    classes: list[Reviewed] = []
    others: list[Manifest] = []
    for source, manifest in manifests:
        found += relevance.check_kind(source, manifest)
        if manifest.kind != relevance.KIND:
            continue
        if not manifest_checks.is_ours(_provider(manifest)):
            others.append(manifest)
            continue
        reviewed, mistakes = review_class(source, manifest, default_region)
        found += mistakes
        found += (finding for check in CHECKS for finding in check(reviewed))
        classes.append(reviewed)
    found += manifest_checks.check_names(classes)
    known = [(one.klass.namespace, one.name) for one in classes]
    known += [(one.namespace, one.name) for one in others]
    accounts = [(one.namespace, one.name) for _, one in manifests if one.kind == _ACCOUNT]
    for source, manifest in manifests:
        found += volumes.check_volumes(source, manifest, known)
        found += service_accounts.check_accounts(source, manifest, accounts)
        found += service_accounts.check_annotations(source, manifest)
    return Review(checked, passed_over, classes, len(others), in_order(found))


def _read(source: Source) -> tuple[Sequence[Manifest], Sequence[Finding]]:
    """The manifests to check, and what is wrong with the file as a whole."""
    noted = Findings()
    manifests = [one for one in find_manifests(source.text, noted) if relevance.is_checked(one)]
    is_broken = any(problem.path == _UNREADABLE for problem in noted.problems)
    if manifests or (is_broken and relevance.seems_to_hold_class(source)):
        return manifests, [_unread(source, problem) for problem in noted.problems]
    return (), ()


def _unread(source: Source, problem: Problem) -> Finding:
    if problem.path != _UNREADABLE:
        return at_place(rules.MANIFEST, source, problem)
    if not source.is_template:
        return at_place(
            rules.NOT_YAML, source, Problem("", problem.message, problem.line, problem.column)
        )
    rule = rules.NOT_YAML if source.is_named else rules.HELM_TEMPLATE
    return Finding(
        rule=rule,
        file=source.name,
        line=max(problem.line, 1),
        column=max(problem.column, 1),
        owner="",
        path="",
        message="is a Helm template, which must be rendered first",
        suggestion="helm template CHART | secrets-provider-aws validate -",
    )


def _provider(manifest: Manifest) -> str:
    spec = manifest.node["spec"]
    return text(spec["provider"]) if isinstance(spec, Fields) else ""
