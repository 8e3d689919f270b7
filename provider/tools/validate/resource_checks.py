"""What the controller's parser finds in one External Secrets resource, and checks beyond it.

`kubectl apply` refuses unknown keys by default; Argo CD and others drop them without a message.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from provider.controller.resources import texts
from provider.controller.resources.external_secret import ExternalSecretSpec, RemoteRef
from provider.controller.resources.keys import check_keys as check_secret_keys
from provider.controller.resources.objects import Generator, Store
from provider.controller.resources.reading import unknown_key
from provider.controller.resources.store_ref import StoreRef
from provider.controller.resources.template import MAKERS
from provider.controller.values.property import property_faults
from provider.manifests.keys import did_you_mean
from provider.manifests.nodes import Fields, Items, Node
from provider.manifests.problems import quote
from provider.tools.resources.documents import key_at
from provider.tools.resources.kinds import CLUSTER_WIDE, KINDS, version_of
from provider.tools.resources.parsed import Resource
from provider.tools.validate import findings as rules
from provider.tools.validate.class_checks import check_names, region_doubt
from provider.tools.validate.findings import Finding, Rule
from provider.tools.validate.synced_secrets import NEEDED
from provider.tools.workloads import role_fault

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


def from_parser(resource: Resource) -> Iterator[Finding]:
    """What the condition would say, and what has no effect."""
    for one in resource.problems:
        hint = one.hint or _HINTS.get(one.message, "")
        yield resource.found(rules.RESOURCE, one.path, one.message, hint)
    for one in resource.parsed.warnings:
        if one.key:
            key = key_at(resource.manifest.node, one.path)
            yield resource.found(rules.UNKNOWN_KEY, one.path, one.message, one.hint, at=key)
        else:
            yield resource.found(rules.NO_EFFECT, one.path, one.message, one.hint)


_ROOT = ("apiVersion", "kind", "metadata", "spec", "status")


def check_keys(resource: Resource) -> Iterator[Finding]:
    """Unknown keys beside the spec, and all keys that occur twice."""
    root = resource.manifest.node
    for name, field in root.entries.items():
        if name not in _ROOT:
            hint, message = did_you_mean(name, _ROOT), unknown_key(name)
            yield resource.found(rules.UNKNOWN_KEY, name, message, hint, at=field.key)
    for path, name in _repeated(root, ""):
        message = f"key {quote(name)} occurs twice"
        yield resource.found(rules.RESOURCE, path, message)


def _repeated(node: Node, path: str) -> Iterator[tuple[str, str]]:
    """Each mapping with a key that occurs twice, and the key."""
    if isinstance(node, Fields):
        yield from ((path, again.text) for again in node.repeated)
        for name, field in node.entries.items():
            yield from _repeated(field.node, f"{path}.{name}" if path else name)
    elif isinstance(node, Items):
        for index, item in enumerate(node.nodes):
            yield from _repeated(item, f"{path}[{index}]")


_PATH_RULES: Mapping[str, Rule] = {
    "invalid": rules.PROPERTY,
    "unsupported": rules.RESOURCE,
    "doubtful": rules.FOREIGN_PATH,
}


def check_manifest(resource: Resource) -> Iterator[Finding]:
    """Names that the API server refuses, and a namespace without effect."""
    yield from check_names(resource)
    if resource.namespace and resource.kind in CLUSTER_WIDE:
        message = f"has no effect: a {resource.kind} is for the whole cluster"
        yield resource.found(rules.NO_EFFECT, "metadata.namespace", message)


def check_regions(resource: Resource) -> Iterator[Finding]:
    """Regions that are not known, and roles that are no ARN."""
    for path, region, roles in _places(resource):
        if doubt := region_doubt(region):
            yield resource.found(rules.REGION, f"{path}.region", *doubt)
        for name, role in roles:
            if role and (fault := role_fault(role)):
                yield resource.found(rules.AWS_NAME, f"{path}.{name}", fault)


def _places(resource: Resource) -> Iterator[tuple[str, str, Sequence[tuple[str, str]]]]:
    """Path, region and roles of stores and generators."""
    parsed = resource.parsed
    if isinstance(parsed, Store) and (aws := parsed.aws):
        more = [(f"additionalRoles[{at}]", role) for at, role in enumerate(aws.additional_roles)]
        yield "spec.provider.aws", aws.region, [("role", aws.role), *more]
    if isinstance(parsed, Generator) and resource.kind == parsed.kind:
        region = getattr(parsed.spec, "region", "")
        yield "spec", region, [("role", getattr(parsed.spec, "role", ""))]


def check_properties(resource: Resource, spec: ExternalSecretSpec) -> Iterator[Finding]:
    """Properties that are no valid gjson path, or look like a path of another language."""
    for path, ref, _ in remote_refs(spec, resource.spec_path):
        for one in property_faults(ref.property) if ref.property else ():
            yield resource.found(_PATH_RULES[one.kind], f"{path}.property", one.message, one.hint)


def remote_refs(spec: ExternalSecretSpec, path: str) -> Iterator[tuple[str, RemoteRef, StoreRef]]:
    """Every secret that is read by its name, with its path and its store."""
    own = spec.secret_store_ref
    for index, entry in enumerate(spec.data_from):
        if entry.extract:
            yield f"{path}.dataFrom[{index}].extract", entry.extract, entry.store_ref or own
    for index, one in enumerate(spec.data):
        yield f"{path}.data[{index}].remoteRef", one.remote_ref, one.store_ref or own


def check_find(resource: Resource, spec: ExternalSecretSpec) -> Iterator[Finding]:
    """A find that finds nothing in any case."""
    for index, entry in enumerate(spec.data_from):
        if entry.find and entry.find.name is None and entry.find.tags is None:
            path = f"{resource.spec_path}.dataFrom[{index}].find"
            yield resource.found(rules.RESOURCE, path, "needs a name or tags")


def check_type(resource: Resource, spec: ExternalSecretSpec) -> Iterator[Finding]:
    """A type of Secret whose keys are not written; keys that only AWS knows are taken to be."""
    template = spec.target.template
    if template is None or template.template_from:
        return
    keys, takes_values = {*template.data}, template.merge_policy == "Merge" or not template.data
    if (takes_values and spec.data_from) or spec.target.creation_policy in {"Merge", "None"}:
        return
    keys |= {one.secret_key for one in spec.data} if takes_values else set()
    lacking = [key for key in NEEDED.get(template.type, ()) if key not in keys]
    if lacking:
        message = f"a Secret of this type needs the key {' and '.join(lacking)}"
        at = f"{resource.spec_path}.target.template.type"
        yield resource.found(rules.RESOURCE, at, message)


def check_maker(resource: Resource, spec: ExternalSecretSpec) -> Iterator[Finding]:
    """A type of Secret that the controller never writes."""
    template, at = spec.target.template, f"{resource.spec_path}.target.template.type"
    if template is None or template.type not in MAKERS or resource.is_faulty(at):
        return
    if spec.target.creation_policy != "None":
        message = (
            f"a Secret of type {template.type} is for {MAKERS[template.type]} alone: the "
            "controller does not write it"
        )
        yield resource.found(rules.RESOURCE, at, message, "leave out type, or name another")


def check_secret(resource: Resource, spec: ExternalSecretSpec) -> Iterator[Finding]:
    """Keys of the Secret that are refused, or written twice."""
    path, counts = resource.spec_path, Counter(one.secret_key for one in spec.data)
    for key, count in counts.items():
        if key and count > 1:
            message = f"secretKey {quote(key)} occurs {count} times: the last one wins"
            yield resource.found(rules.SECRET_KEY, f"{path}.data", message)
    template = spec.target.template
    for key in template.data if template else ():
        try:
            check_secret_keys({key: b""})
        except ValueError as error:
            message = str(error).rpartition("): ")[2]
            yield resource.found(rules.RESOURCE, f"{path}.target.template.data.{key}", message)
    if template and template.merge_policy == "Merge":
        for key in sorted(counts.keys() & template.data.keys()):
            at = f"{path}.target.template.data.{key}"
            message = f"replaces the value that data reads for the key {quote(key)}"
            yield resource.found(rules.SECRET_KEY, at, message)


CHECKS = (from_parser, check_manifest, check_keys, check_regions)
SPEC_CHECKS = (check_properties, check_find, check_type, check_maker, check_secret)
"""Checks of the spec of an ExternalSecret."""


def check_versions(resources: Iterable[Resource]) -> Iterator[Finding]:
    """One note for each file with resources of v1beta1."""
    files: dict[str, list[Resource]] = {}
    for one in resources:
        if version_of(one.manifest) == "v1beta1" and "v1beta1" in KINDS[one.kind].versions:
            files.setdefault(one.source.name, []).append(one)
    for first, *others in files.values():
        more = f", here and in {len(others)} more" if others else ""
        message = (
            f"v1beta1{more}: this controller takes it as v1, External Secrets Operator refuses it "
            "from 0.17 on"
        )
        hint = "write external-secrets.io/v1"
        yield first.found(rules.OLD_VERSION, "apiVersion", message, hint)
