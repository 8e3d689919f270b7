"""The permissions that the controller's calls for External Secrets need.

What a search finds is not known here: it is allowed by the beginning of its names and by its tags.
"""

import re

from provider.controller.resources.external_secret import Find
from provider.controller.resources.store import AwsProvider
from provider.controller.values.entries import Entry
from provider.controller.values.remote_refs import secret_ref
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


def allow_entry(permissions: Permissions, entry: Entry, aws: AwsProvider, place: Place) -> None:
    """Add what an entry of an ExternalSecret needs of its store."""
    if isinstance(entry.what, Find):
        _allow_find(permissions, entry.what, aws, place)
    elif entry.remote is not None:
        _allow_ref(permissions, secret_ref(entry.remote, aws), place)


def _allow_ref(permissions: Permissions, ref: SecretRef, place: Place) -> None:
    if ref.store in ("ssmparameter", "ssmparametertags"):
        action = GET_PARAMETERS if ref.store == "ssmparameter" else LIST_TAGS
        permissions.allow(place.region, parameter_resource(ref.name, place), [action])
        return
    action = DESCRIBE_SECRET if ref.store == "secretsmanagertags" else GET_SECRET
    permissions.allow(place.region, secret_resource(ref.name, place), [action])
    if action == GET_SECRET and ref.version is None and ref.label is None:
        permissions.allow_together(place.region, ref.name)


def _allow_find(permissions: Permissions, find: Find, aws: AwsProvider, place: Place) -> None:
    regexp, region = find.name.regexp if find.name else None, place.region
    if aws.service == "SecretsManager":
        start = max(find.path or "", _start(regexp or ""), key=len)
        permissions.allow(region, ALL, [LIST_SECRETS, BATCH])
        resource = place.own("secretsmanager", f"secret:{literal(start)}*")
        permissions.allow(region, resource, [GET_SECRET], _tags("secretsmanager", find))
        return
    path = literal((find.path or "").strip("/"))
    if regexp is not None:
        resource = place.own("ssm", f"parameter/{path or '*'}")
        permissions.allow(region, resource, [GET_BY_PATH])
        return
    below = place.own("ssm", f"parameter/{path}/*" if path else "parameter/*")
    permissions.allow(region, ALL, [DESCRIBE_PARAMETERS])
    permissions.allow(region, below, [GET_PARAMETERS], _tags("aws", find))


def _tags(service: str, find: Find) -> Conditions:
    return tuple(
        Condition(f"{service}:ResourceTag/{tag}", (literal(value),))
        for tag, value in sorted((find.tags or {}).items())
    )


def _start(regexp: str) -> str:
    """How every name begins that a regular expression matches; empty where it leaves that open."""
    found = _PLAIN.match(regexp)
    if found is None or "|" in regexp:
        return ""
    text = found["text"]
    return text[:-1] if found["then"] and found["then"] in _REPEATED else text
