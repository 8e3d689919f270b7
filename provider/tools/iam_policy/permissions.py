"""The permissions of one role or user, as they are collected, and the resources that they are on.

Names without an account belong to the account of the caller. The ARN of a secret ends in six random
characters. Six `?` match them, and no other secret, because every ARN of a secret ends like that
(Service Authorization Reference, Secrets Manager and Systems Manager).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from provider.aws.arn import looks_like_arn
from provider.aws.regions import partition, partition_of
from provider.tools.iam_policy.policy import Condition, Statement, literal, unique

BATCH = "secretsmanager:BatchGetSecretValue"
DESCRIBE_PARAMETERS = "ssm:DescribeParameters"
DESCRIBE_SECRET = "secretsmanager:DescribeSecret"  # noqa: S105 (an action)
GET_BY_PATH = "ssm:GetParametersByPath"
GET_PARAMETERS = "ssm:GetParameters"
GET_SECRET = "secretsmanager:GetSecretValue"  # noqa: S105 (an action)
LIST_SECRETS = "secretsmanager:ListSecrets"
LIST_TAGS = "ssm:ListTagsForResource"
ALL = "*"
"""The resource of actions that concern no single one."""

_ASSUME_ROLE = "sts:AssumeRole"
_TAG_SESSION = "sts:TagSession"
_DECRYPTING = {GET_SECRET, GET_PARAMETERS, GET_BY_PATH}
"""Actions for which AWS decrypts a value."""
_KEY = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+")
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
            why = "is named without an AWS account: add --account ID, that of the secrets"
            raise MissingInformation(f"{resource} {why}")
        return f"arn:{partition_of(self.region)}:{service}:{self.region}:{self.account}:{resource}"

    def public(self, service: str, resource: str) -> str:
        """The ARN of a resource of AWS itself."""
        return f"arn:{partition_of(self.region)}:{service}:{self.region}::{resource}"


Conditions = tuple[Condition, ...]


@dataclass(slots=True)
class Permissions:
    """The permissions of one role or user. `names` are names of statements for sets of actions."""

    names: Mapping[frozenset[str], str] = field(default_factory=dict)
    actions: dict[tuple[str, str, Conditions], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    """By region, resource and conditions."""
    roles: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By the ARN of a role that is assumed next."""
    together: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Secrets that one call may read, by region."""

    def allow(
        self, region: str, resource: str, actions: Iterable[str], conditions: Conditions = ()
    ) -> None:
        """Add actions on a resource."""
        self.actions[region, resource, conditions].update(actions)

    def allow_together(self, region: str, name: str) -> None:
        """Add that one call may read a secret with others."""
        self.together[region].add(name)
        if len(self.together[region]) > 1:
            self.allow(region, ALL, [BATCH])

    def allow_role(self, arn: str, *, is_tagged: bool) -> None:
        """Add what assuming a role needs, with or without session tags."""
        self.roles[arn] |= {_ASSUME_ROLE, _TAG_SESSION} if is_tagged else {_ASSUME_ROLE}

    @property
    def regions(self) -> set[str]:
        """The regions in which something is read."""
        return {region for region, _, _ in self.actions}

    def statements(self, keys: Iterable[str] = ()) -> tuple[Statement, ...]:
        """A statement for each region, set of actions and conditions, in a stable order.

        Then those for KMS keys, of each region, and for the roles.
        """
        grouped: dict[tuple[str, tuple[str, ...], Conditions], list[str]] = defaultdict(list)
        for (region, resource, conditions), actions in self.actions.items():
            label = f"{self._label(actions)}{_camel(region)}"
            grouped[label, tuple(sorted(actions)), conditions].append(resource)
        ordered = sorted(grouped.items(), key=lambda one: str(one[0]))
        sids = unique(label for (label, _, _), _ in ordered)
        read = [
            Statement(sid, actions, tuple(sorted(resources)), conditions)
            for sid, ((_, actions, conditions), resources) in zip(sids, ordered, strict=True)
        ]
        return (*read, *self._decrypting(keys), *self._assuming())

    def _label(self, actions: set[str]) -> str:
        plain = "And".join(action.partition(":")[2] for action in sorted(actions))
        return self.names.get(frozenset(actions), plain)

    def _decrypting(self, keys: Iterable[str]) -> Iterator[Statement]:
        """`kms:Decrypt`, restricted to calls of the services that are read; by region."""
        by_region: dict[str, list[str]] = defaultdict(list)
        for key in sorted(set(keys)):
            by_region[region_of_key(key)].append(key)
        for region, arns in by_region.items():
            services = {
                action.partition(":")[0]
                for (where, _, _), actions in self.actions.items()
                for action in actions & _DECRYPTING
                if where == region
            }
            if services:  # else the key is for another role
                suffix = partition(region).domain
                via = tuple(f"{service}.{region}.{suffix}" for service in sorted(services))
                condition = Condition("kms:ViaService", via)
                sid = f"Decrypt{_camel(region)}"
                yield Statement(sid, ("kms:Decrypt",), tuple(arns), (condition,))

    def _assuming(self) -> Iterator[Statement]:
        for sid, wanted in (
            ("AssumeRoles", {_ASSUME_ROLE}),
            ("AssumeRolesWithTags", {_ASSUME_ROLE, _TAG_SESSION}),
        ):
            roles = sorted(literal(arn) for arn, actions in self.roles.items() if actions == wanted)
            if roles:
                yield Statement(sid, tuple(sorted(wanted)), tuple(roles))


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


def secret_resource(name: str, place: Place, *, is_covered: bool = False) -> str:
    """The resource of a secret, by its name or its ARN, complete or partial.

    With `is_covered` it stands for all secrets whose names begin so.
    """
    if looks_complete(name):
        return literal(name)
    is_arn = looks_like_arn(name)
    arn = literal(name) if is_arn else place.own("secretsmanager", f"secret:{literal(name)}")
    return arn + ("*" if is_covered else _SUFFIX)


def parameter_resource(name: str, place: Place) -> str:
    """The resource of a parameter or of a path."""
    if looks_like_arn(name):
        return literal(name)
    resource = f"parameter/{literal(name.removeprefix('/'))}"
    if name.startswith(_PUBLIC):
        return place.public("ssm", resource)
    return place.own("ssm", resource)


def _camel(region: str) -> str:
    return "".join(map(str.capitalize, region.split("-")))
