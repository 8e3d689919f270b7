"""One call of AWS: endpoint, signature, attempts, answer.

Credentials come with each call and are not kept. A call ends when its task is cancelled; there is
no deadline of its own but the time-out of each attempt.
"""

from asyncio import sleep
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic, time
from typing import Any, TypeVar

from provider.aws import protocols, retries
from provider.aws.endpoints import Endpoint, Endpoints, Service
from provider.aws.faults import EXPIRED, Fault, Outcome, clean, token_parts
from provider.aws.operations import Operation
from provider.aws.signing import sign
from provider.engine.model import Access, Credentials, Retries
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
        access: Access,
        read: Callable[[Mapping[str, Any]], T],
    ) -> T:
        """What `read` makes of the answer; it raises `Fault` for one of another shape.

        Raises `ProviderError`, whose cause is a `Fault`.
        """
        try:
            return read(await self.call(operation, parameters, access))
        except Fault as fault:
            raise operation.refused(fault, str(access.identity)) from fault

    async def call(
        self, operation: Operation, parameters: Mapping[str, Any], access: Access
    ) -> dict[str, Any]:
        """The answer, see `protocols.decode`; raises `Fault`."""
        endpoint = self.endpoints.resolve(operation.service, access.region)
        headers, body = protocols.encode(operation.service, operation.name, parameters)
        headers["User-Agent"] = self.user_agent
        request = Request("POST", endpoint.url, headers, body, ATTEMPT_TIMEOUT, max_body=MAX_BODY)
        quota = self._quota(endpoint, access)
        settings = access.retries or Retries(self.max_attempts)
        attempt, paid, may_set_clock = 1, retries.REFUND, True
        while True:
            skew = self._skew
            try:
                answer = await self._attempt(operation, endpoint, request, access)
            except Fault as fault:
                fault.message = clean(fault.message, _secrets(parameters, access.credentials))
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

    def _quota(self, endpoint: Endpoint, access: Access) -> retries.Quota:
        key = endpoint.host, access.tenant or access.identity.namespace
        quota = self._quotas.get(key) or retries.Quota()
        self._quotas.put(key, quota)
        return quota

    async def _attempt(
        self, operation: Operation, endpoint: Endpoint, request: Request, access: Access
    ) -> dict[str, Any]:
        """The answer to one attempt, which is observed however it ends."""
        started = monotonic()
        outcome: Outcome = "cancelled"
        try:
            reply = await self._send(endpoint, request, access.credentials)
            answer = protocols.decode(operation.service, reply)
            outcome = "ok"
            return answer
        except Fault as fault:
            outcome = fault.outcome
            raise
        finally:
            seconds = monotonic() - started
            self.observe(operation.service, operation.name, access.region, outcome, seconds)

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


def _secrets(parameters: Mapping[str, Any], credentials: Credentials | None) -> list[str]:
    """What no message may show: AWS echoes the session token where a signature is wrong."""
    secrets = [*token_parts(parameters.get("WebIdentityToken", ""))]
    if credentials is not None:
        secrets += [credentials.secret_access_key, credentials.session_token or ""]
    return [secret for secret in secrets if secret]


def _may_retry(fault: Fault, attempt: int, settings: Retries, quota: retries.Quota) -> bool:
    if not fault.is_transient or 0 < settings.max_attempts <= attempt:
        return False
    return quota.take(retries.cost(fault))


def _skew(reply: Reply, known: float) -> float:
    """Seconds by which AWS's clock is ahead of the local one, 0 where that is within tolerance."""
    if reply.sent_at is None:
        return known
    skew = reply.sent_at - time()
    return skew if abs(skew) > _MAX_SKEW else 0.0
