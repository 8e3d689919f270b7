"""Reads how a class authenticates: `auth`, `usePodIdentity`, `roleArn` and `assumeRole…`."""

from collections.abc import Mapping

from provider.csi.request.model import Auth
from provider.engine.model import AssumeRole
from provider.manifests.entries import Findings

_TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_KINDS: Mapping[str, Auth] = {"irsa": "irsa", "podIdentity": "pod-identity", "auto": "auto"}
_BESIDE_ASSUME_ROLE = (
    "assumeRoleExternalId",
    "assumeRoleDurationSeconds",
    "assumeRoleSessionTags",
)


def read_auth(valid: Mapping[str, str], findings: Findings) -> Auth:
    """The kind of credentials; adds a problem for each key that contradicts it."""
    use_pod_identity = valid.get("usePodIdentity")
    kind: Auth = "pod-identity" if use_pod_identity in _TRUE else "irsa"
    if (auth := valid.get("auth")) is not None:
        if use_pod_identity is not None and _KINDS[auth] != kind:
            said = "true" if kind == "pod-identity" else "false"
            findings.error("auth", f"is {auth}, but usePodIdentity is {said}")
        kind = _KINDS[auth]
    if "roleArn" in valid and kind == "pod-identity":
        findings.error(
            "roleArn",
            "is a role for IRSA, but EKS Pod Identity gives the role of its association; see "
            "assumeRoleArn",
        )
    return kind


def read_assume_role(
    given: Mapping[str, str], valid: Mapping[str, str], findings: Findings
) -> AssumeRole | None:
    """The role to assume with the pod's own credentials; None: there is none."""
    if not given["assumeRoleArn"]:
        for key in _BESIDE_ASSUME_ROLE:
            if key in valid:
                findings.error(key, "needs assumeRoleArn")
    if "assumeRoleArn" not in valid:
        return None
    duration = valid.get("assumeRoleDurationSeconds")
    return AssumeRole(
        valid["assumeRoleArn"],
        valid.get("assumeRoleExternalId"),
        int(duration) if duration else None,
    )
