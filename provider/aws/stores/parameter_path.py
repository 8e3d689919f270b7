"""All parameters under a path as one value: a JSON document of names and values.

`GetParametersByPath` answers ten at a time. The names are relative to the path, so a path
reads like a JSON secret with one key for each parameter.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

from provider.aws.client import AwsClient
from provider.aws.operations import Operation
from provider.aws.protocols import objects, unexpected
from provider.aws.stores.parameter_store import read_value
from provider.engine.limits import FairLimit
from provider.engine.model import Access, SecretRef, SecretValue
from provider.engine.ports import Store
from provider.errors import AnswerTooLarge, SecretNotFound

GET = Operation("ssm", "GetParametersByPath")

PAGE = 10
"""The most that AWS puts into one answer."""
MAX_PARAMETERS = 1000
MAX_BYTES = 4 * 2**20
"""Of all values together."""
LARGE_BYTES = MAX_BYTES // 64
MOST_LARGE = 4
"""Paths with more than `LARGE_BYTES` that are read at a time, in fair shares of the namespaces: all
of their pages are in memory until the last one has come."""
MAX_PAGES = 2 * MAX_PARAMETERS // PAGE
"""AWS may answer pages with fewer parameters than there is room for, or with none."""

_Found = dict[str, SecretValue]
"""Parameters by their names, relative to the path. Each version changes with the value, also when
the parameter is deleted and created anew."""


class ParameterPaths(Store):
    """One path a call, or as many calls as it has pages. Versions are known only after all."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client
        self._large = FairLimit(MOST_LARGE)

    async def read(
        self, refs: Sequence[SecretRef], access: Access
    ) -> Mapping[SecretRef, SecretValue]:
        (ref,) = refs
        async with AsyncExitStack() as stack:
            return {ref: _document(ref, await self._all(ref, access, stack))}

    async def _all(self, ref: SecretRef, access: Access, stack: AsyncExitStack) -> _Found:
        body: dict[str, Any] = {
            "Path": ref.name,
            "Recursive": ref.recursive,
            "WithDecryption": True,
            "MaxResults": PAGE,
        }
        found: _Found = {}
        size, is_large = 0, False
        for _ in range(MAX_PAGES):
            page, token = await self._client.ask(
                GET, body, access, partial(_read, f"{ref.name.rstrip('/')}/")
            )
            found |= page
            size += sum(len(one.content) for one in page.values())
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


def _read(root: str, answer: Mapping[str, Any]) -> tuple[_Found, object]:
    """The parameters of one page, and the token of the next one."""
    found: _Found = {}
    for parameter in objects(answer.get("Parameters"), "Parameters"):
        name = parameter.get("Name")
        if not isinstance(name, str) or not name.startswith(root) or name == root:
            raise unexpected("a parameter in the answer is not one of the path")
        value = read_value(parameter)
        version = f"{value.version} {parameter.get('LastModifiedDate')}"
        found[name.removeprefix(root)] = replace(value, version=version)
    return found, answer.get("NextToken")


def _document(ref: SecretRef, found: _Found) -> SecretValue:
    if not found:
        below = "" if ref.recursive else " itself; what lies deeper needs recursive: true"
        raise SecretNotFound(
            f"there are no parameters under the path {ref.name}{below}. Check path and region."
        )
    by_name = {name: found[name].content.decode() for name in sorted(found)}
    versions = "".join(f"{name}\0{found[name].version}\n" for name in sorted(found))
    version = sha256(versions.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return SecretValue(json.dumps(by_name).encode(), version)
