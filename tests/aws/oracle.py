"""botocore as the oracle: what it would send, and what it makes of an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.session import Session

from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints, Service
from provider.engine.model import Access, Credentials, Identity, SecretRef, SecretValue
from provider.engine.ports import Store
from provider.errors import ProviderError
from provider.runtime.transport import Reply, Request, Transport

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "tok/en+==")
IDENTITY = Identity("irsa", "shop/web", "aws", role="arn:aws:iam::111122223333:role/web")

Answer = tuple[int, bytes]
EMPTY: Answer = (200, b"{}")


def access(region: str = "eu-west-1") -> Access:
    """Access as some service account."""
    return Access(region, IDENTITY, KEYS)


async def outcome_of(store: Store, ref: SecretRef, access: Access) -> SecretValue | ProviderError:
    """What the engine makes of a call for one ref, whether the store returns or raises it."""
    try:
        return (await store.read([ref], access))[ref]
    except ProviderError as error:
        return error


@dataclass(frozen=True)
class Sent:
    """A request on its way."""

    url: str
    headers: Mapping[str, str]
    body: bytes | str


@cache
def _session() -> Session:
    return Session(include_builtin_handlers=True)


@cache
def _client(service: Service, region: str, endpoint_url: str | None, **config: Any) -> Any:
    """A client of botocore's takes some 50 ms to make."""
    return _session().create_client(
        service,
        region,
        endpoint_url=endpoint_url,
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
        aws_session_token=KEYS.session_token,
        config=Config(retries={"mode": "standard"}, **config),
    )


class Botocore:
    """A client of botocore's that sends nothing: each request is kept and answered from a list."""

    def __init__(
        self, service: Service, region: str, *, endpoint_url: str | None = None, **config: Any
    ) -> None:
        self.sent: list[Sent] = []
        self.answers: list[Answer] = []
        self.client = _client(service, region, endpoint_url, **config)
        events = self.client.meta.events
        events.unregister("before-send", unique_id="oracle")
        events.register("before-send", self._send, unique_id="oracle")

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        def text(value: str | bytes) -> str:
            return value.decode() if isinstance(value, bytes) else value

        headers = {name: text(value) for name, value in request.headers.items()}
        self.sent.append(Sent(request.url, headers, request.body))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return AWSResponse(request.url, status, {}, _Raw(body))


class _Raw(BytesIO):
    def stream(self, **_: object) -> list[bytes]:
        return [self.getvalue()]


@dataclass
class StubTransport:
    """A transport that sends nothing: keeps requests, answers from a list, the last for ever."""

    answers: list[Answer | Exception] = field(default_factory=lambda: [EMPTY])
    date: str = ""
    sent: list[Sent] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, request: Request) -> Reply:
        self.sent.append(Sent(request.url, request.headers, request.body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        headers = {**self.headers, "date": self.date} if self.date else self.headers
        return Reply(answer[0], headers, answer[1])


@dataclass
class Attempts:
    """What the client tells about its attempts."""

    outcomes: list[str] = field(default_factory=list)

    def __call__(
        self, service: Service, operation: str, region: str, outcome: str, seconds: float
    ) -> None:
        self.outcomes.append(outcome)


def client(
    transport: Transport,
    environment: Mapping[str, str] | None = None,
    attempts: Attempts | None = None,
) -> AwsClient:
    """Our client over a stub, or over something that sends."""
    return AwsClient(Endpoints(environment or {}), transport, attempts or Attempts())
