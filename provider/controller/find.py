"""`dataFrom[].find`: all secrets or parameters that fit, by their full names."""

from collections.abc import Callable, Mapping
from typing import Protocol

from provider.aws import finding
from provider.aws.finding import Found
from provider.controller.resources.external_secret import Find
from provider.controller.resources.regexps import contains_match
from provider.controller.resources.store import AwsProvider
from provider.engine.failover import Failed, Reader, Regions, Wanted
from provider.engine.model import SecretRef
from provider.engine.values import Query
from provider.errors import AccessDenied, SecretNotFound
from provider.runtime.log import fields, logger

_SHOWN = 20


class AwsFinder(Protocol):
    """`SecretFinder` or `ParameterFinder` of `provider.aws`."""

    async def find(self, find: finding.Find, region: str, query: Query) -> Found:
        """What was found, with values where the service gave them."""
        ...


class Finder:
    """Finds in both services; one for the process."""

    def __init__(self, secrets: AwsFinder, parameters: AwsFinder, reader: Reader) -> None:
        self._secrets = secrets
        self._parameters = parameters
        self._reader = reader

    async def find(self, what: Find, aws: AwsProvider, query: Query) -> Mapping[str, bytes]:
        """The values by full names, in order of the names; raises ProviderError.

        What disappears while it is read is left out. So is, where the search is by path or tags,
        what the identity may not read, unless that is everything.
        """
        finder = self._parameters if aws.service == "ParameterStore" else self._secrets
        found = await finder.find(_wanted(what), aws.region, query)
        values = {ref.name: value.content for ref, value in found.items() if value is not None}
        unread = [ref for ref, value in found.items() if value is None]
        if unread:
            by_name_only = what.path is None and not what.tags
            values |= await self._read(unread, aws.region, query, may_skip=not by_name_only)
        return dict(sorted(values.items()))

    async def _read(
        self, refs: list[SecretRef], region: str, query: Query, *, may_skip: bool
    ) -> dict[str, bytes]:
        outcomes = await self._reader.read([Wanted(ref) for ref in refs], Regions(region), query)
        values, denied = {}, []
        for ref, outcome in zip(refs, outcomes, strict=True):
            if not isinstance(outcome, Failed):
                values[ref.name] = outcome.value.content
            elif may_skip and isinstance(outcome.error, AccessDenied):
                denied.append((ref, outcome.error))
            elif not isinstance(outcome.error, SecretNotFound):
                raise outcome.error.in_context(f"secret {ref.name}")
        if denied and not values:
            raise denied[0][1].in_context(f"secret {denied[0][0].name}")
        if denied:
            names = ", ".join(ref.name for ref, _ in denied[:_SHOWN])
            about = fields(identity=str(query.principal.identity), count=len(denied), names=names)
            logger.warning("find leaves out secrets that may not be read", extra=about)
        return values


def _wanted(what: Find) -> finding.Find:
    matches: Callable[[str], bool] | None = None
    if what.name is not None:
        regexp = what.name.regexp

        def matches(name: str) -> bool:
            return contains_match(regexp, name)

    return finding.Find(matches, what.path or "", tuple(sorted(what.tags.items())) or None)
