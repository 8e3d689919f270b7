"""Checks of ServiceAccounts: the annotation that names a role for IRSA, and accounts of pods."""

from collections.abc import Collection, Iterator

from provider.csi.request.keys import PARAMETER_KEYS
from provider.manifests.keys import closest
from provider.manifests.nodes import Fields, Node
from provider.manifests.problems import quote
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, Held, Rule
from provider.tools.validate.synced_secrets import nearest
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

Accounts = Collection[tuple[str, str]]
"""Namespace, empty if the manifest has none, and name."""


def check_annotations(held: Held) -> Iterator[Finding]:
    """An annotation of a ServiceAccount that is misspelled, or names no role."""
    annotations = at(held.manifest.node, "metadata", "annotations")
    if held.manifest.kind != "ServiceAccount" or not isinstance(annotations, Fields):
        return
    for key, field in annotations.entries.items():
        for message, node, hint in _faults(key, field.key, field.node, annotations):
            where = f"metadata.annotations.{key}"
            yield held.found(rules.SERVICE_ACCOUNT, where, message, node, hint)


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


def check_accounts(held: Held, accounts: Accounts) -> Iterator[Finding]:
    """Service accounts of pods that mount a class, if they are not among `accounts`."""
    for path, pod in pods(held.manifest.node):
        node = pod["serviceAccountName"]
        name = text(node)
        if name in {"", "default"} or not any(True for _ in volumes(pod)):
            continue
        for rule, message, hint in _missing(name, held.manifest.namespace, accounts):
            yield held.found(rule, f"{path}.serviceAccountName", message, node, hint)


def _missing(name: str, namespace: str, accounts: Accounts) -> Iterator[tuple[Rule, str, str]]:
    """Rule, message and suggestion, if the files do not have the service account."""
    spaces = sorted(space for space, one in accounts if one == name)
    if spaces:
        if namespace and not {"", namespace} & {*spaces}:
            message = f"{quote(name)} is in {' and '.join(spaces)}: a pod uses its own namespace's"
            yield rules.SERVICE_ACCOUNT, message, ""
        return
    message = f"{quote(name)} is not a ServiceAccount of these files"
    if accounts:
        meant = nearest(name, [one for _, one in accounts])
        yield rules.SERVICE_ACCOUNT, message, f"did you mean {meant}" if meant else ""
    else:
        yield rules.ELSEWHERE, message, ""
