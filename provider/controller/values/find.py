"""`dataFrom[].find`: all secrets or parameters that fit, by their full names."""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Protocol

from provider.aws import finding
from provider.aws.finding import Found
from provider.controller.resources.external_secret import Find
from provider.controller.resources.regexps import contains_match, size
from provider.controller.scheduling.cpu_work import CpuWork, Expired
from provider.controller.template.go_regexp import WORK_A_STEP
from provider.controller.values.bounded_reads import read_all
from provider.controller.values.secret_reads import FetchRequest, Source
from provider.engine.failover import Failed, Reader, Regions, Wanted
from provider.engine.model import SecretRef, SecretValue
from provider.engine.values import Query
from provider.errors import AccessDenied, InvalidRequest, SecretNotFound
from provider.policy import rules
from provider.policy.rules import ALLOW_ALL, Policy
from provider.runtime.log import fields, logger

_SHOWN = 20


class AwsFinder(Protocol):
    """`SecretFinder` or `ParameterFinder` of `provider.aws`."""

    async def find(self, find: finding.Find, region: str, query: Query) -> Found:
        """What was found, with values where the service gave them."""
        ...


class Finder:
    """Finds in both services; one for the process."""

    def __init__(
        self,
        secrets: AwsFinder,
        parameters: AwsFinder,
        reader: Reader,
        cpu_work: CpuWork,
        policy: Policy = ALLOW_ALL,
    ) -> None:
        self._secrets = secrets
        self._parameters = parameters
        self._reader = reader
        self._cpu_work = cpu_work
        self._policy = policy

    async def find(self, what: Find, source: Source, asked: FetchRequest) -> Mapping[str, bytes]:
        """The values by full names, in order of the names; raises ProviderError.

        Left out are secrets that are deleted during the search and secrets that the policy refuses.
        A search by path or tags also leaves out what the identity may not read. If nothing is left
        because of the policy or of missing rights, it fails.
        """
        aws, query = source.aws, asked.query(source.principal)
        finder = self._parameters if aws.service == "ParameterStore" else self._secrets
        wanted = self._wanted(what, asked.namespace)
        found = self._allowed(await finder.find(wanted, aws.region, query), asked.namespace)
        values = {ref: value for ref, value in found.items() if value is not None}
        unread = [ref for ref, value in found.items() if value is None]
        if unread:
            by_name_only = what.path is None and not what.tags
            values |= await self._read(unread, aws.region, query, may_skip=not by_name_only)
        asked.record.read(source.session, values.items())
        return {ref.name: value.content for ref, value in sorted(values.items(), key=_by_name)}

    def _wanted(self, what: Find, namespace: str) -> finding.Find:
        matching: finding.Matching | None = None
        if what.name is not None:
            regexp = what.name.regexp

            async def matching(names: Collection[str]) -> AbstractSet[str]:
                return await self._cpu_work.run(namespace, partial(_matching, regexp, names))

        tags = None if what.tags is None else tuple(sorted(what.tags.items()))
        names_first = self._policy.limits_names(namespace)
        return finding.Find(matching, what.path or "", tags, names_first)

    def _allowed(self, found: Found, namespace: str) -> Found:
        """What the policy leaves; raises `PolicyViolation` where it leaves nothing."""
        allowed, violations = {}, []
        for ref, value in found.items():
            if violation := self._policy.check(rules.AccessRequest(namespace, names=[ref.name])):
                violations.append(violation)
            else:
                allowed[ref] = value
        if violations and not allowed:
            raise violations[0]
        if violations:
            about = fields(namespace=namespace, count=len(violations), first=str(violations[0]))
            logger.warning("find leaves out secrets that the policy refuses", extra=about)
        return allowed

    async def _read(
        self, refs: list[SecretRef], region: str, query: Query, *, may_skip: bool
    ) -> dict[SecretRef, SecretValue]:
        wanted = [Wanted(ref) for ref in refs]
        outcomes = await read_all(self._reader, wanted, Regions(region), query)
        values, denied = {}, []
        for ref, outcome in zip(refs, outcomes, strict=True):
            if not isinstance(outcome, Failed):
                values[ref] = outcome.value
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


def _by_name(found: tuple[SecretRef, SecretValue]) -> str:
    return found[0].name


def _matching(regexp: str, names: Collection[str], expired: Expired) -> set[str]:
    """The names that contain a match; raises `InvalidRequest` if that takes too long."""
    instructions, found = size(regexp), set()
    for name in names:
        if expired(instructions * len(name) // WORK_A_STEP):
            raise InvalidRequest("to match the names takes too long: make name.regexp simpler")
        if contains_match(regexp, name):
            found.add(name)
    return found
