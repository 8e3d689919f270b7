"""One call of AWS: endpoint, signature, attempts, answer.

Credentials come with each call and are not kept. A call ends when its task is cancelled; there is
no deadline of its own but the time-out of each attempt.
"""

from asyncio import CancelledError, sleep
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import Any, TypeVar

from provider.aws import protocols, retries
from provider.aws.endpoints import Endpoint, Endpoints, Service
from provider.aws.faults import EXPIRED, Fault, Outcome, clean
from provider.aws.refusals import refused
from provider.aws.signing import sign
from provider.engine.model import Access, Credentials, Identity, Retries
from provider.errors import ProviderError
from provider.runtime.lru import Lru
from provider.runtime.transport import NoAnswer, Reply, Request, Transport

T = TypeVar("T")

Observe = Callable[[Service, str, str, Outcome, float], None]
"""Called after every attempt: service, operation, region, outcome, seconds."""

ATTEMPT_TIMEOUT = 10.0
"""Seconds for one attempt, with the connection that it may have to open."""
MAX_BODY = 8 * 2**20
"""Bytes of an answer: ten parameters or one secret are far below, even with all escaped."""
_MOST_QUOTAS = 1000
_MAX_SKEW = 240.0
"""Seconds; AWS itself tolerates 300."""


@dataclass(frozen=True, slots=True)
class Operation:
    service: Service
    name: str

    def refused(self, fault: Fault, who: str) -> ProviderError:
        return refused(fault, f"{self.service}:{self.name}", who)


@dataclass(frozen=True, slots=True)
class Caller:
    """The region to ask, and as whom; without credentials the request is not signed."""

    region: str
    who: Identity | str
    """For messages. Each namespace has its own quota of retries."""
    credentials: Credentials | None = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What the request holds, beyond its credentials, that an error message must not echo."""
    retries: Retries | None = None
    """None: those of the client."""

    @classmethod
    def of(cls, access: Access) -> "Caller":
        """The caller that reads a store."""
        return cls(access.region, access.identity, access.credentials, retries=access.retries)

    def all_secrets(self) -> tuple[str, ...]:
        """All that must not be printed. AWS echoes the session token where a signature is wrong."""
        if self.credentials is None:
            return self.secrets
        own = self.credentials.secret_access_key, self.credentials.session_token
        return (*self.secrets, *filter(None, own))


@dataclass(slots=True, eq=False)
class AwsClient:
    """Calls AWS with the credentials that each call brings; one for the process."""

    endpoints: Endpoints
    transport: Transport
    observe: Observe
    max_attempts: int = 3
    user_agent: str = field(default_factory=protocols.user_agent)
    # For each host and namespace, so that a region in trouble leaves other regions their retries,
    # and a tenant that is throttled other tenants.
    _quotas: Lru[tuple[str, str], retries.Quota] = field(
        default_factory=lambda: Lru(_MOST_QUOTAS), init=False
    )
    _skew: float = field(default=0.0, init=False)

    async def ask(
        self,
        operation: Operation,
        parameters: Mapping[str, Any],
        caller: Caller,
        read: Callable[[Mapping[str, Any]], T],
    ) -> T:
        """What `read` makes of the answer; it raises `Fault` for one of another shape.

        Raises `ProviderError`, whose cause is a `Fault`.
        """
        try:
            return read(await self.call(operation, parameters, caller))
        except Fault as fault:
            raise operation.refused(fault, str(caller.who)) from fault

    async def call(
        self, operation: Operation, parameters: Mapping[str, Any], caller: Caller
    ) -> dict[str, Any]:
        """The answer, see `protocols.decode`; raises `Fault`."""
        endpoint = self.endpoints.resolve(operation.service, caller.region)
        headers, body = protocols.encode(operation.service, operation.name, parameters)
        headers["User-Agent"] = self.user_agent
        request = Request("POST", endpoint.url, headers, body, ATTEMPT_TIMEOUT, max_body=MAX_BODY)
        quota = self._quota(endpoint, caller)
        settings = caller.retries or Retries(self.max_attempts)
        attempt, paid, may_set_clock = 1, retries.REFUND, True
        while True:
            skew = self._skew
            try:
                answer = await self._attempt(operation, endpoint, request, caller)
            except Fault as fault:
                if may_set_clock and fault.code in EXPIRED and self._skew != skew:
                    may_set_clock = False
                    continue
                if not _may_retry(fault, attempt, settings, quota):
                    raise
                wait = retries.delay(fault, attempt) if settings.delay is None else settings.delay
                attempt, paid = attempt + 1, retries.cost(fault)
            else:
                quota.give(paid)
                return answer
            await sleep(wait)

    def _quota(self, endpoint: Endpoint, caller: Caller) -> retries.Quota:
        who = caller.who if isinstance(caller.who, str) else caller.who.namespace
        quota = self._quotas.get((endpoint.host, who)) or retries.Quota()
        self._quotas.put((endpoint.host, who), quota)
        return quota

    async def _attempt(
        self, operation: Operation, endpoint: Endpoint, request: Request, caller: Caller
    ) -> dict[str, Any]:
        """The answer to one attempt, which is observed however it ends."""
        started = monotonic()
        outcome: Outcome = "ok"
        try:
            reply = await self._send(endpoint, request, caller.credentials)
            return protocols.decode(operation.service, reply)
        except Fault as fault:
            outcome = fault.outcome
            fault.message = clean(fault.message, caller.all_secrets())
            raise
        except CancelledError:
            outcome = "cancelled"
            raise
        finally:
            seconds = monotonic() - started
            self.observe(operation.service, operation.name, caller.region, outcome, seconds)

    async def _send(
        self, endpoint: Endpoint, request: Request, credentials: Credentials | None
    ) -> Reply:
        if credentials is not None:
            at = time() + self._skew
            headers = sign(endpoint, request.headers, request.body, credentials, at)
            request = replace(request, headers=headers)
        try:
            reply = await self.transport(request)
        except NoAnswer as failure:
            if failure.kind == "timeout":
                raise Fault("timeout", "Timeout", str(failure)) from failure
            raise Fault("connection", "ConnectionError", str(failure)) from failure
        if reply.status in (400, 403):
            self._skew = _skew(reply, self._skew)
        return reply


def _may_retry(fault: Fault, attempt: int, settings: Retries, quota: retries.Quota) -> bool:
    if not fault.is_transient or 0 < settings.max_attempts <= attempt:
        return False
    return quota.take(retries.cost(fault))


def _skew(reply: Reply, known: float) -> float:
    """Seconds by which AWS's clock is ahead of the local one, 0 where that is within tolerance."""
    try:
        theirs = parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return known
    skew = theirs - time()
    return skew if abs(skew) > _MAX_SKEW else 0.0
