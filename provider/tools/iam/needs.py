"""What the daemon calls for a class, as permissions.

A remount asks for the version alone, unless the class names one that cannot change; a parameter is
fetched anew. Names are of the caller's own account. A secret's ARN ends in six characters that
nobody knows before it exists, and `?` stands for each: that matches no other secret's name, for
theirs end so too. (Service Authorization Reference, Secrets Manager and Systems Manager.)
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from provider.tools.iam.policy import Condition, Statement, literal
from provider.aws.arn import Arn, looks_like_arn, partition_of
from provider.csi.request.model import AssumeRole, Auth, ClassSpec, ObjectRef

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
_WHOLE = re.compile(r"-[A-Za-z0-9]{6}")
_SUFFIX = "-??????"
_DNS = {
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}


class Unclear(Exception):
    """Something that the classes do not say has to be given; the text says what and how."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is asked for; the account is empty where nobody told it."""

    region: str
    account: str

    def own(self, service: str, resource: str) -> str:
        """The ARN of what belongs to this place's account, which must be known."""
        if not self.account:
            raise Unclear(f"{resource} is named without an account: add --account")
        return f"arn:{partition_of(self.region)}:{service}:{self.region}:{self.account}:{resource}"

    def public(self, service: str, resource: str) -> str:
        """The ARN of what belongs to AWS."""
        return f"arn:{partition_of(self.region)}:{service}:{self.region}::{resource}"


@dataclass(slots=True)
class Needs:
    """Permissions of one role, gathered over classes and regions."""

    actions: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """By region and resource."""
    roles: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """What is done with roles that are assumed after the pods' own, by their ARNs."""

    def add_role(self, role: AssumeRole, auth: Auth) -> None:
        """What the pods' own role needs to go on to another one."""
        # The tags of an EKS Pod Identity session pass on to the next by themselves.
        is_tagged = role.session_tags or auth != "irsa"
        self.roles[role.arn] |= {ASSUME_ROLE, TAG_SESSION} if is_tagged else {ASSUME_ROLE}

    def add_class(self, klass: ClassSpec, place: Place) -> None:
        """What the class needs when its region is that of `place`."""
        for obj in klass.objects:
            self._add(obj.ref, place)
            if obj.failover is not None and klass.failover_region is not None:
                self._add(obj.failover, Place(klass.failover_region, place.account))

    @property
    def regions(self) -> set[str]:
        """Where something is read."""
        return {region for region, _ in self.actions}

    def statements(self, keys: Iterable[str] = ()) -> tuple[Statement, ...]:
        """One statement for each region and set of actions, then one for each region's keys."""
        grouped: dict[tuple[str, frozenset[str]], list[str]] = defaultdict(list)
        for (region, resource), actions in self.actions.items():
            grouped[region, frozenset(actions)].append(resource)
        read = [
            Statement(
                f"Read{_SIDS[actions]}{_camel(region)}",
                tuple(sorted(actions)),
                tuple(sorted(resources)),
            )
            for (region, actions), resources in grouped.items()
        ]
        in_order = sorted(read, key=lambda one: one.sid)
        return (*in_order, *self._decrypting(keys), *self._assuming())

    def _add(self, ref: ObjectRef, place: Place) -> None:
        if ref.store == "secretsmanager":
            # Of a version that never changes nobody asks whether it did.
            wanted = {GET_SECRET} if ref.is_pinned else {GET_SECRET, DESCRIBE_SECRET}
            self.actions[place.region, _secret(ref.name, place)] |= wanted
            return
        action = GET_PARAMETERS if ref.store == "ssmparameter" else GET_BY_PATH
        self.actions[place.region, _parameter(ref.name, place)].add(action)
        if ref.name.startswith(_SECRET_REFERENCE):
            secret = _secret(ref.name.removeprefix(_SECRET_REFERENCE), place)
            self.actions[place.region, secret].add(GET_SECRET)

    def _assuming(self) -> Iterator[Statement]:
        for sid, wanted in _ASSUMING.items():
            roles = sorted(literal(arn) for arn, actions in self.roles.items() if actions == wanted)
            if roles:
                yield Statement(sid, tuple(sorted(wanted)), tuple(roles))

    def _decrypting(self, keys: Iterable[str]) -> Iterator[Statement]:
        """`kms:Decrypt`, but only for what the stores decrypt in the pod's name."""
        by_region: dict[str, list[str]] = defaultdict(list)
        for key in sorted(set(keys)):
            by_region[region_of_key(key)].append(key)
        for region, arns in by_region.items():
            suffix = _DNS.get(partition_of(region), "amazonaws.com")
            services = sorted(
                {
                    action.partition(":")[0]
                    for (where, _), actions in self.actions.items()
                    if where == region
                    for action in actions
                }
            )
            if not services:
                continue  # another role's
            via = tuple(f"{service}.{region}.{suffix}" for service in services)
            condition = Condition("StringEquals", "kms:ViaService", via)
            sid = f"Decrypt{_camel(region)}"
            yield Statement(sid, ("kms:Decrypt",), tuple(arns), (condition,))


def regions_of(klass: ClassSpec, given: Sequence[str]) -> Sequence[str]:
    """The regions that a class may be mounted in; those of its ARNs where nothing else is said."""
    if klass.region is not None:
        return [klass.region]
    if given:
        return given
    names = [obj.ref.name for obj in klass.objects]
    if all(map(looks_like_arn, names)):
        return sorted({Arn.parse(name).region for name in names})
    raise Unclear("no region: it is the node's own; say by --region which that is")


def region_of_key(arn: str) -> str:
    """The region of a KMS key; `ValueError` where it is no key's ARN."""
    found = _KEY.fullmatch(arn)
    if found is None:
        raise ValueError(
            "expected a key's ARN, arn:aws:kms:REGION:ACCOUNT:key/ID: policies know no aliases"
        )
    return found["region"]


def ends_like_whole(name: str) -> bool:
    """Whether AWS takes an ARN for a whole one: a hyphen and six characters end it."""
    return looks_like_arn(name) and _WHOLE.fullmatch(name[-7:]) is not None


def _secret(name: str, place: Place) -> str:
    """The resource of a secret, by whatever it is called."""
    if ends_like_whole(name):
        return literal(name)
    arn = (
        literal(name)
        if looks_like_arn(name)
        else place.own("secretsmanager", f"secret:{literal(name)}")
    )
    return arn + _SUFFIX


def _parameter(name: str, place: Place) -> str:
    """The resource of a parameter or of a path."""
    if looks_like_arn(name):
        return literal(name)
    resource = f"parameter/{literal(name.removeprefix('/'))}"
    if name.startswith(_PUBLIC):
        return place.public("ssm", resource)
    return place.own("ssm", resource)


def _camel(region: str) -> str:
    return "".join(map(str.capitalize, region.split("-")))
