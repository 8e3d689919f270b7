"""As whom a class asks: `auth`, `usePodIdentity`, `roleArn` and what begins with `assumeRole`."""

from collections.abc import Mapping

from provider.manifests.entries import Findings
from provider.csi.request.model import AssumeRole, Auth

_TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_KINDS: Mapping[str, Auth] = {"irsa": "irsa", "podIdentity": "pod-identity", "auto": "auto"}
_BESIDE_ASSUME_ROLE = (
    "assumeRoleExternalId",
    "assumeRoleDurationSeconds",
    "assumeRoleSessionTags",
)


def read_auth(sound: Mapping[str, str], findings: Findings) -> Auth:
    """The kind of identity; what contradicts it is noted."""
    use_pod_identity = sound.get("usePodIdentity")
    kind: Auth = "pod-identity" if use_pod_identity in _TRUE else "irsa"
    if (auth := sound.get("auth")) is not None:
        if use_pod_identity is not None and _KINDS[auth] != kind:
            said = "true" if kind == "pod-identity" else "false"
            findings.wrong("auth", f"is {auth}, which usePodIdentity, {said}, contradicts")
        kind = _KINDS[auth]
    if "roleArn" in sound and kind == "pod-identity":
        findings.wrong(
            "roleArn",
            "is a role for IRSA, but EKS Pod Identity gives the role of its association; see "
            "assumeRoleArn",
        )
    return kind


def read_assume_role(
    given: Mapping[str, str], sound: Mapping[str, str], findings: Findings
) -> AssumeRole | None:
    """The role to assume with the pod's own credentials, if any."""
    if not given["assumeRoleArn"]:
        for key in _BESIDE_ASSUME_ROLE:
            if key in sound:
                findings.wrong(key, "needs assumeRoleArn")
    if "assumeRoleArn" not in sound:
        return None
    duration = sound.get("assumeRoleDurationSeconds")
    return AssumeRole(
        sound["assumeRoleArn"],
        sound.get("assumeRoleExternalId"),
        int(duration) if duration else None,
        sound.get("assumeRoleSessionTags", "").lower() == "true",
    )
