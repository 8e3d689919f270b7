"""AWS Systems Manager Parameter Store as a store: `GetParameters`, ten at a time, decrypted.

One name that may not be read, is malformed, or cannot be decrypted fails the whole call. Such a
batch is asked again name by name, side by side, so that each has an answer of its own.
"""

import json
from asyncio import gather
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from provider.aws.client import AwsClient
from provider.aws.operations import Operation
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

Outcomes = Mapping[SecretRef, SecretValue | ProviderError]


class ParameterStore(Store):
    """Up to ten parameters a call. No call is cheaper than reading a parameter."""

    batch_size = 10

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    async def read(self, refs: Sequence[SecretRef], access: Access) -> Outcomes:
        return await merged([self._batch(batch, access) for batch in _without_duplicates(refs)])

    async def _batch(self, refs: Sequence[SecretRef], access: Access) -> Outcomes:
        body = {"Names": [_wire_name(ref) for ref in refs], "WithDecryption": True}
        try:
            return await self._client.ask(GET, body, access, partial(_outcomes, refs))
        except CredentialsExpired:
            raise
        except ProviderError as error:
            if len(refs) == 1:
                return {refs[0]: error}
            if isinstance(error, Unavailable):
                raise
            return await merged([self._batch([ref], access) for ref in refs])


async def merged(calls: Sequence[Coroutine[Any, Any, Outcomes]]) -> Outcomes:
    """The outcomes of all calls, which are made side by side; raises the first failure."""
    merged: dict[SecretRef, SecretValue | ProviderError] = {}
    for outcomes in await gather(*calls, return_exceptions=True):
        if isinstance(outcomes, BaseException):
            raise outcomes
        merged |= outcomes
    return merged


def _wire_name(ref: SecretRef) -> str:
    selector = ref.version or ref.label
    return f"{ref.name}:{selector}" if selector else ref.name


def _without_duplicates(refs: Sequence[SecretRef]) -> Iterator[list[SecretRef]]:
    """Split such that no call names a parameter twice (by ARN or selector): AWS refuses that."""
    batches: list[dict[str, SecretRef]] = []
    for ref in refs:
        parameter = ref.name.rpartition(":parameter/")[2].lstrip("/")
        batch = next((batch for batch in batches if parameter not in batch), None)
        if batch is None:
            batches.append(batch := {})
        batch[parameter] = ref
    return (list(batch.values()) for batch in batches)


def _outcomes(refs: Sequence[SecretRef], answer: Mapping[str, Any]) -> Outcomes:
    """What an answer has for each ref; its order is another one. Raises `Fault`."""
    invalid = answer.get("InvalidParameters", [])
    if not isinstance(invalid, list):
        raise unexpected("InvalidParameters in the answer is not a list")
    found: dict[str, SecretValue] = {}
    for parameter in objects(answer.get("Parameters"), "Parameters"):
        value = read_value(parameter)
        found |= {str(parameter.get(key) or ""): value for key in ("ARN", "Name")}
    return {ref: found.get(ref.name) or _lacking(_wire_name(ref), invalid) for ref in refs}


def _lacking(name: str, invalid: Sequence[object]) -> ProviderError:
    """Why an answer has no value for a name, by the names that it calls invalid."""
    if name not in invalid:
        return AwsUnavailable(
            "UnexpectedAnswer: the answer does not have the parameter. Try again later."
        )
    return SecretNotFound(
        "ParameterNotFound: there is no such parameter, version or label in this region. "
        f"Check the name {name} and the region."
    )


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
