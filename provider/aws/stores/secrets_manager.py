"""AWS Secrets Manager as a store, by `GetSecretValue` and `DescribeSecret`."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from provider.aws.client import AwsClient
from provider.aws.operations import Operation
from provider.aws.protocols import unexpected
from provider.engine.model import Access, SecretRef, SecretValue
from provider.engine.ports import Store

GET = Operation("secretsmanager", "GetSecretValue")
DESCRIBE = Operation("secretsmanager", "DescribeSecret")
CURRENT = "AWSCURRENT"


class SecretsManager(Store):
    """One secret a call: `BatchGetSecretValue` has a lower quota and an IAM action of its own."""

    can_describe = True

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    async def read(
        self, refs: Sequence[SecretRef], access: Access
    ) -> Mapping[SecretRef, SecretValue]:
        (ref,) = refs
        body = {"SecretId": ref.name}
        if ref.version is not None:
            body["VersionId"] = ref.version
        if ref.label is not None:
            body["VersionStage"] = ref.label
        return {ref: await self._client.ask(GET, body, access, read_value)}

    async def current_version(self, ref: SecretRef, access: Access) -> str | None:
        """See `Store.current_version`. None for a deleted secret: reading it says why."""
        label = ref.label or CURRENT
        body = {"SecretId": ref.name}
        return await self._client.ask(
            DESCRIBE, body, access, lambda answer: _version_at(label, answer)
        )


def read_value(answer: Mapping[str, Any]) -> SecretValue:
    """The value in an answer; raises `Fault` if there is none."""
    version, text, binary = (
        answer.get(key) for key in ("VersionId", "SecretString", "SecretBinary")
    )
    try:
        if isinstance(version, str) and version.isprintable():
            arn = str(answer.get("ARN") or "")
            if isinstance(text, str):
                return SecretValue(text.encode(), version, arn=arn)
            if isinstance(binary, str):
                return SecretValue(b64decode(binary, validate=True), version, arn=arn)
    except ValueError:  # neither text nor base64; the exception would quote it
        raise unexpected("the secret's value cannot be decoded") from None
    raise unexpected("no value and version in the answer")


def _version_at(label: str, secret: Mapping[str, Any]) -> str | None:
    stages = secret.get("VersionIdsToStages")
    if secret.get("DeletedDate") is not None or not isinstance(stages, dict):
        return None
    for version, labels in stages.items():
        if isinstance(labels, list) and label in labels:
            return str(version)
    return None
