"""Service accounts and AWS accounts that the manifests beside the classes name."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from provider.manifests.kubernetes import Manifest
from provider.tools.workloads import classes_of, pods, role_of, text

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/.+")


@dataclass(frozen=True, slots=True, order=True)
class ServiceAccount:
    """A Kubernetes service account."""

    namespace: str
    name: str


def service_accounts(
    manifests: Iterable[Manifest], classes: Collection[str], default_namespace: str
) -> list[ServiceAccount]:
    """Those of the pods that mount one of the classes; without such a pod, all ServiceAccounts."""
    found = list(manifests)
    mounting = {
        ServiceAccount(
            one.namespace or default_namespace, text(pod["serviceAccountName"]) or "default"
        )
        for one in found
        for _, pod in pods(one.node)
        if not set(classes_of(pod)).isdisjoint(classes)
    }
    if mounting:
        return sorted(mounting)
    return sorted(
        ServiceAccount(one.namespace or default_namespace, one.name)
        for one in found
        if one.kind == "ServiceAccount" and one.name
    )


def aws_accounts(manifests: Iterable[Manifest]) -> set[str]:
    """The accounts of the roles that ServiceAccounts are annotated with."""
    roles = (role_of(one) for one in manifests if one.kind == "ServiceAccount")
    return set(filter(None, map(account_of, roles)))


def account_of(role: str) -> str:
    """The account in the ARN of a role; empty if it is not one."""
    found = _ROLE_ARN.fullmatch(role)
    return found["account"] if found else ""
