"""Compares External Secrets resources with what this controller makes of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from provider.controller.identity.stores import is_managed
from provider.controller.kinds import GENERATOR_GROUP, GROUP
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.objects import ExternalSecret, Store
from provider.controller.resources.references import stores_of
from provider.controller.status import has_failed, ready_of
from provider.controller.target.templates import LAST_APPLIED
from provider.manifests.kubernetes import Manifest
from provider.manifests.nodes import Fields
from provider.manifests.problems import quote
from provider.tools.arguments import DEFAULT_DELIMITERS, Delimiters
from provider.tools.preflight.differences import (
    Difference,
    Document,
    Level,
    Result,
    difference,
    named,
)
from provider.tools.preflight.secrets import check_sources, check_target, holders_in
from provider.tools.resources.documents import as_node
from provider.tools.resources.kinds import KINDS, is_resource
from provider.tools.resources.lookup import Lookup, lookup
from provider.tools.resources.parsed import Resource, read_resource
from provider.tools.sources import Source
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, Rule
from provider.tools.validate.resource_checks import (
    check_keys,
    check_maker,
    check_properties,
    from_parser,
)
from provider.tools.validate.resource_templates import check_templates

_PUSH = "is not worked on any more: this controller writes nothing to AWS"
_KEEP = "keep External Secrets Operator for it, in a controller class of its own"
_LEFT_OVER = frozenset({"GeneratorState"})
_LEVELS: Mapping[Rule, Level] = {
    rules.RESOURCE: "stops",
    rules.TEMPLATE: "stops",
    rules.UNKNOWN_KEY: "differs",
}
"""Of what `validate` finds; the rest is the same under both controllers."""


def compare(
    documents: Sequence[Document],
    controller_class: str,
    delimiters: Delimiters = DEFAULT_DELIMITERS,
) -> Result:
    """Compare every External Secrets resource among the documents."""
    resources: list[tuple[Document, Resource]] = []
    others: list[Document] = []
    for document in documents:
        if str(document.get("apiVersion")).rpartition("/")[0] not in (GROUP, GENERATOR_GROUP):
            continue
        manifest = _manifest(document)
        if is_resource(manifest):
            resource = read_resource(Source("cluster", "", is_named=False), manifest)
            resources.append((document, resource))
        elif str(document.get("kind")) not in _LEFT_OVER:
            others.append(document)
    files = lookup(resource for _, resource in resources)
    holders = holders_in(documents)
    ours = [one for one in resources if not _is_foreign(one[1], files, controller_class)]
    found: list[Difference] = []
    for document, resource in ours:
        differences = [*_compare(document, resource, files)]
        differences += check_target(document, resource.parsed, holders)
        if spec := resource.draft:
            differences += _differences(document, check_templates(resource, spec, delimiters))
        if resource.spec is not None:
            differences += check_sources(document, resource.spec, holders, delimiters)
        found += (_as_today(one, resource) for one in differences)
    found += map(_unsupported, others)
    unread = _stores_not_read((one for _, one in ours), files)
    return Result(len(resources) + len(others), len(resources) - len(ours), found, unread)


def _stores_not_read(resources: Iterable[Resource], files: Lookup) -> list[str]:
    """Stores that ExternalSecrets name and the documents lack, each with the first that names it.

    Those of ExternalSecrets that are not Ready may not exist at all.
    """
    users: dict[str, str] = {}
    for one in resources:
        if not isinstance(one.parsed, ExternalSecret) or one.spec is None or _is_failing(one):
            continue
        for ref in stores_of(one.spec):
            if files.resource(ref.kind, one.namespace, ref.name) is None:
                place = f"{one.namespace}/" if ref.kind == "SecretStore" else ""
                user = f"{one.kind} {one.namespace}/{one.name}"
                users.setdefault(f"{ref.kind} {place}{ref.name}", user)
    return [f"{name}, which {user} uses" for name, user in users.items()]


def _as_today(difference: Difference, resource: Resource) -> Difference:
    """What does not work today either is only a note."""
    if difference.level == "stops" and _is_failing(resource):
        return replace(difference, level="note")
    return difference


def _is_failing(resource: Resource) -> bool:
    parsed = resource.parsed
    return isinstance(parsed, ExternalSecret) and has_failed(parsed.status.conditions)


def _manifest(document: Document) -> Manifest:
    node = as_node(document)
    if not isinstance(node, Fields):
        raise TypeError("an object is a mapping")
    kind, namespace, name = named(document)
    version = str(document.get("apiVersion"))
    return Manifest(version, kind, name, namespace, node, f"{kind} {quote(name)}")


def _unsupported(document: Document) -> Difference:
    kind = str(document.get("kind"))
    if "Push" in kind:
        return difference(document, "stops", _PUSH, _KEEP)
    kinds = ", ".join(name for name, kind_ in KINDS.items() if kind_.group == GENERATOR_GROUP)
    message = f"the kind {quote(kind)} is not supported: this controller has {kinds}"
    return difference(document, "stops", message, _KEEP)


def _is_foreign(resource: Resource, files: Lookup, controller_class: str) -> bool:
    """Whether it is for a controller of another class."""
    parsed = resource.parsed
    if isinstance(parsed, Store):
        return not is_managed(parsed.controller, controller_class)
    if not isinstance(parsed, ExternalSecret) or parsed.spec is None:
        return False
    stores = (files.store(one.kind, resource.namespace, one.name) for one in stores_of(parsed.spec))
    return any(one and not is_managed(one.controller, controller_class) for one in stores)


def _compare(document: Document, resource: Resource, files: Lookup) -> Iterator[Difference]:
    yield from _differences(document, (*from_parser(resource), *check_keys(resource)))
    if spec := resource.draft:
        found = (*check_maker(resource, spec), *check_properties(resource, spec))
        yield from _differences(document, found)
    if isinstance(resource.parsed, Store):
        yield from _of_store(document, resource.parsed)
    elif resource.spec is not None:
        yield from _of_secret(document, resource, resource.spec, files)


def _differences(document: Document, findings: Iterable[Finding]) -> Iterator[Difference]:
    """Those of the findings that tell the two controllers apart."""
    for finding in findings:
        level = _LEVELS.get(finding.rule)
        if level is not None and not finding.path.startswith(("metadata", "status")):
            message, remedy = finding.message, finding.hint
            if finding.rule is rules.UNKNOWN_KEY:
                message = "is not known to this controller: its CRD drops the key"
            if "is not supported by this controller" in message:
                remedy = _KEEP
            where = f"{finding.path}: " if finding.path else ""
            yield difference(document, level, f"{where}{message}", remedy)


def _of_store(document: Document, store: Store) -> Iterator[Difference]:
    if store.aws and store.aws.auth.jwt is None and store.aws.auth.secret_ref is None:
        message = "has no auth: it reads as the controller, which has another service account"
        remedy = "give the role of the operator's service account to that of this controller"
        yield difference(document, "differs", message, remedy)


def _of_secret(
    document: Document, resource: Resource, spec: ExternalSecretSpec, files: Lookup
) -> Iterator[Difference]:
    yield from _of_stores(document, resource, spec, files)
    target = spec.target
    if target.deletion_policy != "Retain":
        message = (
            "a secret that is scheduled for deletion in AWS counts as missing: "
            f"deletionPolicy {target.deletion_policy} applies to it"
        )
        yield difference(document, "differs", message)
    if target.creation_policy == "None":
        message = "AWS is read once an interval; the operator reads it at every event, too"
        yield difference(document, "note", message)
    if any(one.find and one.find.tags for one in spec.data_from):
        message = "find takes tags with exactly these values; the operator also takes longer ones"
        yield difference(document, "differs", message)
    if isinstance(resource.parsed, ExternalSecret):
        yield from _of_state(document, resource.parsed, spec)


def _of_stores(
    document: Document, resource: Resource, spec: ExternalSecretSpec, files: Lookup
) -> Iterator[Difference]:
    for ref in stores_of(spec):
        store = files.store(ref.kind, resource.namespace, ref.name)
        if store is None:
            continue
        if store.spec is None:
            message = f"uses the {ref.kind} {quote(ref.name)}, which does not work here"
            yield difference(document, "stops", message)
        by_name = any(one.find and one.find.name and not one.find.path for one in spec.data_from)
        if store.aws and store.aws.prefix and by_name:
            message = "find by name works with the store's prefix, which the operator doubles"
            yield difference(document, "differs", message)


def _of_state(
    document: Document, parsed: ExternalSecret, spec: ExternalSecretSpec
) -> Iterator[Difference]:
    ready = ready_of(parsed.status.conditions)
    if ready is not None and ready.status == "False":
        yield difference(document, "note", f"does not work today: {ready.message}")
    if spec.target.template is None and LAST_APPLIED in parsed.metadata.annotations:
        message = f"the annotation {LAST_APPLIED} is removed from the Secret, in one write"
        yield difference(document, "note", message)
