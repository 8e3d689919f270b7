"""AWS Systems Manager Parameter Store as a store: `GetParameters`, ten at a time, decrypted.

One name that may not be read, is malformed, or cannot be decrypted fails the whole call. Such a
batch is asked again name by name, side by side, so that each has an answer of its own.
"""

import json
from asyncio import gather
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provider.aws.client import AwsClient, Operation
from provider.aws.protocols import objects, unexpected
from provider.engine.model import Access, SecretRef, SecretValue
from provider.engine.ports import Store
from provider.errors import (
    AwsUnavailable,
    CredentialsExpired,
    ProviderError,
    SecretNotFound,
    Unavailable,
)

GET = Operation("ssm", "GetParameters")

Outcomes = dict[SecretRef, SecretValue | ProviderError]


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer by names."""

    found: Mapping[tuple[str, str], SecretValue]
    """By name or ARN, and selector: the order of an answer is not that of the names."""
    invalid: Sequence[object]
    """Names of what does not exist, as they were asked for."""

    def outcome(self, ref: SecretRef) -> SecretValue | ProviderError:
        """The value of `ref`, or why there is none."""
        # Emulators leave the selector out. No call names a parameter twice, so it is not needed.
        value = self.found.get((ref.name, _selector(ref))) or self.found.get((ref.name, ""))
        if value is not None:
            return value
        if _wire_name(ref) in self.invalid:
            return SecretNotFound(
                "ParameterNotFound: there is no such parameter, version or label in this region. "
                f"Check the name {_wire_name(ref)} and the region."
            )
        return AwsUnavailable(
            "UnexpectedAnswer: the answer does not have the parameter. Try again later."
        )


class ParameterStore(Store):
    """Up to ten parameters a call. No call is cheaper than reading a parameter."""

    batch_size = 10

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    async def read(
        self, refs: Sequence[SecretRef], access: Access
    ) -> Mapping[SecretRef, SecretValue | ProviderError]:
        """See `Store.read`."""
        batches = [self._batch(batch, access) for batch in _without_duplicates(refs)]
        return await merged(batches)

    async def _batch(self, refs: Sequence[SecretRef], access: Access) -> Outcomes:
        try:
            answer = await self._call([_wire_name(ref) for ref in refs], access)
        except (CredentialsExpired, Unavailable):
            raise
        except ProviderError as error:
            if len(refs) == 1:
                return {refs[0]: error}
            return await merged([self._single(ref, access) for ref in refs])
        return {ref: answer.outcome(ref) for ref in refs}

    async def _single(self, ref: SecretRef, access: Access) -> Outcomes:
        """A failure for one name is not one for the others, unless it is about the credentials."""
        try:
            return await self._batch([ref], access)
        except Unavailable as error:
            return {ref: error}

    async def _call(self, names: Sequence[str], access: Access) -> _Answer:
        body = {"Names": names, "WithDecryption": True}
        return await self._client.ask(GET, body, access, _read)


async def merged(calls: Sequence[Coroutine[Any, Any, Outcomes]]) -> Outcomes:
    """The outcomes of all calls, which are made side by side; raises the first failure."""
    merged: Outcomes = {}
    for outcomes in await gather(*calls, return_exceptions=True):
        if isinstance(outcomes, BaseException):
            raise outcomes
        merged |= outcomes
    return merged


def _selector(ref: SecretRef) -> str:
    return ref.version or ref.label or ""


def _wire_name(ref: SecretRef) -> str:
    selector = _selector(ref)
    return f"{ref.name}:{selector}" if selector else ref.name


def _without_duplicates(refs: Sequence[SecretRef]) -> Iterator[list[SecretRef]]:
    """Split such that no call names a parameter twice (by ARN or selector): AWS refuses that."""
    batches: list[dict[str, SecretRef]] = []
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
    invalid = answer.get("InvalidParameters", [])
    if not isinstance(invalid, list):
        raise unexpected("InvalidParameters in the answer is not a list")
    found: dict[tuple[str, str], SecretValue] = {}
    for parameter in objects(answer.get("Parameters"), "Parameters"):
        value = read_value(parameter)
        selector = str(parameter.get("Selector") or "").lstrip(":")
        found[str(parameter.get("ARN")), selector] = value
        found[str(parameter.get("Name")), selector] = value
    return _Answer(found, invalid)


def read_value(parameter: Mapping[str, Any]) -> SecretValue:
    """The value in one parameter of an answer; raises `Fault` if there is none."""
    value = parameter.get("Value")
    try:
        if isinstance(value, str):
            arn = str(parameter.get("ARN") or "")
            return SecretValue(value.encode(), _version(parameter), arn=arn)
    except ValueError:  # a lone surrogate; the exception would quote the value
        pass
    raise unexpected("a parameter's value cannot be decoded")


def _version(parameter: Mapping[str, Any]) -> str:
    """Its number; where it has none, as the secrets under `/aws/reference/`, what changes with it.

    `SourceResult` holds the secret itself: nothing but its version id leaves this function.
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
