"""The container as the chart of AWS's own provider (3.1.1) renders it, from what it is known by.

Its image is not its concern here: ours is put in its place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The values of that chart which reach the container, with its defaults."""

    provider_volume: str = "/var/run/secrets-store-csi-providers"
    kubelet_path: str = "/var/lib/kubelet"
    driver_writes_secrets: bool = False
    qps: str = ""
    burst: str = ""
    eks_addon_version: str = ""
    pod_identity_http_timeout: str = ""
    aws_region: str = ""
    use_fips_endpoint: bool = False


def container(values: Values) -> dict[str, Any]:
    """The container's part of the pod's template."""
    return {
        "name": "provider-aws-installer",
        "args": list(_arguments(values)),
        "env": [{"name": name, "value": value} for name, value in environment(values).items()],
        "resources": {
            "requests": {"cpu": "50m", "memory": "100Mi"},
            "limits": {"cpu": "50m", "memory": "100Mi"},
        },
        "securityContext": {"privileged": False, "allowPrivilegeEscalation": False},
        "volumeMounts": [
            {"name": "providervol", "mountPath": values.provider_volume},
            {
                "name": "mountpoint-dir",
                "mountPath": f"{values.kubelet_path}/pods",
                "mountPropagation": "HostToContainer",
            },
        ],
    }


def environment(values: Values) -> dict[str, str]:
    """No NODE_NAME, and nothing at all by default."""
    fips = {"AWS_USE_FIPS_ENDPOINT": "true"} if values.use_fips_endpoint else {}
    return fips | ({"AWS_REGION": values.aws_region} if values.aws_region else {})


def _arguments(values: Values) -> Iterator[str]:
    yield f"--provider-volume={values.provider_volume}"
    if values.driver_writes_secrets:
        yield "--driver-writes-secrets=true"
    for flag, value in (
        ("qps", values.qps),
        ("burst", values.burst),
        ("eks-addon-version", values.eks_addon_version),
        ("pod-identity-http-timeout", values.pod_identity_http_timeout),
    ):
        if value:
            yield f"--{flag}={value}"
