"""What AWS refuses with, and what that means to the person who reads it.

A `Fault` is one failed attempt as it came off the wire. `refused()` turns the last one into an
error by one table: `<AWS code>: <AWS message>. <what to do>`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from provider.aws.endpoints import Service
from provider.errors import (
    AccessDenied,
    AwsThrottled,
    AwsUnavailable,
    CredentialsExpired,
    InvalidRequest,
    ProviderError,
    RoleNotAssumable,
    SecretNotFound,
    SecretUnusable,
    TokenRejected,
)

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
"""How an attempt ended, for metrics. `cancelled`: its deadline passed, or nobody waits any more."""

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
NOT_EVERYWHERE_YET = frozenset({"IDPCommunicationError", "InvalidIdentityToken"})
"""What AssumeRoleWithWebIdentity says of an OIDC provider that it does not know yet or does not
reach. botocore retries the first, the AWS SDK for Go the second as well."""
TRANSIENT = NOT_EVERYWHERE_YET | {"RequestTimeout", "RequestTimeoutException"}
EXPIRED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
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
_KMS = re.compile("kms|customer master key", re.IGNORECASE)


class Fault(Exception):
    """One failed attempt. `status` is 0 where no answer came, `retry_after` in seconds.

    Kinds: `answer` (AWS refuses or fails), `foreign` (an HTTP error that AWS does not send: from a
    proxy or some other server), `garbage` (a success of another shape), `timeout`, `connection`.
    """

    Kind = Literal["answer", "foreign", "garbage", "timeout", "connection"]

    def __init__(
        self,
        kind: Kind,
        code: str,
        message: str = "",
        *,
        status: int = 0,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code)
        self.kind = kind
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after

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


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """A message of AWS as one bounded, printable line, without the `secrets` that it echoes."""
    for secret in secrets:
        text = text.replace(secret, "***")
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"


@dataclass(frozen=True, slots=True)
class _Meaning:
    error: type[ProviderError]
    advice: str


_UNREACHABLE = _Meaning(
    AwsUnavailable, "Check that the node reaches this endpoint (routes, VPC endpoint, proxy)"
)
_BROKEN = _Meaning(AwsUnavailable, "AWS fails at the moment; it is tried again")
_TOO_MANY = _Meaning(AwsThrottled, "AWS limits the rate of requests; it is tried again")
_NOT_AWS = _Meaning(
    AwsUnavailable, "This answer is not from AWS: check proxy and endpoint URL on the way to it"
)
_OUTDATED = _Meaning(
    CredentialsExpired,
    "AWS rejects the credentials, and new ones as well: check the clock of this machine",
)
_WRONG = _Meaning(InvalidRequest, "Correct the request")
_MISSING = _Meaning(
    SecretNotFound, "Check its name, version, label and region, and that it has a value"
)
_UNUSABLE = _Meaning(SecretUnusable, "Check the state of the secret and of its KMS key")
_DELETED = _Meaning(
    SecretUnusable, "Restore it if it is marked for deletion, else check version and label"
)
_KEY = _Meaning(
    SecretUnusable, "Check that the KMS key exists, is enabled, and may be used by the role"
)

_NOT_ALLOWED = _Meaning(AccessDenied, "")
"""`refused` writes the advice, which depends on the action."""
_ON_ALL = frozenset(
    {
        "ecr-public:GetAuthorizationToken",
        "ecr:GetAuthorizationToken",
        "secretsmanager:BatchGetSecretValue",
        "secretsmanager:ListSecrets",
        "ssm:DescribeParameters",
    }
)
"""Actions that policies cannot allow for single resources."""

_STORES = {
    **dict.fromkeys(NOT_FOUND, _MISSING),
    **dict.fromkeys(DENIED, _NOT_ALLOWED),
    **dict.fromkeys(EXPIRED, _OUTDATED),
    "DecryptionFailure": _KEY,
    "InvalidKeyId": _KEY,
    "KMSAccessDeniedException": _KEY,
    "InvalidRequestException": _DELETED,
    "InvalidParameterException": _WRONG,
    "InvalidParameterValue": _WRONG,
    "ValidationError": _WRONG,
    "ValidationException": _WRONG,
}

_TOKEN = _Meaning(
    TokenRejected,
    "Check that the cluster's OIDC provider exists in IAM, with the audience sts.amazonaws.com",
)
_TRUST = _Meaning(
    RoleNotAssumable,
    "Check that the role exists and that its trust policy lets this service account assume it",
)
_STS = {
    "ExpiredTokenException": _Meaning(
        TokenRejected, "Check the clocks of node and API server; a new token is needed"
    ),
    "InvalidIdentityToken": _TOKEN,
    "IDPRejectedClaim": _TOKEN,
    "IDPCommunicationError": _Meaning(AwsUnavailable, "AWS does not reach the OIDC provider"),
    "RegionDisabledException": _Meaning(
        RoleNotAssumable, "Activate STS for this region in the account's settings"
    ),
    "ValidationError": _Meaning(RoleNotAssumable, "Check the ARN of the role"),
}

ASSUME_ROLE = "AssumeRole"
_CHAIN_TRUST = _Meaning(
    RoleNotAssumable,
    "Allow sts:AssumeRole on this role to {who} (and sts:TagSession where there are session tags), "
    "and let the role's own trust policy allow the same, with the external id if it asks for one",
)
_CHAIN = {
    **dict.fromkeys(EXPIRED, _OUTDATED),
    "RegionDisabledException": _STS["RegionDisabledException"],
    "ValidationError": _Meaning(
        RoleNotAssumable, "Check the ARN of the role and the duration of the session"
    ),
}
"""What AssumeRole refuses with; unlike AssumeRoleWithWebIdentity it is signed."""

GET_SESSION_TOKEN = "GetSessionToken"  # noqa: S105 (an operation)
_SESSION = {
    **dict.fromkeys(EXPIRED, _OUTDATED),
    **dict.fromkeys(
        DENIED,
        _Meaning(
            AccessDenied,
            "Use long-term access keys of an IAM user, and check number and code of the MFA device",
        ),
    ),
    "RegionDisabledException": _STS["RegionDisabledException"],
    "ValidationError": _WRONG,
}
"""What GetSessionToken refuses with; temporary keys may not call it."""


def refused(fault: Fault, service: Service, action: str, who: str) -> ProviderError:
    """The error for `who`, whose call of `action` (such as `ssm:GetParameters`) failed."""
    meaning = _meaning(fault, service, action)
    advice = meaning.advice.replace("{who}", who)
    if meaning is _NOT_ALLOWED:
        needed = f"{action} and kms:Decrypt" if _KMS.search(fault.message) else action
        where = 'the resource "*"' if action in _ON_ALL else "it"
        advice = f"Allow {needed} on {where} to {who}"
    text = str(fault).rstrip(". ")
    return meaning.error(f"{text}. {advice}.")


def _meaning(fault: Fault, service: Service, action: str) -> _Meaning:
    is_chain = action == f"sts:{ASSUME_ROLE}"
    if fault.kind in ("timeout", "connection"):
        return _UNREACHABLE
    if fault.is_throttling:
        return _TOO_MANY
    sts = {f"sts:{ASSUME_ROLE}": _CHAIN, f"sts:{GET_SESSION_TOKEN}": _SESSION}.get(action, _STS)
    known = (sts if service == "sts" else _STORES).get(fault.code)
    if known is not None:
        return known
    if not 400 <= fault.status < 500:
        return _BROKEN
    return _refusal(fault, service, is_chain=is_chain)


def _refusal(fault: Fault, service: Service, *, is_chain: bool) -> _Meaning:
    """What a refusal means that is in no table."""
    if fault.kind == "foreign":
        return _NOT_AWS
    if service == "sts":
        return _CHAIN_TRUST if is_chain else _TRUST
    return _NOT_ALLOWED if fault.status == 403 else _UNUSABLE
