"""Checks what an ExternalSecret, a store or a generator asks for against the operator's policy.

It is checked once the identity is known, which takes Kubernetes only: nothing is asked of AWS
before.
"""

from collections.abc import Iterable

from provider.controller.values.secret_reads import Source
from provider.engine.model import Identity
from provider.policy.rules import Asked, Policy


def check_reads(
    policy: Policy, namespace: str, sources: Iterable[Source], names: list[str]
) -> None:
    """Raise `PolicyViolation` if the namespace may not read these names from these stores."""
    identities, regions = [], []
    for source in sources:
        identities.append(source.principal.identity)
        regions.append(source.aws.region)
    roles = [role for identity in identities for role in roles_of(identity)]
    raise_if_refused(policy, Asked(namespace, regions, roles, names))


def check_identity(policy: Policy, namespace: str | None, identity: Identity, region: str) -> None:
    """Raise `PolicyViolation` if this identity may not be used there.

    `namespace` is None for a store that belongs to no namespace.
    """
    raise_if_refused(policy, Asked(namespace, [region], roles_of(identity)))


def raise_if_refused(policy: Policy, asked: Asked) -> None:
    """Raise `PolicyViolation` if the policy refuses it."""
    if violation := policy.check(asked):
        raise violation


def roles_of(identity: Identity) -> list[str]:
    """The roles that a store, generator or service account names, the one that reads last."""
    own = [identity.role] if identity.kind == "irsa" and identity.role else []
    return [*own, *(one.arn for one in identity.chain)]
