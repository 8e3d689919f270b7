"""Checks of one External Secrets resource, beyond those of the controller's parser."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from provider.controller.resources.external_secret import ExternalSecretSpec, RemoteRef
from provider.controller.resources.keys import check_keys as check_secret_keys
from provider.controller.resources.objects import Generator, Store
from provider.controller.resources.store import AwsProvider
from provider.controller.resources.template import MAKERS
from provider.controller.values.property import property_faults
from provider.csi.request.keys import PARAMETER_KEYS
from provider.manifests.problems import quote
from provider.tools.resources.kinds import CLUSTER_WIDE, KINDS, version_of
from provider.tools.resources.parsed import Resource
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, Rule
from provider.tools.validate.manifest_checks import name_faults
from provider.tools.validate.parameters import region_doubt
from provider.tools.validate.resource_findings import check_keys, finding
from provider.tools.validate.synced_secrets import NEEDED

_PATH_RULES: Mapping[str, Rule] = {
    "invalid": rules.PROPERTY,
    "unsupported": rules.RESOURCE,
    "doubtful": rules.FOREIGN_PATH,
}
_ROLE = next(key for key in PARAMETER_KEYS if key.name == "roleArn")


def check_manifest(resource: Resource) -> Iterator[Finding]:
    """Names that the API server refuses, and a namespace without effect."""
    for key, message, hint in name_faults(resource.manifest.node["metadata"]):
        yield finding(resource, rules.MANIFEST, f"metadata.{key}", message, hint)
    if resource.namespace and resource.kind in CLUSTER_WIDE:
        message = f"has no effect: a {resource.kind} is for the whole cluster"
        yield finding(resource, rules.NO_EFFECT, "metadata.namespace", message)


def check_regions(resource: Resource) -> Iterator[Finding]:
    """Regions that are not known, and roles that are no ARN."""
    for path, region, roles in _places(resource):
        if doubt := region_doubt(region):
            yield finding(resource, rules.REGION, f"{path}.region", *doubt)
        for name, role in roles:
            if role and (fault := _ROLE.fault_in(role)):
                message = f"{fault}, got {quote(role)}"
                yield finding(resource, rules.AWS_NAME, f"{path}.{name}", message)


def _places(resource: Resource) -> Iterator[tuple[str, str, Sequence[tuple[str, str]]]]:
    """Path, region and roles of stores and generators."""
    parsed = resource.parsed
    aws: AwsProvider | None = None
    if isinstance(parsed, Store) and parsed.spec:
        aws = parsed.spec.provider.aws
    if aws is not None:
        more = [(f"additionalRoles[{at}]", role) for at, role in enumerate(aws.additional_roles)]
        yield "spec.provider.aws", aws.region, [("role", aws.role), *more]
    if isinstance(parsed, Generator) and resource.kind == parsed.kind:
        region = getattr(parsed.spec, "region", "")
        yield "spec", region, [("role", getattr(parsed.spec, "role", ""))]


def check_properties(resource: Resource) -> Iterator[Finding]:
    """Properties that are no valid gjson path, or look like a path of another language."""
    if spec := resource.draft:
        for path, ref in remote_refs(spec, resource.spec_path):
            for one in property_faults(ref.property) if ref.property else ():
                rule = _PATH_RULES[one.kind]
                yield finding(resource, rule, f"{path}.property", one.message, one.hint)


def remote_refs(spec: ExternalSecretSpec, path: str) -> Iterator[tuple[str, RemoteRef]]:
    """Every secret that is read by its name, with its path."""
    for index, entry in enumerate(spec.data_from):
        if entry.extract:
            yield f"{path}.dataFrom[{index}].extract", entry.extract
    for index, one in enumerate(spec.data):
        yield f"{path}.data[{index}].remoteRef", one.remote_ref


def check_find(resource: Resource) -> Iterator[Finding]:
    """A find that finds nothing in any case."""
    spec = resource.draft
    for index, entry in enumerate(spec.data_from if spec else ()):
        if entry.find and entry.find.name is None and entry.find.tags is None:
            path = f"{resource.spec_path}.dataFrom[{index}].find"
            yield finding(resource, rules.RESOURCE, path, "needs a name or tags")


def check_type(resource: Resource) -> Iterator[Finding]:
    """A type of Secret whose keys are not written; keys that only AWS knows are taken to be."""
    spec = resource.draft
    template = spec.target.template if spec else None
    if spec is None or template is None or template.template_from:
        return
    keys, takes_values = {*template.data}, template.merge_policy == "Merge" or not template.data
    if (takes_values and spec.data_from) or spec.target.creation_policy in {"Merge", "None"}:
        return
    keys |= {one.secret_key for one in spec.data} if takes_values else set()
    lacking = [key for key in NEEDED.get(template.type, ()) if key not in keys]
    if lacking:
        message = f"a Secret of this type needs the key {' and '.join(lacking)}"
        at = f"{resource.spec_path}.target.template.type"
        yield finding(resource, rules.RESOURCE, at, message)


def check_maker(resource: Resource) -> Iterator[Finding]:
    """A type of Secret that the controller never writes."""
    spec, at = resource.draft, f"{resource.spec_path}.target.template.type"
    template = spec.target.template if spec else None
    if spec is None or template is None or template.type not in MAKERS or resource.is_faulty(at):
        return
    if spec.target.creation_policy != "None":
        message = (
            f"a Secret of type {template.type} is for {MAKERS[template.type]} alone: the "
            "controller does not write it"
        )
        yield finding(resource, rules.RESOURCE, at, message, "leave out type, or name another")


def check_secret(resource: Resource) -> Iterator[Finding]:
    """Keys of the Secret that are refused, or written twice."""
    spec = resource.draft
    if spec is None:
        return
    path, counts = resource.spec_path, Counter(one.secret_key for one in spec.data)
    for key, count in counts.items():
        if key and count > 1:
            message = f"secretKey {quote(key)} occurs {count} times: the last one wins"
            yield finding(resource, rules.SECRET_KEY, f"{path}.data", message)
    template = spec.target.template
    for key in template.data if template else ():
        try:
            check_secret_keys({key: b""})
        except ValueError as error:
            message = str(error).rpartition("): ")[2]
            yield finding(resource, rules.RESOURCE, f"{path}.target.template.data.{key}", message)
    if template and template.merge_policy == "Merge":
        for key in sorted(counts.keys() & template.data.keys()):
            at = f"{path}.target.template.data.{key}"
            message = f"replaces the value that data reads for the key {quote(key)}"
            yield finding(resource, rules.SECRET_KEY, at, message)


CHECKS: Sequence[Callable[[Resource], Iterator[Finding]]] = (
    check_manifest,
    check_keys,
    check_regions,
    check_properties,
    check_find,
    check_type,
    check_maker,
    check_secret,
)


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
        yield finding(first, rules.OLD_VERSION, "apiVersion", message, hint)
