"""Operations of AWS Secrets Manager, after its API Reference."""

import base64
from typing import Any

from testbed.aws.caller import Caller
from testbed.aws.errors import AwsError
from testbed.aws.secrets import CURRENT, Secret, SecretVersion

Body = dict[str, Any]

_NOT_FOUND = "Secrets Manager can't find the specified secret."


def _not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message)


def find(caller: Caller, action: str, secret_id: object) -> Secret:
    """The secret by name, ARN or partial ARN, after the permission check.

    An id that ends in a hyphen and six characters counts as a whole ARN, even where it is a partial
    one of such a name: the trap that the API Reference warns of.
    """
    if not isinstance(secret_id, str) or not 1 <= len(secret_id) <= 2048:
        raise AwsError("ValidationException", "Invalid secretId: length must be 1 to 2048.")
    by_id = caller.cloud.secrets.get(caller.region, {})
    secret = by_id.get(secret_id)
    if secret is None and secret_id.startswith("arn:"):
        if secret_id.split(":")[4:5] != [caller.cloud.account]:
            raise caller.denied(action, secret_id, "resource-based")
        if secret_id[-7:-6] != "-":
            name = secret_id.split(":", 6)[-1]
            secret = by_id.get(name)
            secret = secret if secret and secret.arn[:-7] == secret_id else None
    caller.require(action, secret.arn if secret else secret_id)
    if secret is None:
        raise _not_found(_NOT_FOUND)
    return secret


def _wanted(secret: Secret, body: Body) -> SecretVersion:
    version_id, stage = body.get("VersionId"), body.get("VersionStage")
    if version_id:
        version = secret.versions.get(version_id)
        if version is None:
            raise _not_found(
                f"Secrets Manager can't find the specified secret value for VersionId: {version_id}"
            )
        if stage and stage not in version.stages:
            raise AwsError(
                "InvalidRequestException",
                "You provided a VersionStage that is not associated to the provided VersionId.",
            )
        return version
    version = secret.at(stage or CURRENT)
    if version is None:
        raise _not_found(
            "Secrets Manager can't find the specified secret value for staging label: "
            f"{stage or CURRENT}"
        )
    return version


def get_secret_value(caller: Caller, body: Body) -> Body:
    """GetSecretValue."""
    secret = find(caller, "secretsmanager:GetSecretValue", body.get("SecretId"))
    if secret.deleted_at is not None:
        raise AwsError(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    version = _wanted(secret, body)
    if secret.kms_denied:
        raise AwsError("AccessDeniedException", "Access to KMS is not allowed")
    answer: Body = {
        "ARN": secret.arn,
        "CreatedDate": version.created,
        "Name": secret.name,
        "VersionId": version.id,
        "VersionStages": sorted(version.stages),
    }
    if isinstance(version.value, bytes):
        answer["SecretBinary"] = base64.b64encode(version.value).decode()
    else:
        answer["SecretString"] = version.value
    return answer


def describe_secret(caller: Caller, body: Body) -> Body:
    """DescribeSecret: answers for secrets marked for deletion too, and never asks KMS."""
    secret = find(caller, "secretsmanager:DescribeSecret", body.get("SecretId"))
    answer: Body = {
        "ARN": secret.arn,
        "CreatedDate": secret.created,
        "LastChangedDate": max([secret.created, *(v.created for v in secret.versions.values())]),
        "Name": secret.name,
    }
    stages = {v.id: sorted(v.stages) for v in list(secret.versions.values()) if v.stages}
    if stages:
        answer["VersionIdsToStages"] = stages
    if secret.tags:
        answer["Tags"] = secret.tag_list()
    if secret.deleted_at is not None:
        answer["DeletedDate"] = secret.deleted_at
    return answer


OPERATIONS = {"GetSecretValue": get_secret_value, "DescribeSecret": describe_secret}
