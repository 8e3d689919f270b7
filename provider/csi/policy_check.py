"""Checks a mount against the operator's policy."""

from provider.csi.request.model import MountSpec
from provider.engine.failover import Regions
from provider.engine.model import Identity, SecretRef
from provider.errors import PolicyViolation
from provider.policy.rules import AccessRequest, Policy


def refusal(
    policy: Policy, spec: MountSpec, regions: Regions, identity: Identity | None
) -> PolicyViolation | None:
    """Why the policy refuses the mount; None if it does not.

    `identity` is None before it is known; then only the roles that the class names are checked.
    """
    klass = spec.klass
    roles = [klass.role_arn, klass.assume_role.arn if klass.assume_role else None]
    roles += identity.roles if identity else []
    refs = [ref for one in klass.objects for ref in (one.ref, one.failover) if ref]
    asked = AccessRequest(
        spec.pod.namespace,
        regions=[region for region in (regions.primary, regions.failover) if region],
        role_arns=list(filter(None, roles)),
        names=list(map(_policy_name, refs)),
    )
    return policy.check(asked)


def _policy_name(ref: SecretRef) -> str:
    """The name of a ref; of a path with a `/` at its end, because all below it is read."""
    return f"{ref.name.rstrip('/')}/" if ref.store == "ssmparameterpath" else ref.name
