"""One call of AWS: endpoint, signature, attempts, answer.

Credentials come with each call and go nowhere else. What fails comes out as a `Fault`; the stores
and STS know what it means to them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic, sleep, time
from typing import Any, TypeVar
from xml.etree.ElementTree import Element

from provider.aws import protocols, retries
from provider.aws.endpoints import Endpoint, Endpoints, Service
from provider.aws.faults import Fault, Outcome, clean, refused
from provider.aws.protocols import Payload
from provider.aws.signing import sign
from provider.aws.transport import Transport
from provider.credentials import Access, Credentials
from provider.deadline import Deadline
from provider.errors import OutOfTime, ProviderError
from provider.http.connection import NoAnswer, Request
from provider.http.response import Reply

T = TypeVar("T")

Observe = Callable[[Service, str, str, Outcome, float], None]
"""Told of every attempt: service, operation, region, outcome, seconds."""

_CLOCK_CODES = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
_MAX_SKEW = 240.0
"""Seconds; AWS itself tolerates 300."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is asked of which service."""

    service: Service
    name: str

    @property
    def action(self) -> str:
        """The IAM action it needs."""
        return f"{self.service}:{self.name}"

    def refused(self, fault: Fault, who: str) -> ProviderError:
        """The error that `fault` comes to, when `who` asked for this."""
        return refused(fault, self.service, self.action, who)


@dataclass(frozen=True, slots=True)
class Place:
    """Where, as whom and until when; without credentials the request is not signed."""

    region: str
    credentials: Credentials | None = field(repr=False)
    deadline: Deadline
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What the request holds, beyond its credentials, that an error message must not echo."""

    @classmethod
    def of(cls, access: Access) -> "Place":
        """Where and as whom a store is asked."""
        return cls(access.region, access.credentials, access.deadline)

    def all_secrets(self) -> tuple[str, ...]:
        """All that must not be printed. AWS echoes the session token where a signature is wrong."""
        if self.credentials is None:
            return self.secrets
        token = self.credentials.session_token
        return (*self.secrets, self.credentials.secret_access_key, *((token,) if token else ()))


_TARGETS: Mapping[Service, str] = {"secretsmanager": "secretsmanager", "ssm": "AmazonSSM"}


class AwsClient:
    """Thread-safe; one for the process."""

    def __init__(
        self, endpoints: Endpoints, transport: Transport, observe: Observe, max_attempts: int = 3
    ) -> None:
        self._endpoints = endpoints
        self._transport = transport
        self._observe = observe
        self._max_attempts = max_attempts
        # Per endpoint, so that a region in trouble leaves the others their retries.
        self._quota = lru_cache(64)(_new_quota)
        self._skew = 0.0

    def call(self, operation: Operation, body: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Call by AWS JSON 1.1; raises `Fault` or `OutOfTime`."""
        return self._call(operation, _payload(operation, body), protocols.read_json, place)

    def begin(
        self, operation: Operation, body: Mapping[str, Any], place: Place
    ) -> Callable[[], dict[str, Any]] | None:
        """Send what `call` would, if that takes no time; calling the result reads the answer.

        That is one attempt, without retries but for that of a clock that is wrong: it raises
        `Fault` or `OutOfTime`.
        """
        payload = _payload(operation, body)
        endpoint = self._endpoints.resolve(operation.service, place.region)
        started, skew = monotonic(), self._skew
        request = self._request(endpoint, payload, place)
        sending = self._transport.begin(endpoint.origin, request, place.deadline)
        if sending is None:
            return None

        def answer() -> dict[str, Any]:
            return protocols.read_json(self._reply(sending.reply))

        def read() -> dict[str, Any]:
            try:
                return self._observed(operation, place, answer, started)
            except Fault as fault:
                if fault.code not in _CLOCK_CODES or self._skew == skew:
                    raise
            # AWS has told the time.
            return self._call(operation, payload, protocols.read_json, place)

        return read

    def query(
        self, operation: Operation, version: str, form: Mapping[str, str], place: Place
    ) -> Element:
        """Call by the AWS query protocol; raises `Fault` or `OutOfTime`."""
        payload = protocols.query_payload(operation.name, version, form)
        return self._call(operation, payload, protocols.read_xml, place)

    def _call(
        self, operation: Operation, payload: Payload, read: Callable[[Reply], T], place: Place
    ) -> T:
        endpoint = self._endpoints.resolve(operation.service, place.region)
        quota = self._quota(endpoint)
        attempt, paid, may_set_clock = 1, retries.REFUND, True
        while True:
            skew = self._skew
            try:
                answer = self._attempt(operation, endpoint, payload, read, place)
            except Fault as fault:
                if may_set_clock and fault.code in _CLOCK_CODES and self._skew != skew:
                    may_set_clock = False
                    continue
                wait = self._wait_before_retry(fault, attempt, quota, place.deadline)
                if wait is None:
                    raise
                attempt, paid = attempt + 1, retries.cost(fault)
                sleep(wait)
            else:
                quota.give(paid)
                return answer

    def _wait_before_retry(
        self, fault: Fault, attempt: int, quota: retries.Quota, deadline: Deadline
    ) -> float | None:
        """Seconds to wait, or None where the failure stands."""
        if not fault.is_transient or attempt >= self._max_attempts:
            return None
        wait = retries.delay(fault, attempt)
        if wait >= deadline.remaining() or not quota.take(retries.cost(fault)):
            return None
        return wait

    def _attempt(
        self,
        operation: Operation,
        endpoint: Endpoint,
        payload: Payload,
        read: Callable[[Reply], T],
        place: Place,
    ) -> T:
        if place.deadline.passed:
            raise OutOfTime(f"no time was left to ask {endpoint.origin}. Try again later.")

        def answer() -> T:
            return read(self._send(endpoint, payload, place))

        return self._observed(operation, place, answer, monotonic())

    def _observed(
        self, operation: Operation, place: Place, answer: Callable[[], T], started: float
    ) -> T:
        """The answer to one attempt, which is counted."""
        outcome: Outcome = "ok"
        try:
            return answer()
        except Fault as fault:
            outcome = fault.outcome
            fault.message = clean(fault.message, place.all_secrets())
            if outcome == "timeout" and place.deadline.passed:
                raise OutOfTime(f"{fault}. Check that the node reaches this endpoint.") from fault
            raise
        finally:
            seconds = monotonic() - started
            self._observe(operation.service, operation.name, place.region, outcome, seconds)

    def _request(self, endpoint: Endpoint, payload: Payload, place: Place) -> Request:
        headers = payload.headers
        if place.credentials is not None:
            at = time() + self._skew
            headers = sign(endpoint, headers, payload.body, place.credentials, at)
        return Request("POST", endpoint.path, headers, payload.body)

    def _send(self, endpoint: Endpoint, payload: Payload, place: Place) -> Reply:
        request = self._request(endpoint, payload, place)
        return self._reply(lambda: self._transport.post(endpoint.origin, request, place.deadline))

    def _reply(self, receive: Callable[[], Reply]) -> Reply:
        try:
            reply = receive()
        except NoAnswer as failure:
            code = "Timeout" if failure.kind == "timeout" else "ConnectionError"
            raise Fault(failure.kind, code, str(failure)) from failure
        if reply.status in (400, 403):
            self._skew = _skew(reply, self._skew)
        return reply


def _payload(operation: Operation, body: Mapping[str, Any]) -> Payload:
    """A call by AWS JSON 1.1."""
    return protocols.json_payload(f"{_TARGETS[operation.service]}.{operation.name}", body)


def _new_quota(_endpoint: Endpoint) -> retries.Quota:
    return retries.Quota()


def _skew(reply: Reply, known: float) -> float:
    """Seconds by which AWS's clock is ahead of the node's, 0 where that is within tolerance."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - heavy, and rarely needed

    try:
        theirs = parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return known
    skew = theirs - time()
    return skew if abs(skew) > _MAX_SKEW else 0.0
