"""The permissions that the controller's calls for External Secrets need.

What a search finds is not known here: it is allowed by the beginning of its names and by its tags.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from provider.controller.entries import Entry
from provider.controller.remote_refs import secret_ref
from provider.controller.resources.external_secret import Find
from provider.controller.resources.store import AwsProvider
from provider.engine.model import SecretRef
from provider.tools.iam_policy.permissions import (
    ALL,
    BATCH,
    DESCRIBE_PARAMETERS,
    DESCRIBE_SECRET,
    GET_BY_PATH,
    GET_PARAMETERS,
    GET_SECRET,
    LIST_SECRETS,
    LIST_TAGS,
    Conditions,
    Permissions,
    Place,
    parameter_resource,
    secret_resource,
)
from provider.tools.iam_policy.policy import Condition, literal

ECR = ("ecr:GetAuthorizationToken",)
ECR_PUBLIC = ("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken")

_PLAIN = re.compile(r"\^(?P<text>[A-Za-z0-9/_@=-]*)(?P<then>.?)")
_REPEATED = "*?{"


@dataclass(slots=True)
class StorePermissions(Permissions):
    """The permissions of one role or user, collected over stores."""

    together: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Secrets that one call may read, by region."""

    def add_entry(self, entry: Entry, aws: AwsProvider, place: Place) -> None:
        """Add what an entry of an ExternalSecret needs of its store."""
        if isinstance(entry.what, Find):
            self._add_find(entry.what, aws, place)
        elif entry.remote is not None:
            self._add_ref(secret_ref(entry.remote, aws), place)

    def _add_ref(self, ref: SecretRef, place: Place) -> None:
        if ref.store in ("ssmparameter", "ssmparametertags"):
            action = GET_PARAMETERS if ref.store == "ssmparameter" else LIST_TAGS
            self.allow(place.region, parameter_resource(ref.name, place), [action])
            return
        action = DESCRIBE_SECRET if ref.store == "secretsmanagertags" else GET_SECRET
        self.allow(place.region, secret_resource(ref.name, place), [action])
        if action == GET_SECRET and ref.version is None and ref.label is None:
            together = self.together[place.region]
            together.add(ref.name)
            if len(together) > 1:
                self.allow(place.region, ALL, [BATCH])

    def _add_find(self, find: Find, aws: AwsProvider, place: Place) -> None:
        regexp = find.name.regexp if find.name else None
        if aws.service == "ParameterStore":
            self._add_parameters(find, regexp, place)
            return
        start = max(find.path or "", _start(regexp or ""), key=len)
        tags = _tags("secretsmanager:ResourceTag", find)
        self.allow(place.region, ALL, [LIST_SECRETS, BATCH])
        resource = place.own("secretsmanager", f"secret:{literal(start)}*")
        self.allow(place.region, resource, [GET_SECRET], tags)

    def _add_parameters(self, find: Find, regexp: str | None, place: Place) -> None:
        path = (find.path or "").strip("/")
        if regexp is not None:
            resource = f"parameter/{literal(path)}" if path else "parameter/*"
            self.allow(place.region, place.own("ssm", resource), [GET_BY_PATH])
            return
        below = f"parameter/{literal(path)}/*" if path else "parameter/*"
        self.allow(place.region, ALL, [DESCRIBE_PARAMETERS])
        tags = _tags("aws:ResourceTag", find)
        self.allow(place.region, place.own("ssm", below), [GET_PARAMETERS], tags)


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
