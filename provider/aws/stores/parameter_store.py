"""AWS Systems Manager Parameter Store as a store: `GetParameters`, ten at a time, decrypted.

One name that may not be read, is malformed, or cannot be decrypted fails the whole call, so such a
batch is asked again name by name: then each object has its own answer.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provider.aws.client import AwsClient, Operation, Place
from provider.aws.faults import Fault
from provider.aws.protocols import unexpected
from provider.credentials import Access
from provider.errors import (
    AwsUnavailable,
    CredentialsExpired,
    ProviderError,
    SecretNotFound,
    Unavailable,
)
from provider.csi.request.model import ObjectRef
from provider.store import SecretValue

GET = Operation("ssm", "GetParameters")

Outcomes = dict[ObjectRef, SecretValue | ProviderError]


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer, taken apart."""

    found: Mapping[tuple[str, str], SecretValue]
    """By name or ARN, and selector: AWS answers in an order of its own."""
    invalid: Sequence[object]
    """Names as they were asked for, of what does not exist."""

    def outcome(self, ref: ObjectRef) -> SecretValue | ProviderError:
        """What the answer says about `ref`."""
        # Emulators leave the selector out. No call names a parameter twice, so it is still clear.
        value = self.found.get((ref.name, _selector(ref))) or self.found.get((ref.name, ""))
        if value is not None:
            return value
        if _wire_name(ref) in self.invalid:
            return SecretNotFound(
                "ParameterNotFound: there is no such parameter, version or label in this region. "
                f"Check the name {_wire_name(ref)} and the region."
            )
        return AwsUnavailable("UnexpectedAnswer: the parameter is not in it. Try again later.")


class ParameterStore:
    """Up to ten parameters a call."""

    batch_size = 10

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    def fetch(
        self, refs: Sequence[ObjectRef], access: Access
    ) -> Mapping[ObjectRef, SecretValue | ProviderError]:
        """See `Store.fetch`."""
        outcomes: Outcomes = {}
        for batch in _without_duplicates(refs):
            outcomes |= self._fetch(batch, access)
        return outcomes

    def current_version(self, ref: ObjectRef, access: Access) -> str | None:  # noqa: ARG002
        """See `Store.current_version`: fetching a parameter is as cheap as any question."""
        return None

    def begin_fetch(self, ref: ObjectRef, access: Access) -> None:
        """See `Store.begin_fetch`: one call is for many."""

    def begin_current_version(self, ref: ObjectRef, access: Access) -> None:
        """See `Store.begin_current_version`: there is no such call."""

    def _fetch(self, refs: Sequence[ObjectRef], access: Access) -> Outcomes:
        try:
            answer = self._call([_wire_name(ref) for ref in refs], access)
        except (CredentialsExpired, Unavailable):
            raise
        except ProviderError as error:
            if len(refs) == 1:
                return {refs[0]: error}
            return {ref: self._fetch([ref], access)[ref] for ref in refs}
        return {ref: answer.outcome(ref) for ref in refs}

    def _call(self, names: Sequence[str], access: Access) -> _Answer:
        place = Place.of(access)
        body = {"Names": names, "WithDecryption": True}
        try:
            return _read(self._client.call(GET, body, place))
        except Fault as fault:
            raise GET.refused(fault, str(access.identity)) from fault


def _selector(ref: ObjectRef) -> str:
    return ref.version or ref.label or ""


def _wire_name(ref: ObjectRef) -> str:
    selector = _selector(ref)
    return f"{ref.name}:{selector}" if selector else ref.name


def _without_duplicates(refs: Sequence[ObjectRef]) -> Iterator[list[ObjectRef]]:
    """Split such that no call names a parameter twice (by ARN or selector): AWS refuses that."""
    batches: list[dict[str, ObjectRef]] = []
    for ref in refs:
        parameter = ref.name.rpartition(":parameter/")[2].lstrip("/")
        for batch in batches:
            if parameter not in batch:
                batch[parameter] = ref
                break
        else:
            batches.append({parameter: ref})
    return (list(batch.values()) for batch in batches)


def _read(answer: Mapping[str, Any]) -> _Answer:
    parameters, invalid = answer.get("Parameters"), answer.get("InvalidParameters", [])
    if not isinstance(parameters, list) or not isinstance(invalid, list):
        raise unexpected("no list of parameters in the answer")
    found: dict[tuple[str, str], SecretValue] = {}
    for parameter in parameters:
        if not isinstance(parameter, dict):
            raise unexpected("a parameter in the answer is not an object")
        value = read_value(parameter)
        selector = str(parameter.get("Selector") or "").lstrip(":")
        found[str(parameter.get("ARN")), selector] = value
        found[str(parameter.get("Name")), selector] = value
    return _Answer(found, invalid)


def read_value(parameter: Mapping[str, Any]) -> SecretValue:
    """The value in one parameter of an answer; raises `Fault` where there is none."""
    value = parameter.get("Value")
    try:
        if isinstance(value, str):
            return SecretValue(value.encode(), _version(parameter))
    except ValueError:  # a lone surrogate; the exception would quote the value
        pass
    raise unexpected("a parameter's value cannot be decoded")


def _version(parameter: Mapping[str, Any]) -> str:
    """The number; for what has none, as the secrets under `/aws/reference/`, what changes with it.

    `SourceResult` holds the secret itself: only its version id may leave this function.
    """
    number = parameter.get("Version")
    if isinstance(number, int) and number > 0:
        return str(number)
    try:
        source = json.loads(parameter.get("SourceResult") or "")
        version = {key.lower(): text for key, text in source.items()}["versionid"]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        version = parameter.get("LastModifiedDate")
    return version if isinstance(version, str) and version.isprintable() else f"{version or 0}"
