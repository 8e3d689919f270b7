"""Checks what an ExternalSecret, a store or a generator asks for against the operator's policy.

It is checked once the identity is known, which takes Kubernetes only: nothing is asked of AWS
before.
"""

from collections.abc import Iterable

from provider.controller.values.secret_reads import Source
from provider.engine.model import Identity
from provider.policy.rules import AccessRequest, Policy


def check_reads(
    policy: Policy, namespace: str, sources: Iterable[Source], names: list[str]
) -> None:
    """Raise `PolicyViolation` if the namespace may not read these names from these stores."""
    identities, regions = [], []
    for source in sources:
        identities.append(source.principal.identity)
        regions.append(source.aws.region)
    roles = [role for identity in identities for role in identity.roles]
    raise_if_refused(policy, AccessRequest(namespace, regions, roles, names))


def check_identity(policy: Policy, namespace: str | None, identity: Identity, region: str) -> None:
    """Raise `PolicyViolation` if this identity may not be used there.

    `namespace` is None for a store that belongs to no namespace.
    """
    raise_if_refused(policy, AccessRequest(namespace, [region], identity.roles))


def raise_if_refused(policy: Policy, asked: AccessRequest) -> None:
    """Raise `PolicyViolation` if the policy refuses it."""
    if violation := policy.check(asked):
        raise violation
