"""Service accounts and AWS accounts that the manifests beside the classes name."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from provider.manifests.kubernetes import Manifest
from provider.tools.workloads import classes_of, pods, role_of, text

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/.+")


@dataclass(frozen=True, slots=True, order=True)
class ServiceAccount:
    """A Kubernetes service account."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def service_accounts(
    manifests: Iterable[Manifest], classes: Collection[str], default_namespace: str
) -> list[ServiceAccount]:
    """Those of the pods that mount one of the classes; without such a pod, all ServiceAccounts."""
    found = list(manifests)
    mounting = mounted_by(found, default_namespace)
    named = [account for account, mounted in mounting.items() if not mounted.isdisjoint(classes)]
    if named:
        return sorted(named)
    return sorted(
        ServiceAccount(one.namespace or default_namespace, one.name)
        for one in found
        if one.kind == "ServiceAccount" and one.name
    )


def mounted_by(
    manifests: Iterable[Manifest], default_namespace: str
) -> Mapping[ServiceAccount, set[str]]:
    """The names of the classes that the pods of each service account mount."""
    mounted: dict[ServiceAccount, set[str]] = defaultdict(set)
    for one in manifests:
        for _, pod in pods(one.node):
            name = text(pod["serviceAccountName"]) or "default"
            account = ServiceAccount(one.namespace or default_namespace, name)
            mounted[account].update(classes_of(pod))
    return mounted


def role_account(manifests: Iterable[Manifest], whose: ServiceAccount, default: str) -> str:
    """The AWS account of the role of one service account; empty if it is not known."""
    roles = (
        role_of(one)
        for one in manifests
        if one.kind == "ServiceAccount"
        and (one.namespace or default, one.name) == (whose.namespace, whose.name)
    )
    return next(filter(None, map(account_of, roles)), "")


def aws_accounts(manifests: Iterable[Manifest]) -> set[str]:
    """The accounts of the roles that ServiceAccounts are annotated with."""
    roles = (role_of(one) for one in manifests if one.kind == "ServiceAccount")
    return set(filter(None, map(account_of, roles)))


def account_of(role: str) -> str:
    """The account in the ARN of a role; empty if it is not one."""
    found = _ROLE_ARN.fullmatch(role)
    return found["account"] if found else ""
