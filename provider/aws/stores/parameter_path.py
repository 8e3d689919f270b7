"""All parameters under a path as one value: a JSON document of names and values.

`GetParametersByPath` answers ten at a time. The names are relative to the path, so a path
reads like a JSON secret with one key for each parameter.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

from provider.aws.client import AwsClient, Operation
from provider.aws.protocols import objects, unexpected
from provider.aws.stores.one_ref import OneRefStore
from provider.aws.stores.parameter_store import read_value
from provider.engine.limits import KeyedLimit
from provider.engine.model import Access, SecretRef, SecretValue
from provider.errors import AnswerTooLarge, SecretNotFound

GET = Operation("ssm", "GetParametersByPath")

PAGE = 10
"""The most that AWS puts into one answer."""
MAX_PARAMETERS = 1000
MAX_BYTES = 4 * 2**20
"""Of all values together."""
LARGE_BYTES = MAX_BYTES // 64
MOST_LARGE = 2
"""Paths with more than `LARGE_BYTES` that one namespace reads at a time: all of their pages are in
memory until the last one has come."""
MAX_PAGES = 2 * MAX_PARAMETERS // PAGE
"""AWS may answer pages with fewer parameters than there is room for, or with none."""


@dataclass(frozen=True, slots=True)
class _Found:
    """One parameter under a path."""

    name: str
    """Relative to the path."""
    value: str = field(repr=False)
    revision: str
    """Changes with the value, also when the parameter is deleted and created anew."""


class ParameterPaths(OneRefStore):
    """One path a call, or as many calls as it has pages. Versions are known only after all."""

    def __init__(self, client: AwsClient) -> None:
        super().__init__(client)
        self._large: KeyedLimit[str] = KeyedLimit(MOST_LARGE)

    async def get(self, ref: SecretRef, access: Access) -> SecretValue:
        """See `OneRefStore.get`."""
        async with AsyncExitStack() as stack:
            return _document(ref, await self._all(ref, access, stack))

    async def _all(self, ref: SecretRef, access: Access, stack: AsyncExitStack) -> list[_Found]:
        body: dict[str, Any] = {
            "Path": ref.name,
            "Recursive": ref.recursive,
            "WithDecryption": True,
            "MaxResults": PAGE,
        }
        found: list[_Found] = []
        size, is_large = 0, False
        for _ in range(MAX_PAGES):
            page, token = await self._client.ask(GET, body, access, partial(_read, ref))
            found += page
            size += sum(len(one.value.encode()) for one in page)
            if len(found) > MAX_PARAMETERS or size > MAX_BYTES:
                break
            if not token:
                return found
            if size > LARGE_BYTES and not is_large:
                await stack.enter_async_context(self._large.slot(access.identity.namespace))
                is_large = True
            body["NextToken"] = token
        raise AnswerTooLarge(
            f"there are more than {MAX_PARAMETERS} parameters or {MAX_BYTES} bytes of values under "
            "this path: name deeper paths, one for each."
        )


def _read(ref: SecretRef, answer: Mapping[str, Any]) -> tuple[list[_Found], Any]:
    """The parameters of one page, and the token of the next one."""
    parameters = objects(answer.get("Parameters"), "Parameters")
    return [_found(ref, parameter) for parameter in parameters], answer.get("NextToken")


def _found(ref: SecretRef, parameter: Mapping[str, Any]) -> _Found:
    name, root = parameter.get("Name"), f"{ref.name.rstrip('/')}/"
    if not isinstance(name, str) or not name.startswith(root) or name == root:
        raise unexpected("a parameter in the answer is not one of the path")
    value = read_value(parameter)
    revision = f"{value.version} {parameter.get('LastModifiedDate')}"
    return _Found(name.removeprefix(root), value.content.decode(), revision)


def _document(ref: SecretRef, found: Sequence[_Found]) -> SecretValue:
    if not found:
        below = "" if ref.recursive else " itself; what lies deeper needs recursive: true"
        raise SecretNotFound(
            f"there are no parameters under the path {ref.name}{below}. Check path and region."
        )
    by_name = {one.name: one.value for one in sorted(found, key=lambda one: one.name)}
    revisions = sorted(f"{one.name}\0{one.revision}\n" for one in found)
    version = sha256("".join(revisions).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return SecretValue(json.dumps(by_name).encode(), version)
