"""AWS Secrets Manager as a store: `GetSecretValue`, and `DescribeSecret` to see what is current."""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from provider.aws.client import AwsClient, Operation, Place
from provider.aws.faults import Fault
from provider.aws.protocols import unexpected
from provider.credentials import Access
from provider.errors import CredentialsExpired, ProviderError, Unavailable
from provider.csi.request.model import ObjectRef
from provider.store import Pending, SecretValue

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
        try:
            return {ref: self._call(GET, _to_fetch(ref), access, _value)}
        except (CredentialsExpired, Unavailable):
            raise
        except ProviderError as error:
            return {ref: error}

    def current_version(self, ref: ObjectRef, access: Access) -> str | None:
        """See `Store.current_version`. Of a deleted secret it stays open: the fetch says why."""
        return self._call(DESCRIBE, _to_describe(ref), access, _version_of(ref))

    def begin_fetch(self, ref: ObjectRef, access: Access) -> Pending[SecretValue] | None:
        """See `Store.begin_fetch`."""
        return self._begin(GET, _to_fetch(ref), access, _value)

    def begin_current_version(self, ref: ObjectRef, access: Access) -> Pending[str | None] | None:
        """See `Store.begin_current_version`."""
        return self._begin(DESCRIBE, _to_describe(ref), access, _version_of(ref))

    def _begin(
        self,
        operation: Operation,
        body: Mapping[str, str],
        access: Access,
        read: Callable[[Mapping[str, Any]], T],
    ) -> "_Sent[T] | None":
        answer = self._client.begin(operation, body, Place.of(access))
        return None if answer is None else _Sent(operation, answer, read, access)

    def _call(
        self,
        operation: Operation,
        body: Mapping[str, str],
        access: Access,
        read: Callable[[Mapping[str, Any]], T],
    ) -> T:
        place = Place.of(access)
        return _read(operation, lambda: read(self._client.call(operation, body, place)), access)


@dataclass(frozen=True, slots=True)
class _Sent(Generic[T]):
    """A `Pending` of either operation."""

    operation: Operation
    answer: Callable[[], Mapping[str, Any]]
    to_result: Callable[[Mapping[str, Any]], T]
    access: Access

    def read(self) -> T:
        """See `Pending.read`."""
        return _read(self.operation, lambda: self.to_result(self.answer()), self.access)


def _read(operation: Operation, read: Callable[[], T], access: Access) -> T:
    try:
        return read()
    except Fault as fault:
        raise operation.refused(fault, str(access.identity)) from fault


def _to_describe(ref: ObjectRef) -> dict[str, str]:
    return {"SecretId": ref.name}


def _to_fetch(ref: ObjectRef) -> Mapping[str, str]:
    body = _to_describe(ref)
    if ref.version is not None:
        body["VersionId"] = ref.version
    if ref.label is not None:
        body["VersionStage"] = ref.label
    return body


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


def _version_of(ref: ObjectRef) -> Callable[[Mapping[str, Any]], str | None]:
    """How to read the version that a description tells for the ref's label."""
    return partial(_version_at, ref.label or CURRENT)


def _version_at(label: str, secret: Mapping[str, Any]) -> str | None:
    stages = secret.get("VersionIdsToStages")
    if secret.get("DeletedDate") is not None or not isinstance(stages, dict):
        return None
    for version, labels in stages.items():
        if isinstance(labels, list) and label in labels:
            return str(version)
    return None
