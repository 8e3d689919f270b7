"""AWS Secrets Manager as a store: `GetSecretValue`, and `DescribeSecret` to see what is current."""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from provider.aws.client import AwsClient, Operation, Place
from provider.aws.faults import Fault, refused
from provider.aws.protocols import unexpected
from provider.credentials import Access
from provider.errors import CredentialsExpired, ProviderError, Unavailable
from provider.spec.models import ObjectRef
from provider.store import SecretValue

T = TypeVar("T")

GET = Operation("secretsmanager", "GetSecretValue")
DESCRIBE = Operation("secretsmanager", "DescribeSecret")
CURRENT = "AWSCURRENT"


class SecretsManager:
    """One secret a call: reading several at once has a quota and an IAM action of its own."""

    batch_size = 1

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    def fetch(
        self, refs: Sequence[ObjectRef], access: Access
    ) -> Mapping[ObjectRef, SecretValue | ProviderError]:
        """See `Store.fetch`."""
        (ref,) = refs
        body = {"SecretId": ref.name}
        if ref.version is not None:
            body["VersionId"] = ref.version
        if ref.label is not None:
            body["VersionStage"] = ref.label
        try:
            return {ref: self._call(GET, body, access, _value)}
        except (CredentialsExpired, Unavailable):
            raise
        except ProviderError as error:
            return {ref: error}

    def current_version(self, ref: ObjectRef, access: Access) -> str | None:
        """See `Store.current_version`. Of a deleted secret it stays open: the fetch says why."""
        wanted = ref.label or CURRENT
        body = {"SecretId": ref.name}
        return self._call(DESCRIBE, body, access, lambda secret: _version_at(wanted, secret))

    def _call(
        self,
        operation: Operation,
        body: Mapping[str, str],
        access: Access,
        read: Callable[[Mapping[str, Any]], T],
    ) -> T:
        place = Place(access.region, access.credentials, access.deadline)
        try:
            return read(self._client.call(operation, body, place))
        except Fault as fault:
            who = str(access.identity)
            raise refused(fault, operation.service, operation.action, who) from fault


def _value(answer: Mapping[str, Any]) -> SecretValue:
    version, text, binary = (
        answer.get(key) for key in ("VersionId", "SecretString", "SecretBinary")
    )
    try:
        if isinstance(version, str) and version.isprintable():
            if isinstance(text, str):
                return SecretValue(text.encode(), version)
            if isinstance(binary, str):
                return SecretValue(b64decode(binary, validate=True), version)
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
