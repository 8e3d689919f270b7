"""ListSecrets, BatchGetSecretValue and TagResource of AWS Secrets Manager, after its API Reference.

Filters match prefixes, and the filter for keys of tags knows nothing of the one for their values.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from testbed.aws.caller import Caller
from testbed.aws.errors import AwsError
from testbed.aws.paging import page
from testbed.aws.secrets import Secret
from testbed.aws.secretsmanager import Body, find, get_secret_value

_MOST_IDS = 20
_MOST_FILTERS = 10
_VALUE = re.compile(r"!?[a-zA-Z0-9 :_@/+=.!-]*")
_ATTRIBUTES: dict[str, Callable[[Secret], Iterable[str]]] = {
    "name": lambda secret: [secret.name],
    "tag-key": lambda secret: secret.tags.keys(),
    "tag-value": lambda secret: secret.tags.values(),
}


def _invalid(message: str, code: str = "InvalidParameterException") -> AwsError:
    return AwsError(code, message)


def _filters(body: Body) -> Sequence[tuple[str, Sequence[str]]]:
    filters = body.get("Filters") or []
    if len(filters) > _MOST_FILTERS:
        raise _invalid(
            "1 validation error detected: Value at 'filters' failed to satisfy constraint: Member "
            "must have length less than or equal to 10",
            "ValidationException",
        )
    for one in filters:
        for value in one["Values"]:
            if len(value) > 512 or not _VALUE.fullmatch(value):
                raise _invalid(
                    "1 validation error detected: Value at 'filters' failed to satisfy constraint: "
                    "Member must satisfy regular expression pattern",
                    "ValidationException",
                )
        if one["Key"] not in _ATTRIBUTES:
            raise _invalid(f"this fake has no filter {one['Key']}")
    return [(one["Key"], one["Values"]) for one in filters]


def _passes(secret: Secret, key: str, values: Sequence[str]) -> bool:
    """Whether one of the values is the start of the attribute; with `!`, whether it is not."""
    attributes = list(_ATTRIBUTES[key](secret))
    for value in values:
        starts = any(text.startswith(value.removeprefix("!")) for text in attributes)
        if starts != value.startswith("!"):
            return True
    return False


def _filtered(caller: Caller, body: Body, *, deleted: bool = False) -> list[Secret]:
    caller.require("secretsmanager:ListSecrets", "*")
    filters = _filters(body)
    by_arn = {one.arn: one for one in caller.cloud.secrets.get(caller.region, {}).values()}
    return [
        secret
        for secret in sorted(by_arn.values(), key=lambda one: one.name)
        if secret.arn.split(":")[4] == caller.cloud.account
        and (deleted or secret.deleted_at is None)
        and all(_passes(secret, key, values) for key, values in filters)
    ]


def list_secrets(caller: Caller, body: Body) -> Body:
    """ListSecrets."""
    secrets = _filtered(caller, body, deleted=body.get("IncludePlannedDeletion") is True)
    return page(secrets, body, most=100, key="SecretList", render=_entry)


def _entry(secret: Secret) -> Body:
    entry: Body = {"ARN": secret.arn, "CreatedDate": secret.created, "Name": secret.name}
    entry |= {"Tags": secret.tag_list()} if secret.tags else {}
    return entry | ({"DeletedDate": secret.deleted_at} if secret.deleted_at else {})


def batch_get_secret_value(caller: Caller, body: Body) -> Body:
    """BatchGetSecretValue: what fails for one secret stands in `Errors`."""
    caller.require("secretsmanager:BatchGetSecretValue", "*")
    ids = body.get("SecretIdList")
    if (ids is None) == (body.get("Filters") is None):
        raise _invalid("You must specify either SecretIdList or Filters, but not both.")
    answer: Body = {"SecretValues": [], "Errors": []}
    if ids is None:
        names = [secret.arn for secret in _filtered(caller, body)]
        listed = page(names, body, most=_MOST_IDS, key="ids", render=lambda name: name)
        ids = listed.pop("ids")
        answer |= listed
    elif not 1 <= len(ids) <= _MOST_IDS:
        raise _invalid(
            "1 validation error detected: Value at 'secretIdList' failed to satisfy constraint: "
            "Member must have length less than or equal to 20",
            "ValidationException",
        )
    for secret_id in ids:
        try:
            answer["SecretValues"].append(get_secret_value(caller, {"SecretId": secret_id}))
        except AwsError as error:
            failure = {"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message}
            answer["Errors"].append(failure)
    return answer


def tag_resource(caller: Caller, body: Body) -> Body:
    """TagResource."""
    secret = find(caller, "secretsmanager:TagResource", body.get("SecretId"))
    secret.tags |= {tag["Key"]: tag["Value"] for tag in body["Tags"]}
    return {}


OPERATIONS: dict[str, Callable[[Caller, Body], Any]] = {
    "ListSecrets": list_secrets,
    "BatchGetSecretValue": batch_get_secret_value,
    "TagResource": tag_resource,
}
