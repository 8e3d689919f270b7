"""Finding secrets and parameters by name, path and tags: what both services have in common.

A finder lists page by page; each page is a call of its own, with the credentials and limits of the
engine. It gives refs, and values where a page brings them; the other values are read through the
engine.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from provider.aws.client import AwsClient, Caller, Operation
from provider.aws.faults import Fault
from provider.aws.protocols import unexpected
from provider.engine.calls import Calls
from provider.engine.model import Access, SecretRef, SecretValue
from provider.engine.values import Query
from provider.errors import AnswerTooLarge, InvalidRequest, OutOfTime

MAX_PAGES = 1000
MAX_NAMES = 1000
MAX_NAME_BYTES = 2**20
MAX_VALUE_BYTES = 8 * 2**20

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Find:
    """What to look for. `matches` decides by the full name; None: it was not asked for by name.

    `path` is the start of names (Secrets Manager) or a level of the hierarchy (Parameter Store).
    All `tags` must be there, keys with their values; None: there is nothing about tags.
    """

    matches: Callable[[str], bool] | None = None
    path: str = ""
    tags: Tags | None = None


Found = dict[SecretRef, SecretValue | None]
"""In the order of the service. None: the value is still to be read."""


def nothing_to_find() -> InvalidRequest:
    """The error of a `Find` with neither name nor tags, in the words of External Secrets."""
    return InvalidRequest("unexpected find operator: find needs a name or tags.")


@dataclass(slots=True)
class Collected:
    """What has been found so far, within the bounds."""

    found: Found = field(default_factory=dict)
    _name_bytes: int = 0
    _value_bytes: int = 0

    def add(self, ref: SecretRef, value: SecretValue | None = None) -> None:
        """Add one; raises `AnswerTooLarge`."""
        if ref in self.found:
            return
        self.found[ref] = value
        self._name_bytes += len(ref.name)
        self._value_bytes += len(value.content) if value else 0
        if (
            len(self.found) > MAX_NAMES
            or self._name_bytes > MAX_NAME_BYTES
            or self._value_bytes > MAX_VALUE_BYTES
        ):
            raise AnswerTooLarge(
                f"more than {MAX_NAMES} secrets, {MAX_NAME_BYTES} bytes of names or "
                f"{MAX_VALUE_BYTES} bytes of values are found: look for fewer."
            )


class Lister:
    """Calls operations that answer page by page."""

    def __init__(self, client: AwsClient, calls: Calls) -> None:
        self._client = client
        self._calls = calls

    async def pages(
        self, operation: Operation, body: Mapping[str, Any], region: str, query: Query
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The answers; raises what the calls raise, `OutOfTime` and `AnswerTooLarge`."""
        token: object = None
        for _ in range(MAX_PAGES):
            page = {**body, "NextToken": token} if token else body
            answer = await self._page(operation, page, region, query)
            yield answer
            token = answer.get("NextToken")
            if not token:
                return
        raise AnswerTooLarge(
            f"{operation.name} answers more than {MAX_PAGES} pages: give a path or tags."
        )

    async def _page(
        self, operation: Operation, body: Mapping[str, Any], region: str, query: Query
    ) -> Mapping[str, Any]:
        async def send(access: Access) -> Mapping[str, Any]:
            try:
                return await self._client.call(operation, body, Caller.of(access))
            except Fault as fault:
                raise operation.refused(fault, str(access.identity)) from fault

        def sending() -> None:
            query.trace.calls += 1

        try:
            async with asyncio.timeout(query.deadline - monotonic()):
                return await self._calls.make(query.principal, region, send, sending)
        except TimeoutError:
            raise OutOfTime(f"{operation.name} did not end in time. Try again later.") from None


def entries(answer: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """The objects that an answer has under `key`; raises `Fault`."""
    found = answer.get(key)
    if isinstance(found, list) and all(isinstance(entry, dict) for entry in found):
        return found
    raise unexpected(f"{key} in the answer is not a list of objects")


def name_of(entry: Mapping[str, Any]) -> str:
    """The name of a secret or parameter in an answer; raises `Fault`."""
    name = entry.get("Name")
    if isinstance(name, str) and name:
        return name
    raise unexpected("an entry in the answer has no name")


def has_all(tags: Iterable[tuple[str, str]], there: Mapping[str, str]) -> bool:
    """Whether each tag is there, with its value."""
    return all(there.get(key) == value for key, value in tags)
