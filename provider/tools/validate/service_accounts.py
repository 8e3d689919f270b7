"""Checks of ServiceAccounts: the annotation that names a role for IRSA, and accounts of pods."""

from collections.abc import Iterator

from provider.csi.request.keys import PARAMETER_KEYS
from provider.manifests.keys import closest
from provider.manifests.nodes import Fields, Node
from provider.manifests.problems import quote
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, LocatedManifest
from provider.tools.validate.missing import Names, missing
from provider.tools.workloads import ROLE_ANNOTATION, at, pods, text, volumes

_PREFIX = "eks.amazonaws.com/"
_OTHERS = {
    f"{_PREFIX}{name}"
    for name in ("audience", "sts-regional-endpoints", "token-expiration", "skip-containers")
}
"""Further annotations of EKS."""
_ROLE = next(key for key in PARAMETER_KEYS if key.name == "roleArn")
_PLACEHOLDERS = ("${", "$(", "{{")
"""Texts that a later step replaces, as Flux does."""

_KIND = "ServiceAccount"
_ELSEWHERE = "a pod uses its own namespace's"


def check_annotations(located: LocatedManifest) -> Iterator[Finding]:
    """An annotation of a ServiceAccount that is misspelled, or names no role."""
    annotations = at(located.manifest.node, "metadata", "annotations")
    if located.manifest.kind != _KIND or not isinstance(annotations, Fields):
        return
    for key, field in annotations.entries.items():
        for message, node, hint in _faults(key, field.key, field.node, annotations):
            where = f"metadata.annotations.{key}"
            yield located.found(rules.SERVICE_ACCOUNT, where, message, node, hint)


def _faults(
    key: str, key_node: Node, node: Node, annotations: Fields
) -> Iterator[tuple[str, Node, str]]:
    """Message, place and suggestion."""
    if key == ROLE_ANNOTATION:
        role = text(node)
        fault = _ROLE.fault_in(role)
        if fault and not any(one in role for one in _PLACEHOLDERS):
            yield f"{fault}, got {quote(role)}", node, ""
    elif ROLE_ANNOTATION not in annotations.entries and _is_misspelled(key):
        message = "is not an annotation of EKS: pods get no role"
        yield message, key_node, f"did you mean {ROLE_ANNOTATION}"


def _is_misspelled(key: str) -> bool:
    """Whether a key resembles that of the role, and no other one of EKS."""
    return key not in _OTHERS and closest(key, [ROLE_ANNOTATION, *_OTHERS]) == ROLE_ANNOTATION


def check_accounts(located: LocatedManifest, accounts: Names) -> Iterator[Finding]:
    """Service accounts of pods that mount a class, if they are not among `accounts`."""
    for path, pod in pods(located.manifest.node):
        node = pod["serviceAccountName"]
        name = text(node)
        if name in {"", "default"} or not any(True for _ in volumes(pod)):
            continue
        fault = missing(
            name, located.manifest.namespace, accounts, kind=_KIND, elsewhere=_ELSEWHERE
        )
        if fault:
            message, hint = fault
            rule = rules.SERVICE_ACCOUNT if accounts else rules.ELSEWHERE
            yield located.found(rule, f"{path}.serviceAccountName", message, node, hint)
