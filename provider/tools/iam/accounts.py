"""Service accounts and AWS accounts, as far as the manifests beside the classes tell them."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from provider.manifests.kubernetes import Manifest
from provider.manifests.nodes import Fields, Items, Node, Scalar

_ROLE = "eks.amazonaws.com/role-arn"
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/.+")
_POD_SPECS = (
    ("spec",),
    ("spec", "template", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
)
"""Where a pod's spec is, in a Pod, a workload and a CronJob."""


@dataclass(frozen=True, slots=True, order=True)
class ServiceAccount:
    """Who a pod is to Kubernetes."""

    namespace: str
    name: str


def service_accounts(
    manifests: Iterable[Manifest], classes: Collection[str], default_namespace: str
) -> list[ServiceAccount]:
    """Those of the pods that mount one of the classes; where there is no such pod, all."""
    found = list(manifests)
    mounting = {
        ServiceAccount(one.namespace or default_namespace, _text(pod["serviceAccountName"]))
        for one in found
        for pod in _pods(one)
        if not set(_mounted(pod)).isdisjoint(classes)
    }
    if mounting:
        return sorted(ServiceAccount(one.namespace, one.name or "default") for one in mounting)
    return sorted(
        ServiceAccount(one.namespace or default_namespace, one.name)
        for one in found
        if one.kind == "ServiceAccount" and one.name
    )


def aws_accounts(manifests: Iterable[Manifest]) -> set[str]:
    """The accounts of the roles that ServiceAccounts are annotated with."""
    roles = (
        _text(_at(one.node, "metadata", "annotations", _ROLE))
        for one in manifests
        if one.kind == "ServiceAccount"
    )
    return set(filter(None, map(account_of, roles)))


def account_of(role: str) -> str:
    """The account of a role's ARN; empty where it is none."""
    found = _ROLE_ARN.fullmatch(role)
    return found["account"] if found else ""


def _pods(manifest: Manifest) -> Iterator[Fields]:
    for path in _POD_SPECS:
        spec = _at(manifest.node, *path)
        if isinstance(spec, Fields) and isinstance(spec["containers"], Items):
            yield spec


def _mounted(pod: Fields) -> Iterator[str]:
    """The classes that a pod's volumes name."""
    volumes = pod["volumes"]
    for volume in volumes.nodes if isinstance(volumes, Items) else ():
        yield _text(_at(volume, "csi", "volumeAttributes", "secretProviderClass"))


def _at(node: Node | None, *path: str) -> Node | None:
    for key in path:
        node = node[key] if isinstance(node, Fields) else None
    return node


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""
