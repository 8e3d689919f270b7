"""Finding secrets and parameters by name, path and tags: what both services have in common.

A finder lists page by page; each page is a call of its own, with the credentials and limits of the
engine. It gives refs, and values where a page brings them; the other values are read through the
engine.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from provider.aws.client import AwsClient, Caller, Operation
from provider.aws.protocols import unexpected
from provider.engine.calls import Calls
from provider.engine.model import Access, SecretRef, SecretValue
from provider.engine.values import Query
from provider.errors import AnswerTooLarge, InvalidRequest, OutOfTime

MAX_PAGES = 1000
MAX_NAMES = 1000
MAX_NAME_BYTES = 2**20
MAX_VALUE_BYTES = 4 * 2**20

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Find:
    """What to look for. `matches` decides by the full name; None: names do not matter.

    `path` is the start of names (Secrets Manager) or a level of the hierarchy (Parameter Store).
    All `tags` must be there, keys with their values; None: the find does not mention tags. With
    `names_first` the caller drops names before it reads their values.
    """

    matches: Callable[[str], bool] | None = None
    path: str = ""
    tags: Tags | None = None
    names_first: bool = False


Found = dict[SecretRef, SecretValue | None]
"""In the order of the service. None: the value is still to be read."""


def nothing_to_find() -> InvalidRequest:
    """The error of a `Find` with neither name nor tags, in the words of External Secrets."""
    return InvalidRequest("unexpected find operator: find needs a name or tags.")


@dataclass(frozen=True, slots=True)
class Lister:
    """Calls operations that answer page by page."""

    client: AwsClient
    calls: Calls

    async def find_all(
        self,
        operation: Operation,
        parameters: Mapping[str, Any],
        region: str,
        query: Query,
        read: Callable[[Mapping[str, Any]], Found],
    ) -> Found:
        """What `read` finds in all pages; it raises `Fault` for an answer of another shape.

        Raises what the calls raise, `OutOfTime` and `AnswerTooLarge`.
        """
        found: Found = {}
        page = parameters

        def found_in(answer: Mapping[str, Any]) -> tuple[Found, object]:
            return read(answer), answer.get("NextToken")

        async def send(access: Access) -> tuple[Found, object]:
            return await self.client.ask(operation, page, Caller.of(access), found_in)

        def sending() -> None:
            query.trace.calls += 1

        for _ in range(MAX_PAGES):
            try:
                async with asyncio.timeout(query.deadline - monotonic()):
                    more, token = await self.calls.make(query.principal, region, send, sending)
            except TimeoutError:
                text = f"{operation.name} did not end in time. Try again later."
                raise OutOfTime(text) from None
            found |= more
            _check_size(found)
            if not token:
                return found
            page = {**parameters, "NextToken": token}
        raise AnswerTooLarge(
            f"{operation.name} answers more than {MAX_PAGES} pages: give a path or tags."
        )


def _check_size(found: Found) -> None:
    """Raises `AnswerTooLarge` for too much."""
    name_bytes = sum(len(ref.name) for ref in found)
    value_bytes = sum(len(value.content) for value in found.values() if value)
    if len(found) > MAX_NAMES or name_bytes > MAX_NAME_BYTES or value_bytes > MAX_VALUE_BYTES:
        raise AnswerTooLarge(
            f"more than {MAX_NAMES} secrets, {MAX_NAME_BYTES} bytes of names or "
            f"{MAX_VALUE_BYTES} bytes of values are found: look for fewer."
        )


def name_of(entry: Mapping[str, Any]) -> str:
    """The name of a secret or parameter in an answer; raises `Fault`."""
    name = entry.get("Name")
    if isinstance(name, str) and name:
        return name
    raise unexpected("an entry in the answer has no name")
