"""Checks of what External Secrets resources name: stores, generators, accounts, other Secrets.

Where no file has any of a kind, a missing one is only a note: it is elsewhere.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from provider.aws.arn import Arn
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.generators import GENERATOR_KINDS
from provider.controller.resources.objects import ExternalSecret, Store
from provider.controller.resources.references import credential_namespace, may_use
from provider.controller.resources.store import AwsProvider
from provider.controller.resources.store_ref import StoreRef
from provider.controller.target.plan import target_name
from provider.controller.values.remote_refs import secret_ref
from provider.manifests.problems import quote
from provider.tools.resources.kinds import CLUSTER_WIDE, STORES
from provider.tools.resources.lookup import Lookup
from provider.tools.resources.parsed import Resource
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding
from provider.tools.validate.missing import missing, nearest
from provider.tools.validate.names import faults_in
from provider.tools.validate.resource_checks import remote_refs
from provider.tools.workloads import role_of

_MOST_COMPARED = 1000
"""Stores among which one with a similar name is looked for."""
_SERVICES = {"SecretsManager": "secretsmanager", "ParameterStore": "ssm"}
_PARTS = {"objectName": "key", "objectVersion": "version", "objectVersionLabel": "version"}
"""The keys of a remoteRef, by those of an object of a class."""


def check_references(
    resource: Resource, spec: ExternalSecretSpec, files: Lookup
) -> Iterator[Finding]:
    """Stores and generators that do not exist, or may not be used from the namespace."""
    for path, ref in _store_refs(spec, resource.spec_path):
        if resource.is_faulty(path):
            continue
        yield from _check_store(resource, path, ref, files)
    for index, entry in enumerate(spec.data_from):
        generator = entry.generator_ref
        if generator and not files.resource(generator.kind, resource.namespace, generator.name):
            path = f"{resource.spec_path}.dataFrom[{index}].sourceRef.generatorRef.name"
            kinds = GENERATOR_KINDS
            yield _missing(resource, path, (generator.kind, generator.name), kinds, files)
    yield from _check_aws_names(resource, spec, files)


def _store_refs(spec: ExternalSecretSpec, path: str) -> Iterator[tuple[str, StoreRef]]:
    if spec.secret_store_ref.name:
        yield f"{path}.secretStoreRef", spec.secret_store_ref
    for index, one in enumerate(spec.data):
        if one.store_ref:
            yield f"{path}.data[{index}].sourceRef.storeRef", one.store_ref
    for index, entry in enumerate(spec.data_from):
        if entry.store_ref:
            yield f"{path}.dataFrom[{index}].sourceRef.storeRef", entry.store_ref


def _check_store(resource: Resource, path: str, ref: StoreRef, files: Lookup) -> Iterator[Finding]:
    found = files.resource(ref.kind, resource.namespace, ref.name)
    if found is None:
        yield _missing(resource, f"{path}.name", (ref.kind, ref.name), STORES, files)
        return
    store = found.parsed
    is_placed = isinstance(resource.parsed, ExternalSecret) and resource.namespace
    if not (isinstance(store, Store) and store.spec and is_placed) or ref.kind == "SecretStore":
        return
    if _is_denied(store, resource.namespace, files):
        message = (
            f"using cluster store {quote(ref.name)} is not allowed from namespace "
            f"{quote(resource.namespace)}: denied by its spec.conditions"
        )
        yield resource.found(rules.STORE, f"{path}.name", message)


def _is_denied(store: Store, namespace: str, files: Lookup) -> bool:
    """Whether the conditions deny a namespace; labels count only where they are known."""
    if store.spec is None or may_use(store.spec, namespace, files.namespace_labels(namespace)):
        return False
    by_labels = any(one.namespace_selector for one in store.spec.conditions)
    return not by_labels or files.manifest("Namespace", "", namespace) is not None


def _missing(
    resource: Resource, path: str, named: tuple[str, str], kinds: tuple[str, ...], files: Lookup
) -> Finding:
    kind, name = named
    there = files.kinds.get(kind, ())
    message = f"{kind} {quote(name)} is not in these files"
    same = [one for other in kinds for one in files.resources.get((other, name), ())]
    if not (same or there):
        return resource.found(rules.ELSEWHERE, path, message)
    other_kinds = sorted({one.kind for one in same if one.kind != kind})
    spaces = sorted({one.namespace for one in same if one.kind == kind})
    if other_kinds:
        hint = f"there is a {other_kinds[0]} of that name: set kind: {other_kinds[0]}"
    elif spaces:
        hint = f"there is one in the namespace {' and '.join(spaces)}"
    else:
        some = islice(there, _MOST_COMPARED)
        near = [one.name for one in some if one.namespace in ("", resource.namespace)]
        meant = nearest(name, near)
        hint = f"did you mean {meant}" if meant else ""
    return resource.found(rules.STORE, path, message, hint)


def _check_aws_names(
    resource: Resource, spec: ExternalSecretSpec, files: Lookup
) -> Iterator[Finding]:
    """Names that no secret and no parameter can have, by the service of the store."""
    for path, ref, named in remote_refs(spec, resource.spec_path):
        store = files.store(named.kind, resource.namespace, named.name)
        if store is None or (aws := store.aws) is None:
            continue
        if fault := _arn_fault(ref.key, aws):
            yield resource.found(rules.STORE, f"{path}.key", fault)
        if ref.metadata_policy == "Fetch":
            continue
        for key, message, _ in faults_in(secret_ref(ref, aws)):
            at = f"{path}.{_PARTS[key]}"
            about = f" (with the prefix {quote(aws.prefix)} of the store)" if aws.prefix else ""
            yield resource.found(rules.AWS_NAME, at, f"{message}{about}")


def _arn_fault(key: str, aws: AwsProvider) -> str | None:
    """Why a store cannot read what the ARN names; None if it can, or the key is no ARN."""
    try:
        arn = Arn.parse(key)
    except ValueError:
        return None
    if aws.prefix:
        return f"is an ARN, but the store sets its prefix {quote(aws.prefix)} before it"
    if arn.service != _SERVICES.get(aws.service):
        return f"is an ARN of {arn.service}, but the store reads {aws.service}"
    if arn.region != aws.region:
        return f"is an ARN of {arn.region}, but the store reads {aws.region}"
    return None


def check_credentials(resource: Resource, files: Lookup) -> Iterator[Finding]:
    """Service accounts of stores that do not exist or have no role."""
    store = resource.parsed
    if not (isinstance(store, Store) and store.aws and store.aws.auth.service_account):
        return
    account = store.aws.auth.service_account
    path = "spec.provider.aws.auth.jwt.serviceAccountRef.name"
    namespace = credential_namespace(store.kind, account.namespace, resource.namespace)
    found = files.manifest("ServiceAccount", namespace, account.name)
    if found is not None:
        if not role_of(found):
            message = (
                f"the ServiceAccount {quote(account.name)} has no annotation "
                "eks.amazonaws.com/role-arn: the store gets no credentials"
            )
            yield resource.found(rules.SERVICE_ACCOUNT, path, message)
        return
    accounts = files.names("ServiceAccount", namespace)
    fault = missing(account.name, namespace, accounts, kind="ServiceAccount")
    if fault:
        rule = rules.SERVICE_ACCOUNT if accounts else rules.ELSEWHERE
        yield resource.found(rule, path, *fault)


def check_together(resources: Iterable[Resource]) -> Iterator[Finding]:
    """Resources of one name, and ExternalSecrets that write one Secret."""
    names: dict[tuple[str, str, str], Resource] = {}
    targets: dict[tuple[str, str], Resource] = {}
    for one in resources:
        space = "" if one.kind in CLUSTER_WIDE else one.namespace
        first = names.setdefault((one.kind, space, one.name), one) if one.name else one
        if first is not one:
            message = f"is also in {first.place}: the one that is applied last wins"
            yield one.found(rules.DUPLICATE, "metadata.name", message)
            continue
        parsed = one.parsed
        if not (isinstance(parsed, ExternalSecret) and parsed.spec):
            continue
        if parsed.spec.target.creation_policy != "Owner":
            continue
        target = target_name(parsed.metadata, parsed.spec)
        holder = targets.setdefault((one.namespace, target), one)
        if holder is not one:
            message = (
                f"the Secret {quote(target)} is also written by {holder.manifest.path} in "
                f"{holder.place}: target is owned by another ExternalSecret"
            )
            yield one.found(rules.TARGET, "spec.target.name", message)
