"""Checks of pods and ServiceAccounts: classes that volumes name, accounts of pods, and roles."""

from collections.abc import Iterator

from provider.kube.kinds import ROLE_ANNOTATION
from provider.manifests.keys import closest
from provider.manifests.nodes import Fields, Scalar
from provider.tools import workloads
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, LocatedManifest
from provider.tools.validate.missing import Names, missing
from provider.tools.workloads import DRIVER, pods, role_fault, text

_PREFIX = "eks.amazonaws.com/"
_OTHERS = {
    f"{_PREFIX}{name}"
    for name in ("audience", "sts-regional-endpoints", "token-expiration", "skip-containers")
}
"""Further annotations of EKS."""
_PLACEHOLDERS = ("${", "$(", "{{")
"""Texts that a later step replaces, as Flux does."""
_ACCOUNT = "ServiceAccount"


def check_volumes(located: LocatedManifest, classes: Names) -> Iterator[Finding]:
    """Volumes that the driver refuses, or whose class is not among `classes`."""
    for path, pod in pods(located.manifest.node):
        for index, csi in workloads.volumes(pod):
            yield from _check_volume(located, f"{path}.volumes[{index}].csi", csi, classes)


def _check_volume(
    located: LocatedManifest, path: str, csi: Fields, classes: Names
) -> Iterator[Finding]:
    name, where = text(workloads.class_of(csi)), f"{path}.volumeAttributes.secretProviderClass"
    if not name:
        yield located.found(rules.VOLUME, where, f"is required by {DRIVER}")
        return
    read_only = csi["readOnly"]
    if not (isinstance(read_only, Scalar) and read_only.text.lower() == "true"):
        message = "must be true: the driver refuses the volume"
        yield located.found(rules.MANIFEST, f"{path}.readOnly", message)
    why, namespace = "pod and class must have the same namespace", located.manifest.namespace
    if fault := missing(name, namespace, classes, kind="class", elsewhere=why):
        rule = rules.VOLUME if classes else rules.ELSEWHERE
        yield located.found(rule, where, *fault)


def check_accounts(located: LocatedManifest, accounts: Names) -> Iterator[Finding]:
    """Service accounts of pods that mount a class, if they are not among `accounts`."""
    why, namespace = "a pod uses its own namespace's", located.manifest.namespace
    for path, pod in pods(located.manifest.node):
        name = text(pod["serviceAccountName"])
        if name in {"", "default"} or not any(True for _ in workloads.volumes(pod)):
            continue
        if fault := missing(name, namespace, accounts, kind=_ACCOUNT, elsewhere=why):
            rule = rules.SERVICE_ACCOUNT if accounts else rules.ELSEWHERE
            yield located.found(rule, f"{path}.serviceAccountName", *fault)


def check_annotations(located: LocatedManifest) -> Iterator[Finding]:
    """An annotation of a ServiceAccount that is misspelled, or names no role."""
    annotations = workloads.at(located.manifest.node, "metadata", "annotations")
    if located.manifest.kind != _ACCOUNT or not isinstance(annotations, Fields):
        return
    has_role = ROLE_ANNOTATION in annotations.entries
    for key, field in annotations.entries.items():
        where = f"metadata.annotations.{key}"
        if key == ROLE_ANNOTATION:
            role = text(field.node)
            if (fault := role_fault(role)) and not any(one in role for one in _PLACEHOLDERS):
                yield located.found(rules.SERVICE_ACCOUNT, where, fault)
        elif not has_role and _is_misspelled(key):
            message = "is not an annotation of EKS: pods get no role"
            hint = f"did you mean {ROLE_ANNOTATION}"
            yield located.found(rules.SERVICE_ACCOUNT, where, message, hint, at=field.key)


def _is_misspelled(key: str) -> bool:
    """Whether a key resembles that of the role, and no other one of EKS."""
    return key not in _OTHERS and closest(key, [ROLE_ANNOTATION, *_OTHERS]) == ROLE_ANNOTATION
