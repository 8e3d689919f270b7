"""Finds parameters in Parameter Store: by path and name with their values, or by tags.

`GetParametersByPath` brings the values, but may be denied, or fail for one parameter that cannot be
decrypted. Then the names come from `DescribeParameters`. Tags are looked for by that as well; its
filter pairs keys with values and matches them exactly.

`GetParametersByPath` has no filter for names: it brings the values of all parameters below the
path, and what is not looked for is dropped. That takes the fewest calls and rights. Only for a
caller that may not have some of the values, the names come first, if the identity may list them.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from provider.aws.client import Operation
from provider.aws.finding import Find, Found, Lister, name_of, nothing_to_find
from provider.aws.protocols import objects
from provider.aws.stores.parameter_store import read_value
from provider.engine.model import SecretRef
from provider.engine.values import Query
from provider.errors import AccessDenied, ProviderError

BY_PATH = Operation("ssm", "GetParametersByPath")
DESCRIBE = Operation("ssm", "DescribeParameters")

_PATH_PAGE = 10
_PAGE = 50


class ParameterFinder(Lister):
    """Finds parameters of one account and region."""

    async def find(self, find: Find, region: str, query: Query) -> Found:
        """The parameters, with values where they were found by name; tags count without a name.

        Raises what the calls raise, `InvalidRequest`, `OutOfTime` and `AnswerTooLarge`.
        """
        if find.matches is None:
            if find.tags is None:
                raise nothing_to_find()
            return await self._described(find, find.path, region, query)
        first, other = self._by_path, self._by_name
        if find.names_first:
            first, other = other, first
        try:
            return await first(find, region, query)
        except AccessDenied:
            return await other(find, region, query)

    async def _by_name(self, find: Find, region: str, query: Query) -> Found:
        return await self._described(Find(find.matches), find.path or "/", region, query)

    async def _by_path(self, find: Find, region: str, query: Query) -> Found:
        path = find.path or "/"
        body = {
            "Path": path,
            "Recursive": True,
            "WithDecryption": True,
            "MaxResults": _PATH_PAGE,
        }
        try:
            read = partial(_read, find=find, with_values=True)
            return await self.find_all(BY_PATH, body, region, query, read)
        except ProviderError as error:
            raise error.in_context(f"fetching parameters by path {path}") from error

    async def _described(self, find: Find, path: str, region: str, query: Query) -> Found:
        filters: list[Mapping[str, Any]] = [
            {"Key": f"tag:{key}", "Option": "Equals", "Values": [value]}
            for key, value in find.tags or ()
        ]
        if path:
            filters.append({"Key": "Path", "Option": "Recursive", "Values": [path]})
        body: dict[str, Any] = {"MaxResults": _PAGE}
        if filters:
            body["ParameterFilters"] = filters
        read = partial(_read, find=find, with_values=False)
        return await self.find_all(DESCRIBE, body, region, query, read)


def _read(answer: Mapping[str, Any], find: Find, *, with_values: bool) -> Found:
    """Those of a page that are looked for; raises `Fault`."""
    return {
        SecretRef("ssmparameter", name_of(entry)): read_value(entry) if with_values else None
        for entry in objects(answer.get("Parameters"), "Parameters")
        if find.matches is None or find.matches(name_of(entry))
    }
