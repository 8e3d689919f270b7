"""Trust policies for IRSA and for EKS Pod Identity.

IRSA: conditions on the token's subject and audience at the cluster's OIDC provider (EKS User Guide,
"Assign IAM roles to Kubernetes service accounts"). EKS Pod Identity: conditions on the session tags
for cluster, namespace and service account (EKS User Guide, "EKS Pod Identity roles").
"""

import re
from collections import defaultdict
from collections.abc import Iterable

from provider.tools.iam_policy.permissions import MissingInformation
from provider.tools.iam_policy.policy import Condition, Statement
from provider.tools.iam_policy.service_accounts import ServiceAccount

_AUDIENCE = "sts.amazonaws.com"
CLUSTER = re.compile(
    r"(arn:aws[a-z-]*:eks:[a-z0-9-]+:\d{12}:cluster/)?[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
)
_PROVIDER = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/(?P<issuer>[^\s/]+(/\S+)?)")
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
                Condition("StringEquals", f"{issuer}:aud", (_AUDIENCE,)),
                Condition("StringEquals", f"{issuer}:sub", tuple(subjects)),
            ),
            principal=("Federated", arn),
        ),
    )


def pod_identity(accounts: Iterable[ServiceAccount], cluster: str = "") -> tuple[Statement, ...]:
    """Trust in EKS Pod Identity for these service accounts: a statement for each namespace.

    `cluster` is the ARN or the name of the only cluster that is trusted.
    """
    kind = "arn" if cluster.startswith("arn:") else "name"
    of_cluster = Condition("StringEquals", f"aws:RequestTag/eks-cluster-{kind}", (cluster,))
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
                Condition("StringEquals", "aws:RequestTag/kubernetes-namespace", (namespace,)),
                Condition(
                    "StringEquals",
                    "aws:RequestTag/kubernetes-service-account",
                    tuple(sorted(names)),
                ),
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
