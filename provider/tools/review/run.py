"""The review of all files at once: what each check says, in the order of reading."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from provider.tools.review import findings as rules
from provider.tools.review import form, modes, names, settings, synced, workloads
from provider.tools.review.classes import Reviewed, at_place, review_class
from provider.tools.review.findings import Finding, in_order
from provider.tools.review.sources import Source
from provider.manifests.entries import Findings
from provider.manifests.kubernetes import Manifest, find_manifests
from provider.manifests.nodes import Fields
from provider.manifests.problems import Problem

CHECKS: Sequence[Callable[[Reviewed], Iterator[Finding]]] = (
    form.check_form,
    settings.check_regions,
    settings.check_effects,
    settings.check_failover,
    modes.check_modes,
    names.check_names,
    names.check_number,
    synced.check_synced,
)
_KIND = "SecretProviderClass"


@dataclass(frozen=True, slots=True)
class Review:
    """All that there is to say about some files."""

    sources: Sequence[Source]
    classes: Sequence[Reviewed]
    others: int
    """Classes of other providers, which were not looked into."""
    findings: Sequence[Finding]

    def without(self, level: rules.Level) -> "Review":
        """The same without findings of a level."""
        kept = [finding for finding in self.findings if finding.level != level]
        return replace(self, findings=kept)

    def has(self, *levels: rules.Level) -> bool:
        """Whether anything of these levels was found."""
        return any(finding.level in levels for finding in self.findings)


def review(sources: Iterable[Source], default_region: str | None = None) -> Review:
    """Look into every class; `default_region` is the daemon's, where it is known."""
    found: list[Finding] = []
    sources = tuple(sources)
    manifests = [(one, manifest) for one in sources for manifest in _manifests(one, found)]
    classes: list[Reviewed] = []
    others: list[Manifest] = []
    for source, manifest in manifests:
        if manifest.kind != _KIND:
            continue
        if not form.is_ours(_provider(manifest)):
            others.append(manifest)
            continue
        reviewed, mistakes = review_class(source, manifest, default_region)
        found += mistakes
        found += (finding for check in CHECKS for finding in check(reviewed))
        classes.append(reviewed)
    found += form.check_names(classes)
    known = [(one.klass.namespace, one.name) for one in classes]
    known += [(one.namespace, one.name) for one in others]
    for source, manifest in manifests:
        found += workloads.check_volumes(source, manifest, known)
    return Review(sources, classes, len(others), in_order(found))


def _manifests(source: Source, found: list[Finding]) -> Iterator[Manifest]:
    noted = Findings()
    yield from find_manifests(source.text, noted)
    if _KIND in source.text:  # else it may be Helm values, or anything
        found += (_unread(source, problem) for problem in noted.problems)


def _unread(source: Source, problem: Problem) -> Finding:
    if problem.path != "manifest":
        return at_place(rules.MANIFEST, source, problem)
    if not source.is_template:
        return at_place(rules.NOT_YAML, source, Problem("", *_told(problem)))
    rule = rules.NOT_YAML if source.is_named else rules.HELM_TEMPLATE
    return Finding(
        rule=rule,
        file=source.name,
        line=max(problem.line, 1),
        column=max(problem.column, 1),
        owner="",
        path="",
        message="is a Helm template, which only Helm can read",
        suggestion="helm template CHART | secrets-provider-aws validate -",
    )


def _told(problem: Problem) -> tuple[str, int, int]:
    return problem.message, problem.line, problem.column


def _provider(manifest: Manifest) -> str:
    spec = manifest.node["spec"]
    return synced.text(spec["provider"]) if isinstance(spec, Fields) else ""
