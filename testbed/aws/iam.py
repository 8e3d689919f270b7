"""Roles, the sessions they are worn in, and what they may do."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from testbed.tokens import ISSUER, Claims

ACCOUNT = "111122223333"
"""The account number that AWS's own documentation uses."""

Lack = Literal["identity-based", "resource-based"]
Statement = tuple[str, str]
"""An action pattern and a resource pattern that are allowed; `*` and `?` as in IAM."""


def partition_of(region: str) -> str:
    """The AWS partition of a region."""
    for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return partition
    return "aws"


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether an IAM pattern covers a text."""
    return pattern == "*" or _pattern(pattern).fullmatch(text) is not None


@dataclass(slots=True)
class Role:
    """An IAM role: who may assume it and what it may do. Change the fields at will.

    `trust` names service accounts as `namespace:name`, with IAM's wildcards; `trusts_pods` is the
    trust in EKS Pod Identity.
    """

    arn: str
    trust: set[str] = field(default_factory=set)
    allow: list[Statement] = field(default_factory=list)
    trusts_pods: bool = True
    issuer: str = ISSUER
    external_id: str = ""
    """What its trust policy asks of those who assume it by AssumeRole."""
    trusts_tags: bool = True
    """Whether its trust policy allows sts:TagSession."""

    @property
    def name(self) -> str:
        """Last element of the ARN."""
        return self.arn.rpartition("/")[2]

    def trusts(self, claims: Claims) -> bool:
        """Whether the trust policy lets this service account in."""
        who = f"{claims.namespace}:{claims.service_account}"
        return claims.issuer == self.issuer and any(matches(one, who) for one in self.trust)

    def may(self, action: str, resource: str) -> bool:
        """Whether a statement allows this."""
        return any(
            matches(its_action, action) and matches(its_resource, resource)
            for its_action, its_resource in self.allow
        )


@dataclass(frozen=True, slots=True)
class Session:
    """Credentials given out, and who holds them. `expires_at` is wall-clock seconds."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(repr=False)
    role: Role
    name: str
    expires_at: float
    tags: Mapping[str, str] = field(default_factory=dict)
    """Transitive session tags: they pass on to roles that are assumed with it."""
    own_tags: Mapping[str, str] = field(default_factory=dict)
    """Session tags that do not."""

    @property
    def is_user(self) -> bool:
        """Whether it is of an IAM user and not of a role."""
        return ":user/" in self.role.arn

    @property
    def arn(self) -> str:
        """The caller as AWS names it in messages."""
        if self.is_user:
            return self.role.arn
        partition, account = self.role.arn.split(":")[1], self.role.arn.split(":")[4]
        return f"arn:{partition}:sts::{account}:assumed-role/{self.role.name}/{self.name}"


def allow(resource: str = "*", *actions: str) -> Iterable[Statement]:
    """Statements for one resource; without actions: everything the provider needs."""
    return [(action, resource) for action in actions or READ_ACTIONS]


READ_ACTIONS = (
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
)
CONTROLLER_ACTIONS = (
    *READ_ACTIONS,
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:ListSecrets",
    "ssm:DescribeParameters",
    "ssm:ListTagsForResource",
    "ecr:GetAuthorizationToken",
    "ecr-public:GetAuthorizationToken",
    "sts:AssumeRole",
    "sts:GetServiceBearerToken",
    "sts:TagSession",
)
"""Everything that the controller may need."""
