"""The permissions that the daemon's calls for a class need.

A remount asks only for the version of a secret, unless the class names a version id; parameters are
read again. Names without an account belong to the account of the caller. The ARN of a secret ends
in six random characters. Six `?` match them, and no other secret, because every ARN of a secret
ends like that (Service Authorization Reference, Secrets Manager and Systems Manager).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from provider.aws.arn import Arn, looks_like_arn
from provider.aws.regions import partition, partition_of
from provider.csi.request.model import ClassSpec
from provider.engine.model import AssumeRole, SecretRef
from provider.tools.iam_policy.policy import Condition, Statement, literal

GET_SECRET = "secretsmanager:GetSecretValue"  # noqa: S105 (an action)
DESCRIBE_SECRET = "secretsmanager:DescribeSecret"  # noqa: S105 (an action)
GET_PARAMETERS = "ssm:GetParameters"
GET_BY_PATH = "ssm:GetParametersByPath"
ASSUME_ROLE = "sts:AssumeRole"
TAG_SESSION = "sts:TagSession"

_SIDS = {
    frozenset({GET_SECRET, DESCRIBE_SECRET}): "Secrets",
    frozenset({GET_SECRET}): "PinnedSecrets",
    frozenset({GET_PARAMETERS}): "Parameters",
    frozenset({GET_BY_PATH}): "ParameterPaths",
    frozenset({GET_PARAMETERS, GET_BY_PATH}): "ParametersAndPaths",
}
_ASSUMING = {
    "AssumeRoles": {ASSUME_ROLE},
    "AssumeRolesWithTags": {ASSUME_ROLE, TAG_SESSION},
}
_KEY = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+")
_SECRET_REFERENCE = "/aws/reference/secretsmanager/"  # noqa: S105 (a path)
_PUBLIC = "/aws/service/"
_COMPLETE = re.compile(r"-[A-Za-z0-9]{6}")
_SUFFIX = "-??????"


class MissingInformation(Exception):
    """The files lack something; the message says what, and which option gives it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A region, and an account; the account is empty if it is not known."""

    region: str
    account: str

    def own(self, service: str, resource: str) -> str:
        """The ARN of a resource of the account; raises `MissingInformation` without an account."""
        if not self.account:
            raise MissingInformation(f"{resource} is written without an account: add --account")
        return f"arn:{partition_of(self.region)}:{service}:{self.region}:{self.account}:{resource}"

    def public(self, service: str, resource: str) -> str:
        """The ARN of a resource of AWS itself."""
        return f"arn:{partition_of(self.region)}:{service}:{self.region}::{resource}"


@dataclass(slots=True)
class Permissions:
    """The permissions of one role, collected over classes and regions."""

    actions: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """By region and ARN of the resource."""
    roles: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By ARN of a role that is assumed after the pods' own."""
    covers_optional: bool = False
    """Whether optional secrets are allowed by the beginning of their name."""

    def add_role(self, klass: ClassSpec, role: AssumeRole) -> None:
        """Add what the pods' own role needs to assume the role of the class."""
        # The tags of an EKS Pod Identity session are transitive.
        is_tagged = klass.session_tags or klass.identity_kind != "irsa"
        self.roles[role.arn] |= {ASSUME_ROLE, TAG_SESSION} if is_tagged else {ASSUME_ROLE}

    def add_class(self, klass: ClassSpec, place: Place) -> None:
        """Add what the class needs if it is mounted in the region of `place`."""
        for obj in klass.objects:
            self._add(obj.ref, place)
            if obj.failover is not None and klass.failover_region is not None:
                self._add(obj.failover, Place(klass.failover_region, place.account))

    @property
    def regions(self) -> set[str]:
        """The regions in which something is read."""
        return {region for region, _ in self.actions}

    def statements(self, keys: Iterable[str] = ()) -> tuple[Statement, ...]:
        """A statement for each region and set of actions, then for the KMS keys of each region."""
        grouped: dict[tuple[str, frozenset[str]], list[str]] = defaultdict(list)
        for (region, resource), actions in self.actions.items():
            grouped[region, frozenset(actions)].append(resource)
        read = [
            Statement(
                f"Read{_SIDS[actions]}{camel(region)}",
                tuple(sorted(actions)),
                tuple(sorted(resources)),
            )
            for (region, actions), resources in grouped.items()
        ]
        in_order = sorted(read, key=lambda one: one.sid)
        return (*in_order, *decrypting(keys, self._services()), *self._assuming())

    def _add(self, ref: SecretRef, place: Place) -> None:
        if ref.store == "secretsmanager":
            # Whether an immutable version has changed is never asked.
            wanted = {GET_SECRET} if ref.is_immutable else {GET_SECRET, DESCRIBE_SECRET}
            is_covered = self.covers_optional and may_be_denied(ref)
            resource = secret_resource(ref.name, place, "*" if is_covered else _SUFFIX)
            self.actions[place.region, resource] |= wanted
            return
        action = GET_PARAMETERS if ref.store == "ssmparameter" else GET_BY_PATH
        self.actions[place.region, parameter_resource(ref.name, place)].add(action)
        if ref.name.startswith(_SECRET_REFERENCE):
            secret = secret_resource(ref.name.removeprefix(_SECRET_REFERENCE), place)
            self.actions[place.region, secret].add(GET_SECRET)

    def _services(self) -> set[tuple[str, str]]:
        """The services that are read in each region."""
        return {
            (region, action.partition(":")[0])
            for (region, _), actions in self.actions.items()
            for action in actions
        }

    def _assuming(self) -> Iterator[Statement]:
        for sid, wanted in _ASSUMING.items():
            roles = sorted(literal(arn) for arn, actions in self.roles.items() if actions == wanted)
            if roles:
                yield Statement(sid, tuple(sorted(wanted)), tuple(roles))


def decrypting(keys: Iterable[str], read: Iterable[tuple[str, str]]) -> Iterator[Statement]:
    """`kms:Decrypt`, restricted to calls that the stores make.

    `read` are regions, each with a service that is read there; keys of other regions are left out.
    """
    by_region: dict[str, list[str]] = defaultdict(list)
    for key in sorted(set(keys)):
        by_region[region_of_key(key)].append(key)
    services = sorted(set(read))
    for region, arns in by_region.items():
        suffix = partition(region).domain
        via = tuple(
            f"{service}.{region}.{suffix}" for where, service in services if where == region
        )
        if not via:
            continue  # the key is for another role
        condition = Condition("StringEquals", "kms:ViaService", via)
        yield Statement(f"Decrypt{camel(region)}", ("kms:Decrypt",), tuple(arns), (condition,))


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


def region_of_key(arn: str) -> str:
    """The region in the ARN of a KMS key; raises ValueError if it is not one."""
    found = _KEY.fullmatch(arn)
    if found is None:
        raise ValueError(
            "expected the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID; aliases do not work"
        )
    return found["region"]


def looks_complete(name: str) -> bool:
    """Whether AWS treats an ARN as complete: it ends in a hyphen and six characters."""
    return looks_like_arn(name) and _COMPLETE.fullmatch(name[-7:]) is not None


def may_be_denied(ref: SecretRef) -> bool:
    """Whether AWS may answer "denied" where an optional secret does not exist."""
    return ref.optional and ref.store == "secretsmanager" and not looks_complete(ref.name)


def secret_resource(name: str, place: Place, suffix: str = _SUFFIX) -> str:
    """The resource of a secret, by its name or its ARN, complete or partial."""
    if looks_complete(name):
        return literal(name)
    arn = (
        literal(name)
        if looks_like_arn(name)
        else place.own("secretsmanager", f"secret:{literal(name)}")
    )
    return arn + suffix


def parameter_resource(name: str, place: Place) -> str:
    """The resource of a parameter or of a path."""
    if looks_like_arn(name):
        return literal(name)
    resource = f"parameter/{literal(name.removeprefix('/'))}"
    if name.startswith(_PUBLIC):
        return place.public("ssm", resource)
    return place.own("ssm", resource)


def camel(region: str) -> str:
    return "".join(map(str.capitalize, region.split("-")))
