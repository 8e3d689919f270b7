"""What a class can use of a SecretStore or ClusterSecretStore: region and role."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from provider.controller.resources.objects import Store as ParsedStore
from provider.controller.resources.store import AwsProvider, StoreSpec
from provider.tools.convert.remarks import Remark, Remarks, problem_remarks, remark, unknown_keys
from provider.tools.resources.parsed import Resource
from provider.tools.workloads import role_fault

_AWS = "spec.provider.aws"


@dataclass(frozen=True, slots=True)
class Store:
    """A store of AWS, reduced to what a class supports."""

    name: str
    """Kind and name."""
    aws: AwsProvider
    parameters: tuple[tuple[str, str], ...]
    """Region and role, as parameters of a class. All objects of a class share them."""
    remarks: Remarks = field(default_factory=Remarks)


def read_store(resource: Resource) -> Store | Remark:
    """The store, or why a class cannot use it."""
    parsed = resource.parsed
    if not isinstance(parsed, ParsedStore) or parsed.spec is None or parsed.aws is None:
        return next(problem_remarks(resource))
    spec, aws, owner = parsed.spec, parsed.aws, resource.manifest.path
    lost = [remark(resource, f"{_AWS}.{key}", text) for key, text in _lost(aws)]
    notes = [f"{path} of {owner} is left out: {why}." for path, why in _left_out(spec, aws)]
    remarks = Remarks([*unknown_keys(resource), *lost], [*_notes(aws, owner), *notes])
    parameters = {"region": aws.region}
    if fault := aws.role and role_fault(aws.role):
        remarks.lost.append(remark(resource, f"{_AWS}.role", fault))
    elif aws.role:
        external = {"assumeRoleExternalId": aws.external_id} if aws.external_id else {}
        parameters |= {"assumeRoleArn": aws.role} | external
    return Store(owner, aws, tuple(parameters.items()), remarks)


def _lost(aws: AwsProvider) -> Iterator[tuple[str, str]]:
    """Keys without an equivalent, each with why."""
    if aws.auth.secret_ref:
        why = "access keys are not supported: the service account of the pods needs a role"
        yield "auth.secretRef", why
    if aws.additional_roles:
        yield "additionalRoles", "a class assumes at most one role"
    tags = {
        "sessionTags": aws.session_tags,
        "transitiveTagKeys": aws.transitive_tag_keys,
        "customSessionTags": aws.custom_session_tags,
    }
    for key, given in tags.items():
        if given:
            yield key, "a class has no custom session tags"
    if aws.session_tags_policy != "None":
        yield "sessionTagsPolicy", "a class sets other session tags: see assumeRoleSessionTags"


def _left_out(spec: StoreSpec, aws: AwsProvider) -> Iterator[tuple[str, str]]:
    """Keys that classes do without, each with why."""
    account = aws.auth.service_account
    if account and account.audiences:
        path = f"{_AWS}.auth.jwt.serviceAccountRef.audiences"
        yield path, "the driver asks for the audiences of its CSIDriver object"
    if aws.secrets_manager:
        yield f"{_AWS}.secretsManager", "only a PushSecret uses it"
    if spec.controller:
        yield "spec.controller", "every daemon takes every class"
    if spec.retry_settings:
        yield "spec.retrySettings", "the daemon has retries of its own"
    if spec.refresh_interval:
        yield "spec.refreshInterval", "a class is only checked when a pod mounts it"
    if spec.conditions:
        why = "the IAM permissions of service accounts and --policy-file say what namespaces read"
        yield "spec.conditions", why


def _notes(aws: AwsProvider, owner: str) -> Iterator[str]:
    if account := aws.auth.service_account:
        whole = "/".join(filter(None, (account.namespace, account.name)))
        yield (
            f"{owner} reads as the service account {whole}. A class reads as the service account "
            "of each pod, which needs the same permissions (see secrets-provider-aws iam-policy)."
        )
    elif not aws.auth.secret_ref:
        yield (
            f"{owner} reads as the operator itself. A class reads as the service account of each "
            "pod, which needs the permissions (see secrets-provider-aws iam-policy)."
        )
