"""Who may be the role: trust policies for IRSA and for EKS Pod Identity.

IRSA: the cluster's OIDC provider speaks for a service account by the token's subject and audience
(EKS User Guide, "Assign IAM roles to Kubernetes service accounts"). EKS Pod Identity: the service
tags each session with the pod's namespace and service account (EKS User Guide, "EKS Pod Identity
roles").
"""

import re
from collections import defaultdict
from collections.abc import Iterable

from provider.tools.iam.accounts import ServiceAccount
from provider.tools.iam.needs import Unclear
from provider.tools.iam.policy import Condition, Statement

_AUDIENCE = "sts.amazonaws.com"
_PROVIDER = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/(?P<issuer>[^\s/]+(/\S+)?)")
_ISSUER = re.compile(r"(https://)?(?P<issuer>[a-z0-9.-]+\.[a-z]+(/\S+)?)")


def irsa(
    accounts: Iterable[ServiceAccount], provider: str, account: str, partition: str
) -> tuple[Statement, ...]:
    """Trust in service accounts of the cluster whose OIDC provider (an ARN or a URL) this is."""
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


def pod_identity(accounts: Iterable[ServiceAccount]) -> tuple[Statement, ...]:
    """Trust in EKS Pod Identity for these service accounts: a statement for each namespace."""
    by_namespace: dict[str, set[str]] = defaultdict(set)
    for one in accounts:
        by_namespace[one.namespace].add(one.name)
    return tuple(
        Statement(
            f"TrustPods{number}",
            ("sts:AssumeRole", "sts:TagSession"),
            conditions=(
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
        raise Unclear("--oidc-provider must be an ARN or the URL of the cluster's issuer")
    if not account:
        raise Unclear("an OIDC provider's URL names no account: add --account")
    issuer = found["issuer"].rstrip("/")
    return f"arn:{partition}:iam::{account}:oidc-provider/{issuer}", issuer
