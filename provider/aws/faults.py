"""A failed attempt at a call to AWS: the answer, or why there is none."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal[
    "ok",
    "throttled",
    "denied",
    "not_found",
    "client_error",
    "server_error",
    "timeout",
    "connection",
    "cancelled",
]
"""How an attempt ended, for metrics. `cancelled`: the deadline passed, or no request waits."""

THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""The SDK's list of codes that ask to slow down."""
PROVIDER_NOT_READY = frozenset({"IDPCommunicationError", "InvalidIdentityToken"})
"""AssumeRoleWithWebIdentity does not know the OIDC provider yet, or does not reach it. botocore
retries the first code, the AWS SDK for Go the second as well."""
TRANSIENT = PROVIDER_NOT_READY | {"RequestTimeout", "RequestTimeoutException"}
EXPIRED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Codes about the credentials (or the clock), not about what they are used for."""
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired"})
NOT_FOUND = frozenset(
    {
        "InvalidResourceId",  # of ListTagsForResource: there is no such parameter
        "ParameterNotFound",
        "ParameterVersionNotFound",
        "ResourceNotFoundException",
    }
)

_MAX_TEXT = 600
_OF_ONE_REQUEST = re.compile(
    r"[,;]?\s*\brequest ?id: ?[\w-]*|\s*(?:\bCredential=|The Canonical String for this request).*",
    re.IGNORECASE,
)
"""Parts of a message that differ in each request. Without them a repeated error has one text."""


@dataclass(eq=False, repr=False)
class Fault(Exception):
    """One failed attempt. `status` is 0 if no answer came, `retry_after` in seconds.

    Kinds: `answer` (AWS refuses or fails), `foreign` (an HTTP error that AWS does not send: from a
    proxy or some other server), `garbage` (a success of another shape), `timeout`, `connection`.
    """

    Kind = Literal["answer", "foreign", "garbage", "timeout", "connection"]

    kind: Kind
    code: str
    message: str = ""
    status: int = field(default=0, kw_only=True)
    retry_after: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__init__(self.code)  # what prints: a message may echo a secret until it is cleaned

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code

    @property
    def is_throttling(self) -> bool:
        """Whether AWS asks to slow down."""
        return self.code in THROTTLED or self.status == 429

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed when it is sent again."""
        has_status = self.kind in ("answer", "foreign")
        broken = not has_status or self.status in (500, 502, 503, 504)
        return broken or self.is_throttling or self.code in TRANSIENT

    @property
    def outcome(self) -> Outcome:
        """How the attempt ended, for metrics."""
        if self.kind in ("timeout", "connection"):
            return "timeout" if self.kind == "timeout" else "connection"
        if self.is_throttling:
            return "throttled"
        if self.code in DENIED:
            return "denied"
        if self.code in NOT_FOUND:
            return "not_found"
        return "client_error" if 400 <= self.status < 500 else "server_error"


def token_parts(token: str) -> tuple[str, ...]:
    """A JSON Web Token and its long parts, none of which a message may show."""
    return token, *(part for part in token.split(".") if len(part) >= 16)


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """A message of AWS as one bounded, printable line, without the `secrets` that it echoes.

    Ids of requests and copies of their signatures are left out too.
    """
    for secret in secrets:
        text = text.replace(secret, "***")
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    text = _OF_ONE_REQUEST.sub("", text)
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"
