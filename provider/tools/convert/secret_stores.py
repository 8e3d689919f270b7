"""Reads SecretStores and ClusterSecretStores: service, region and role."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from provider.aws.regions import region_fault
from provider.csi.request.keys import PARAMETER_KEYS
from provider.engine.model import StoreName
from provider.manifests.problems import quote
from provider.tools.convert.remarks import Part, Remark, Remarks

_SERVICES: dict[str, StoreName] = {
    "SecretsManager": "secretsmanager",
    "ParameterStore": "ssmparameter",
}
_AWS_KEYS = {
    "service",
    "region",
    "auth",
    "role",
    "externalID",
    "additionalRoles",
    "sessionTags",
    "transitiveTagKeys",
    "sessionTagsPolicy",
    "customSessionTags",
    "prefix",
    "secretsManager",  # only for PushSecrets
}
_SPEC_KEYS = {"provider", "conditions", "controller", "refreshInterval", "retrySettings"}
_ROLE = next(key for key in PARAMETER_KEYS if key.name == "assumeRoleArn")


@dataclass(frozen=True, slots=True)
class Store:
    """A store of AWS, reduced to what a class supports."""

    name: str
    """Kind and name."""
    service: StoreName
    prefix: str
    parameters: tuple[tuple[str, str], ...]
    """Region and role, as parameters of a class. All objects of a class share them."""
    remarks: Remarks = field(default_factory=Remarks)


def read_store(manifest: Part) -> Store | Remark:
    """The store, or why a class cannot use it."""
    spec = manifest.part("spec")
    provider = spec.part("provider")
    if "aws" not in provider:
        kinds = ", ".join(provider.node.entries) or "none"
        return provider.remark(f"must be aws, got {quote(kinds)}")
    aws = provider.part("aws")
    service, region = aws.text("service"), aws.text("region")
    if service not in _SERVICES:
        known = " or ".join(_SERVICES)
        return aws.remark(f"must be {known}, got {quote(service)}", "service")
    if fault := region_fault(region):
        return aws.remark(fault, "region")
    remarks = Remarks([*spec.unknown(_SPEC_KEYS), *aws.unknown(_AWS_KEYS), *_lost(aws)])
    remarks.notes += _notes(aws, manifest.owner)
    parameters = {"region": region} | _role(aws, remarks)
    prefix = aws.text("prefix")
    return Store(manifest.owner, _SERVICES[service], prefix, tuple(parameters.items()), remarks)


def _role(aws: Part, remarks: Remarks) -> dict[str, str]:
    """The parameters of the role that is assumed after the pod's own."""
    role, external = aws.text("role"), aws.text("externalID")
    if not role:
        return {}
    if fault := _ROLE.fault_in(role):
        remarks.lost.append(aws.remark(f"{fault}, got {quote(role)}", "role"))
        return {}
    return {"assumeRoleArn": role} | ({"assumeRoleExternalId": external} if external else {})


def _lost(aws: Part) -> Iterator[Remark]:
    auth = aws.part("auth")
    yield from auth.unknown({"secretRef", "jwt"})
    if "secretRef" in auth:
        yield auth.remark(
            "access keys are not supported: the service account of the pods needs a role",
            "secretRef",
        )
    if "additionalRoles" in aws:
        yield aws.remark("a class assumes at most one role", "additionalRoles")
    for key in ("sessionTags", "transitiveTagKeys", "customSessionTags"):
        if key in aws:
            yield aws.remark("a class has no custom session tags", key)
    if aws.text("sessionTagsPolicy", "None") != "None":
        tags = "a class sets other session tags: see assumeRoleSessionTags"
        yield aws.remark(tags, "sessionTagsPolicy")


def _notes(aws: Part, owner: str) -> Iterator[str]:
    account = aws.part("auth").part("jwt").part("serviceAccountRef")
    if name := account.text("name"):
        whole = "/".join(filter(None, (account.text("namespace"), name)))
        yield (
            f"{owner} reads as the service account {whole}. A class reads as the service account "
            "of each pod, which needs the same permissions (see secrets-provider-aws iam-policy)."
        )
    elif "secretRef" not in aws.part("auth"):
        yield (
            f"{owner} reads as the operator itself. A class reads as the service account of each "
            "pod, which needs the permissions (see secrets-provider-aws iam-policy)."
        )
