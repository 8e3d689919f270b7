"""The permissions that the controller's calls for External Secrets need.

What a search finds is not known here: it is allowed by the beginning of its names and by its tags.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from provider.controller.entries import Entry
from provider.controller.remote_refs import secret_ref
from provider.controller.resources.external_secret import Find
from provider.controller.resources.store import AwsProvider
from provider.engine.model import AssumeRole, SecretRef
from provider.tools.iam_policy.permissions import (
    ASSUME_ROLE,
    DESCRIBE_SECRET,
    GET_BY_PATH,
    GET_PARAMETERS,
    GET_SECRET,
    TAG_SESSION,
    Place,
    camel,
    decrypting,
    parameter_resource,
    secret_resource,
)
from provider.tools.iam_policy.policy import Condition, Statement, literal, unique

BATCH = "secretsmanager:BatchGetSecretValue"
LIST_SECRETS = "secretsmanager:ListSecrets"
DESCRIBE_PARAMETERS = "ssm:DescribeParameters"
LIST_TAGS = "ssm:ListTagsForResource"
ECR = ("ecr:GetAuthorizationToken",)
ECR_PUBLIC = ("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken")

_PLAIN = re.compile(r"\^(?P<text>[A-Za-z0-9/_@=-]*)(?P<then>.?)")
_REPEATED = "*?{"
_ALL = "*"

Conditions = tuple[Condition, ...]


@dataclass(slots=True)
class StorePermissions:
    """The permissions of one role or user."""

    actions: dict[tuple[str, str, Conditions], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    """By region, resource and conditions."""
    roles: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By the ARN of a role that is assumed next."""
    together: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Secrets that one call may read, by region."""

    def add_role(self, role: AssumeRole) -> None:
        """Add what assuming a role needs."""
        tagged = {ASSUME_ROLE, TAG_SESSION} if role.session_tags else {ASSUME_ROLE}
        self.roles[role.arn] |= tagged

    def add_entry(self, entry: Entry, aws: AwsProvider, place: Place) -> None:
        """Add what an entry of an ExternalSecret needs of its store."""
        if isinstance(entry.what, Find):
            self._add_find(entry.what, aws, place)
        elif entry.remote is not None:
            self._add_ref(secret_ref(entry.remote, aws), place)

    def add_generator(self, actions: Sequence[str], region: str) -> None:
        """Add actions that concern no single resource."""
        self._add(region, _ALL, actions)

    def statements(self, keys: Iterable[str] = ()) -> tuple[Statement, ...]:
        """A statement for each region, set of actions and conditions, in a stable order."""
        for region, names in self.together.items():
            if len(names) > 1:
                self._add(region, _ALL, [BATCH])
        grouped: dict[tuple[str, Conditions, tuple[str, ...]], list[str]] = defaultdict(list)
        for (region, resource, conditions), actions in self.actions.items():
            grouped[region, conditions, tuple(sorted(actions))].append(resource)
        ordered = sorted(grouped.items(), key=lambda one: (one[0][0], one[0][2], str(one[0][1])))
        sids = unique(f"{_label(actions)}{camel(region)}" for (region, _, actions), _ in ordered)
        read = [
            Statement(sid, actions, tuple(sorted(resources)), conditions)
            for sid, ((_, conditions, actions), resources) in zip(sids, ordered, strict=True)
        ]
        return (*read, *decrypting(keys, self._by_region()), *self._assuming())

    def _by_region(self) -> set[tuple[str, str]]:
        """Each region with the services whose values are decrypted there."""
        return {
            (region, action.partition(":")[0])
            for (region, _, _), actions in self.actions.items()
            for action in actions
            if action in (GET_SECRET, GET_PARAMETERS, GET_BY_PATH)
        }

    def _add_ref(self, ref: SecretRef, place: Place) -> None:
        if ref.store == "secretsmanagertags":
            self._add(place.region, secret_resource(ref.name, place), [DESCRIBE_SECRET])
        elif ref.store == "ssmparametertags":
            self._add(place.region, parameter_resource(ref.name, place), [LIST_TAGS])
        elif ref.store == "ssmparameter":
            self._add(place.region, parameter_resource(ref.name, place), [GET_PARAMETERS])
        else:
            self._add(place.region, secret_resource(ref.name, place), [GET_SECRET])
            if ref.version is None and ref.label is None:
                self.together[place.region].add(ref.name)

    def _add_find(self, find: Find, aws: AwsProvider, place: Place) -> None:
        regexp = find.name.regexp if find.name else None
        if aws.service == "ParameterStore":
            self._add_parameters(find, regexp, place)
            return
        start = max(find.path or "", _start(regexp or ""), key=len)
        tags = _tags("secretsmanager:ResourceTag", find)
        self._add(place.region, _ALL, [LIST_SECRETS, BATCH])
        resource = place.own("secretsmanager", f"secret:{literal(start)}*")
        self._add(place.region, resource, [GET_SECRET], tags)

    def _add_parameters(self, find: Find, regexp: str | None, place: Place) -> None:
        path = (find.path or "").strip("/")
        if regexp is not None:
            resource = f"parameter/{literal(path)}" if path else "parameter/*"
            self._add(place.region, place.own("ssm", resource), [GET_BY_PATH])
            return
        below = f"parameter/{literal(path)}/*" if path else "parameter/*"
        self._add(place.region, _ALL, [DESCRIBE_PARAMETERS])
        tags = _tags("aws:ResourceTag", find)
        self._add(place.region, place.own("ssm", below), [GET_PARAMETERS], tags)

    def _add(
        self, region: str, resource: str, actions: Iterable[str], conditions: Conditions = ()
    ) -> None:
        self.actions[region, resource, conditions].update(actions)

    def _assuming(self) -> Iterator[Statement]:
        for sid, wanted in (
            ("AssumeRoles", {ASSUME_ROLE}),
            ("AssumeRolesWithTags", {ASSUME_ROLE, TAG_SESSION}),
        ):
            roles = sorted(literal(arn) for arn, actions in self.roles.items() if actions == wanted)
            if roles:
                yield Statement(sid, tuple(sorted(wanted)), tuple(roles))


def _tags(key: str, find: Find) -> Conditions:
    return tuple(
        Condition("StringEquals", f"{key}/{tag}", (literal(value),))
        for tag, value in sorted((find.tags or {}).items())
    )


def _start(regexp: str) -> str:
    """How every name begins that a regular expression matches; empty where it leaves that open."""
    found = _PLAIN.match(regexp)
    if found is None or "|" in regexp:
        return ""
    text = found["text"]
    return text[:-1] if found["then"] and found["then"] in _REPEATED else text


def _label(actions: Iterable[str]) -> str:
    return "And".join(action.partition(":")[2] for action in actions)
