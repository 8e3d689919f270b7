"""Finds secrets and parameters by name, path and tags.

A finder lists page by page; each page is a call of its own, with the credentials and limits of the
engine. It gives refs, and values where a page brings them; the other values are read through the
engine.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from provider.aws.client import AwsClient
from provider.aws.operations import Operation
from provider.aws.protocols import objects, unexpected
from provider.aws.stores.parameter_store import read_value
from provider.aws.stores.tags import tags_of
from provider.engine.calls import Calls
from provider.engine.model import Access, SecretRef, SecretValue
from provider.engine.values import Query
from provider.errors import AccessDenied, AnswerTooLarge, InvalidRequest, OutOfTime, ProviderError

LIST_SECRETS = Operation("secretsmanager", "ListSecrets", has_resource=False)
BY_PATH = Operation("ssm", "GetParametersByPath")
DESCRIBE_PARAMETERS = Operation("ssm", "DescribeParameters", has_resource=False)

MAX_PAGES = 1000
MAX_NAMES = 1000
MAX_NAME_BYTES = 2**20
MAX_VALUE_BYTES = 4 * 2**20
_MOST_FILTERS = 10
_FILTER_VALUE = re.compile(r"[a-zA-Z0-9 :_@/+=.-][a-zA-Z0-9 :_@/+=.!-]{0,511}")
"""What `ListSecrets` takes; an exclamation mark at the start would mean the contrary."""

Tags = tuple[tuple[str, str], ...]
Matching = Callable[[Collection[str]], Awaitable[AbstractSet[str]]]


@dataclass(frozen=True, slots=True)
class Find:
    """What to look for. `matching` gives those of some full names that are looked for, page by
    page; None: names do not matter. It is not called for what path or tags leave out.

    `path` is the start of names (Secrets Manager) or a level of the hierarchy (Parameter Store).
    All `tags` must be there, keys with their values; None: the find does not mention tags. With
    `names_first` the caller drops names before it reads their values.
    """

    matching: Matching | None = None
    path: str = ""
    tags: Tags | None = None
    names_first: bool = False


Found = dict[SecretRef, SecretValue | None]
"""In the order of the service. None: the value is still to be read."""


@dataclass(frozen=True, slots=True)
class _Lister:
    """Calls operations that answer page by page."""

    client: AwsClient
    calls: Calls

    async def _pages(
        self,
        operation: Operation,
        parameters: Mapping[str, Any],
        region: str,
        query: Query,
        read: Callable[[Mapping[str, Any]], Found],
    ) -> AsyncIterator[Found]:
        """What `read` finds in each page; it raises `Fault` for an answer of another shape.

        Raises what the calls raise, `OutOfTime` and `AnswerTooLarge`.
        """
        page = parameters

        def found_in(answer: Mapping[str, Any]) -> tuple[Found, object]:
            return read(answer), answer.get("NextToken")

        async def send(access: Access) -> tuple[Found, object]:
            return await self.client.ask(operation, page, access, found_in)

        def sending() -> None:
            query.trace.calls += 1

        for _ in range(MAX_PAGES):
            try:
                async with asyncio.timeout(query.deadline - monotonic()):
                    more, token = await self.calls.make(query.principal, region, send, sending)
            except TimeoutError:
                text = f"{operation.name} did not end in time. Try again later."
                raise OutOfTime(text) from None
            yield more
            if not token:
                return
            page = {**parameters, "NextToken": token}
        raise AnswerTooLarge(
            f"{operation.name} answers more than {MAX_PAGES} pages: give a path or tags."
        )


class SecretFinder(_Lister):
    """Finds secrets of one account and region, by `ListSecrets`.

    Its filters only narrow the list: they match prefixes, and do not pair the key of a tag with its
    value. Name, path and tags of each secret are checked here.
    """

    async def find(self, find: Find, region: str, query: Query) -> Found:
        """The secrets, without values; without name and tags `InvalidRequest`.

        Raises what the calls raise, `OutOfTime` and `AnswerTooLarge`.
        """
        if find.matching is None and not find.tags:
            raise _nothing_to_find()
        parameters: dict[str, Any] = {"MaxResults": 100}
        if filters := _secret_filters(find):
            parameters["Filters"] = filters

        def read(answer: Mapping[str, Any]) -> Found:
            secrets = objects(answer.get("SecretList"), "SecretList")
            names = [_name_of(one) for one in secrets if _is_secret(one, find)]
            return {SecretRef("secretsmanager", name): None for name in names}

        return await _named(self._pages(LIST_SECRETS, parameters, region, query, read), find)


class ParameterFinder(_Lister):
    """Finds parameters of one account and region: by path and name with their values, or by tags.

    `GetParametersByPath` has no filter for names: it brings the values of all parameters below the
    path, and what is not looked for is dropped. That takes the fewest calls and rights. But it may
    be denied, also for the key of one parameter; then the names come from `DescribeParameters`. For
    a caller that may not have some of the values, the names come first, if the identity may list
    them. Tags are looked for by `DescribeParameters` as well; its filter pairs keys with values and
    matches them exactly.
    """

    async def find(self, find: Find, region: str, query: Query) -> Found:
        """The parameters, with values where they were found by name; tags count without a name.

        Raises what the calls raise, `InvalidRequest`, `OutOfTime` and `AnswerTooLarge`.
        """
        if find.matching is None:
            if find.tags is None:
                raise _nothing_to_find()
            return await self._described(find, region, query)
        named = replace(find, path=find.path or "/", tags=None)
        first, other = self._by_path, self._described
        if find.names_first:
            first, other = other, first
        try:
            return await first(named, region, query)
        except AccessDenied:
            return await other(named, region, query)

    async def _by_path(self, find: Find, region: str, query: Query) -> Found:
        parameters = {
            "Path": find.path,
            "Recursive": True,
            "WithDecryption": True,
            "MaxResults": 10,
        }

        def read(answer: Mapping[str, Any]) -> Found:
            return {_ref(one): read_value(one) for one in _parameters(answer)}

        try:
            return await _named(self._pages(BY_PATH, parameters, region, query, read), find)
        except ProviderError as error:
            raise error.in_context(f"fetching parameters by path {find.path}") from error

    async def _described(self, find: Find, region: str, query: Query) -> Found:
        filters: list[Mapping[str, Any]] = [
            {"Key": f"tag:{key}", "Option": "Equals", "Values": [value]}
            for key, value in find.tags or ()
        ]
        if find.path:
            filters.append({"Key": "Path", "Option": "Recursive", "Values": [find.path]})
        parameters: dict[str, Any] = {"MaxResults": 50}
        if filters:
            parameters["ParameterFilters"] = filters

        def read(answer: Mapping[str, Any]) -> Found:
            return dict.fromkeys(map(_ref, _parameters(answer)))

        pages = self._pages(DESCRIBE_PARAMETERS, parameters, region, query, read)
        return await _named(pages, find)


def _nothing_to_find() -> InvalidRequest:
    """In the words of External Secrets."""
    return InvalidRequest("unexpected find operator: find needs a name or tags.")


async def _named(pages: AsyncIterator[Found], find: Find) -> Found:
    """What has a name that is looked for; raises `AnswerTooLarge`."""
    found: Found = {}
    async for page in pages:
        if find.matching is not None:
            names = await find.matching([ref.name for ref in page])
            page = {ref: value for ref, value in page.items() if ref.name in names}  # noqa: PLW2901
        found |= page
        _check_size(found)
    return found


def _check_size(found: Found) -> None:
    name_bytes = sum(len(ref.name) for ref in found)
    value_bytes = sum(len(value.content) for value in found.values() if value)
    if len(found) > MAX_NAMES or name_bytes > MAX_NAME_BYTES or value_bytes > MAX_VALUE_BYTES:
        raise AnswerTooLarge(
            f"more than {MAX_NAMES} secrets, {MAX_NAME_BYTES} bytes of names or "
            f"{MAX_VALUE_BYTES} bytes of values are found: look for fewer."
        )


def _name_of(entry: Mapping[str, Any]) -> str:
    """The name of a secret or parameter in an answer; raises `Fault`."""
    name = entry.get("Name")
    if isinstance(name, str) and name:
        return name
    raise unexpected("an entry in the answer has no name")


def _secret_filters(find: Find) -> Sequence[Mapping[str, Any]]:
    """Filters that match at least all that is looked for; the first ten that AWS takes."""
    wanted = [("name", find.path)]
    for key, value in find.tags or ():
        wanted += [("tag-key", key), ("tag-value", value)]
    usable = [(key, value) for key, value in wanted if _FILTER_VALUE.fullmatch(value)]
    return [{"Key": key, "Values": [value]} for key, value in usable[:_MOST_FILTERS]]


def _is_secret(entry: Mapping[str, Any], find: Find) -> bool:
    """Whether this secret is looked for; raises `Fault`."""
    name = _name_of(entry)
    if not name.startswith(find.path):
        return False
    tags = tags_of(entry, "Tags")
    return all(tags.get(key) == value for key, value in find.tags or ())


def _parameters(answer: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Those of a page; raises `Fault`."""
    return objects(answer.get("Parameters"), "Parameters")


def _ref(parameter: Mapping[str, Any]) -> SecretRef:
    return SecretRef("ssmparameter", _name_of(parameter))
