"""The permissions that the daemon's calls for classes need.

A remount asks only for the version of a secret, unless the class names a version id; parameters are
read again.
"""

from collections.abc import Collection, Iterator, Sequence

from provider.aws.arn import Arn, looks_like_arn
from provider.csi.request.model import ClassSpec
from provider.engine.model import AssumeRole, SecretRef
from provider.tools.iam_policy.permissions import (
    DESCRIBE_SECRET,
    GET_BY_PATH,
    GET_PARAMETERS,
    GET_SECRET,
    MissingInformation,
    Permissions,
    Place,
    looks_complete,
    parameter_resource,
    secret_resource,
)

STATEMENTS = {
    frozenset({GET_SECRET, DESCRIBE_SECRET}): "ReadSecrets",
    frozenset({GET_SECRET}): "ReadPinnedSecrets",
    frozenset({GET_PARAMETERS}): "ReadParameters",
    frozenset({GET_BY_PATH}): "ReadParameterPaths",
    frozenset({GET_PARAMETERS, GET_BY_PATH}): "ReadParametersAndPaths",
}
"""Names of statements, by their actions."""
_SECRET_REFERENCE = "/aws/reference/secretsmanager/"  # noqa: S105 (a path)


def allow_role(permissions: Permissions, klass: ClassSpec, role: AssumeRole) -> None:
    """Add what the pods' own role needs to assume the role of the class."""
    # The tags of an EKS Pod Identity session are transitive.
    is_tagged = klass.session_tags or klass.identity_kind != "irsa"
    permissions.allow_role(role.arn, is_tagged=is_tagged)


def allow_class(
    permissions: Permissions, klass: ClassSpec, place: Place, *, covers_optional: bool
) -> None:
    """Add what the class needs if it is mounted in the region of `place`.

    With `covers_optional`, optional secrets are allowed by the beginning of their names.
    """
    other = Place(klass.failover_region or "", place.account)
    refs = [(obj.ref, place) for obj in klass.objects]
    if klass.failover_region is not None:
        refs += [(obj.failover, other) for obj in klass.objects if obj.failover is not None]
    for ref, where in refs:
        for resource, actions in _needed(ref, where, covers_optional=covers_optional):
            permissions.allow(where.region, resource, actions)


def _needed(
    ref: SecretRef, place: Place, *, covers_optional: bool
) -> Iterator[tuple[str, Collection[str]]]:
    """Resources, each with the actions on it."""
    if ref.store == "secretsmanager":
        # Whether an immutable version has changed is never asked.
        wanted = {GET_SECRET} if ref.is_immutable else {GET_SECRET, DESCRIBE_SECRET}
        is_covered = covers_optional and may_be_denied(ref)
        yield secret_resource(ref.name, place, is_covered=is_covered), wanted
        return
    action = GET_PARAMETERS if ref.store == "ssmparameter" else GET_BY_PATH
    yield parameter_resource(ref.name, place), {action}
    if ref.name.startswith(_SECRET_REFERENCE):
        yield secret_resource(ref.name.removeprefix(_SECRET_REFERENCE), place), {GET_SECRET}


def regions_of(klass: ClassSpec, given: Sequence[str]) -> Sequence[str]:
    """The regions of a class: its own, else those `given`, else those of its ARNs."""
    if klass.region is not None:
        return [klass.region]
    if given:
        return given
    names = [obj.ref.name for obj in klass.objects]
    if all(map(looks_like_arn, names)):
        return sorted({Arn.parse(name).region for name in names})
    raise MissingInformation("the class names no region, so it is that of the node: add --region")


def may_be_denied(ref: SecretRef) -> bool:
    """Whether AWS may answer "denied" where an optional secret does not exist."""
    return ref.optional and ref.store == "secretsmanager" and not looks_complete(ref.name)
