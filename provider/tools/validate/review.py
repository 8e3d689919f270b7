"""Runs all checks over all files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from provider.controller.resources.objects import Store
from provider.manifests.entries import Findings
from provider.manifests.kubernetes import Manifest, find_manifests
from provider.manifests.nodes import Fields
from provider.manifests.problems import Problem
from provider.tools.arguments import DEFAULT_DELIMITERS, Delimiters
from provider.tools.resources.kinds import is_resource
from provider.tools.resources.lookup import lookup
from provider.tools.resources.parsed import Resource, read_resource
from provider.tools.sources import Source
from provider.tools.validate import (
    class_checks,
    names,
    relevance,
    resource_checks,
    resource_references,
    synced_secrets,
    workloads,
)
from provider.tools.validate import findings as rules
from provider.tools.validate.classes import Reviewed, at_place, review_class
from provider.tools.validate.findings import Finding, LocatedManifest, in_order
from provider.tools.validate.relevance import has_directive, is_patch_file, patch_files
from provider.tools.validate.resource_templates import check_templates
from provider.tools.workloads import at, text

CHECKS: Sequence[Callable[[Reviewed], Iterator[Finding]]] = (
    class_checks.check_manifest,
    class_checks.check_regions,
    class_checks.check_effects,
    class_checks.check_failover,
    class_checks.check_modes,
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
    """Files of folders that hold nothing to check, such as patches."""
    classes: Sequence[Reviewed]
    resources: Sequence[Resource]
    """External Secrets resources."""
    others: int
    """Number of classes and stores of other providers, which are not checked."""
    findings: Sequence[Finding]
    manifests: Sequence[Manifest]
    """All manifests of the files, also of kinds that are not checked."""
    unread: Sequence[str] = ()
    """Why files could not be read."""

    def without(self, level: rules.Level) -> "Review":
        """The same review without the findings of a level."""
        kept = [finding for finding in self.findings if finding.level != level]
        return replace(self, findings=kept)

    def has(self, *levels: rules.Level) -> bool:
        """Whether there are findings of these levels."""
        return any(finding.level in levels for finding in self.findings)


def review(
    sources: Iterable[Source],
    default_region: str | None = None,
    delimiters: Delimiters = DEFAULT_DELIMITERS,
) -> Review:
    """Check everything. `default_region` is that of the daemon, if it is known."""
    found: list[Finding] = []
    checked, passed_over = list[Source](), list[Source]()
    manifests: list[LocatedManifest] = []
    whole: list[Manifest] = []
    files = list(sources)
    patches = patch_files(files)
    for source in files:
        is_patch = is_patch_file(source, patches)
        held, problems = ((), ()) if is_patch else _read(source, whole)
        if not (held or problems or source.is_named):
            passed_over.append(source)
            continue
        checked.append(source)
        nothing = relevance.nothing_to_check(source, is_patch=is_patch)
        found += problems if held or problems else [nothing]
        manifests += (LocatedManifest(source, one) for one in held)
    for one in manifests:
        found += relevance.check_kind(one)
    classes, others, of_classes = _review_classes(manifests, default_region)
    resources, of_resources = _review_resources(manifests, whole, delimiters)
    found += [*of_classes, *of_resources, *_check_pods(manifests, classes, others)]
    foreign = len(others) + sum(map(_is_foreign, resources))
    return Review(checked, passed_over, classes, resources, foreign, in_order(found), whole)


def _review_classes(
    manifests: Sequence[LocatedManifest], default_region: str | None
) -> tuple[Sequence[Reviewed], Sequence[Manifest], Sequence[Finding]]:
    """The classes, those of other providers, and the findings."""
    found: list[Finding] = []
    classes, others = list[Reviewed](), list[Manifest]()
    for located in manifests:
        if located.manifest.kind != relevance.KIND:
            continue
        if not class_checks.is_ours(text(at(located.manifest.node, "spec", "provider"))):
            others.append(located.manifest)
            continue
        reviewed, mistakes = review_class(located, default_region)
        found += mistakes
        found += (finding for check in CHECKS for finding in check(reviewed))
        classes.append(reviewed)
    found += class_checks.check_unique(classes)
    return classes, others, found


def _review_resources(
    manifests: Sequence[LocatedManifest], whole: Sequence[Manifest], delimiters: Delimiters
) -> tuple[Sequence[Resource], Sequence[Finding]]:
    """The External Secrets resources and the findings about them."""
    resources = [
        read_resource(one.source, one.manifest) for one in manifests if is_resource(one.manifest)
    ]
    files = lookup(resources, whole)
    found: list[Finding] = []
    ours = [one for one in resources if not _is_foreign(one)]
    for one in ours:
        found += (finding for check in resource_checks.CHECKS for finding in check(one))
        if spec := one.draft:
            found += (each for check in resource_checks.SPEC_CHECKS for each in check(one, spec))
            found += check_templates(one, spec, delimiters)
            found += resource_references.check_references(one, spec, files)
        found += resource_references.check_credentials(one, files)
    found += resource_references.check_together(ours)
    found += resource_checks.check_versions(ours)
    return resources, found


def _is_foreign(resource: Resource) -> bool:
    """Whether it is a store of another provider for a controller of another class."""
    parsed, provider = resource.parsed, at(resource.manifest.node, "spec", "provider")
    is_of_class = isinstance(parsed, Store) and bool(parsed.controller)
    return is_of_class and isinstance(provider, Fields) and "aws" not in provider.entries


def _check_pods(
    manifests: Sequence[LocatedManifest], classes: Sequence[Reviewed], others: Sequence[Manifest]
) -> Iterator[Finding]:
    """What pods and ServiceAccounts name."""
    known = [(one.klass.namespace, one.name) for one in classes]
    known += [(one.namespace, one.name) for one in others]
    there = (one.manifest for one in manifests)
    accounts = [(one.namespace, one.name) for one in there if one.kind == _ACCOUNT]
    for located in manifests:
        yield from workloads.check_volumes(located, known)
        yield from workloads.check_accounts(located, accounts)
        yield from workloads.check_annotations(located)


def _read(source: Source, whole: list[Manifest]) -> tuple[Sequence[Manifest], Sequence[Finding]]:
    """The manifests to check, and what is wrong with the file as a whole.

    All manifests, also those that are only referred to, are added to `whole`.
    """
    noted = Findings()
    there = [one for one in find_manifests(source.text, noted) if not has_directive(one.node)]
    manifests = [one for one in there if relevance.is_checked(one)]
    whole += there
    is_broken = any(problem.path == _UNREADABLE for problem in noted.problems)
    if manifests or (is_broken and relevance.seems_to_be_checked(source)):
        return manifests, [_unread(source, problem) for problem in noted.problems]
    return (), ()


def _unread(source: Source, problem: Problem) -> Finding:
    if problem.path != _UNREADABLE:
        return at_place(rules.MANIFEST, source, problem)
    if not source.is_template:
        return at_place(rules.NOT_YAML, source, replace(problem, path=""))
    rule = rules.NOT_YAML if source.is_named else rules.HELM_TEMPLATE
    message = "is a Helm template, which must be rendered first"
    hint = "helm template CHART | secrets-provider-aws validate -"
    return at_place(rule, source, replace(problem, path="", message=message, hint=hint))
