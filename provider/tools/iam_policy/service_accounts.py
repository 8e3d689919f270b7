"""Service accounts and AWS accounts that manifests name, and trust policies for them.

IRSA: conditions on the token's subject and audience at the cluster's OIDC provider (EKS User Guide,
"Assign IAM roles to Kubernetes service accounts"). EKS Pod Identity: conditions on the session tags
for cluster, namespace and service account (EKS User Guide, "EKS Pod Identity roles").
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from provider.manifests.kubernetes import Manifest
from provider.tools.iam_policy.permissions import MissingInformation
from provider.tools.iam_policy.policy import Condition, Statement
from provider.tools.workloads import classes_of, pods, role_of, text

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>[0-9]{12}):role/.+")


@dataclass(frozen=True, slots=True, order=True)
class ServiceAccount:
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


_AUDIENCE = "sts.amazonaws.com"
CLUSTER = re.compile(
    r"(arn:aws[a-z-]*:eks:[a-z0-9-]+:[0-9]{12}:cluster/)?[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
)
_PROVIDER = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/(?P<issuer>[^\s/]+(/\S+)?)")
_ISSUER = re.compile(r"(https://)?(?P<issuer>[a-z0-9.-]+\.[a-z]+(/\S+)?)")


def irsa(
    accounts: Iterable[ServiceAccount], provider: str, account: str, partition: str
) -> tuple[Statement, ...]:
    """Trust in service accounts of the cluster with the OIDC `provider` (an ARN or a URL)."""
    arn, issuer = _oidc(provider, account, partition)
    subjects = sorted(f"system:serviceaccount:{one.namespace}:{one.name}" for one in set(accounts))
    return (
        Statement(
            "TrustServiceAccounts",
            ("sts:AssumeRoleWithWebIdentity",),
            conditions=(
                Condition(f"{issuer}:aud", (_AUDIENCE,)),
                Condition(f"{issuer}:sub", tuple(subjects)),
            ),
            principal=("Federated", arn),
        ),
    )


def pod_identity(accounts: Iterable[ServiceAccount], cluster: str = "") -> tuple[Statement, ...]:
    """Trust in EKS Pod Identity for these service accounts: a statement for each namespace.

    `cluster` is the ARN or the name of the only cluster that is trusted.
    """
    kind = "arn" if cluster.startswith("arn:") else "name"
    of_cluster = Condition(f"aws:RequestTag/eks-cluster-{kind}", (cluster,))
    only = [of_cluster] if cluster else []
    by_namespace: dict[str, set[str]] = defaultdict(set)
    for one in accounts:
        by_namespace[one.namespace].add(one.name)
    return tuple(
        Statement(
            f"TrustPods{number}",
            ("sts:AssumeRole", "sts:TagSession"),
            conditions=(
                *only,
                Condition("aws:RequestTag/kubernetes-namespace", (namespace,)),
                Condition("aws:RequestTag/kubernetes-service-account", tuple(sorted(names))),
            ),
            principal=("Service", "pods.eks.amazonaws.com"),
        )
        for number, (namespace, names) in enumerate(sorted(by_namespace.items()), 1)
    )


def _oidc(provider: str, account: str, partition: str) -> tuple[str, str]:
    """ARN and issuer (without https://) of an OIDC provider."""
    if found := _PROVIDER.fullmatch(provider):
        return provider, found["issuer"]
    if not (found := _ISSUER.fullmatch(provider)):
        raise MissingInformation(
            "--oidc-provider must be an ARN or the URL of the cluster's issuer"
        )
    if not account:
        raise MissingInformation("the URL of an OIDC provider has no account: add --account")
    issuer = found["issuer"].rstrip("/")
    return f"arn:{partition}:iam::{account}:oidc-provider/{issuer}", issuer
