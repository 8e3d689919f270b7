"""Finds secrets in Secrets Manager, by `ListSecrets`.

Its filters only narrow the list: they match prefixes, and do not pair the key of a tag with its
value. Name, path and tags of each secret are checked here.
"""

import re
from collections.abc import Mapping
from typing import Any

from provider.aws.client import Operation
from provider.aws.finding import Find, Found, Lister, name_of, nothing_to_find
from provider.aws.protocols import objects
from provider.aws.stores.tags import tags_of
from provider.engine.model import SecretRef
from provider.engine.values import Query

LIST = Operation("secretsmanager", "ListSecrets")

_PAGE = 100
_MOST_FILTERS = 10
_FILTER_VALUE = re.compile(r"[a-zA-Z0-9 :_@/+=.-][a-zA-Z0-9 :_@/+=.!-]{0,511}")
"""What AWS takes; an exclamation mark at the start would mean the contrary."""


class SecretFinder(Lister):
    """Finds secrets of one account and region."""

    async def find(self, find: Find, region: str, query: Query) -> Found:
        """The secrets, without values; without name and tags `InvalidRequest`.

        Raises what the calls raise, `OutOfTime` and `AnswerTooLarge`.
        """
        if find.matches is None and not find.tags:
            raise nothing_to_find()
        body: dict[str, Any] = {"MaxResults": _PAGE}
        if filters := _filters(find):
            body["Filters"] = filters

        def read(answer: Mapping[str, Any]) -> Found:
            secrets = objects(answer.get("SecretList"), "SecretList")
            names = [name_of(one) for one in secrets if _is(one, find)]
            return {SecretRef("secretsmanager", name): None for name in names}

        return await self.find_all(LIST, body, region, query, read)


def _filters(find: Find) -> list[Mapping[str, Any]]:
    """Filters that match at least all that is looked for; the first ten that AWS takes."""
    wanted = [("name", find.path)]
    for key, value in find.tags or ():
        wanted += [("tag-key", key), ("tag-value", value)]
    usable = [(key, value) for key, value in wanted if _FILTER_VALUE.fullmatch(value)]
    return [{"Key": key, "Values": [value]} for key, value in usable[:_MOST_FILTERS]]


def _is(entry: Mapping[str, Any], find: Find) -> bool:
    """Whether this secret is looked for; raises `Fault`."""
    name = name_of(entry)
    if not name.startswith(find.path):
        return False
    tags = tags_of(entry, "Tags")
    if any(tags.get(key) != value for key, value in find.tags or ()):
        return False
    return find.matches is None or find.matches(name)
