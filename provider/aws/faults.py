"""What AWS says no with, and what that means to the person who reads it.

A `Fault` is one failed attempt as it came off the wire. `refused()` turns the last one into the
error of the mount by one table: `<AWS code>: <AWS message>. <what to do>`.
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
]
"""How an attempt ended, for metrics."""

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
"""The SDK's list of codes that ask for patience."""
TRANSIENT = frozenset({"RequestTimeout", "RequestTimeoutException", "IDPCommunicationError"})
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
    {"ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException"}
)

_MAX_TEXT = 600
_KMS = re.compile("kms|customer master key", re.IGNORECASE)


class Fault(Exception):
    """One failed attempt. `status` is 0 where no answer came, `retry_after` in seconds."""

    def __init__(
        self,
        kind: Literal["answer", "garbage", "timeout", "connection"],
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
        """Whether the same request may well succeed when sent again."""
        broken = self.kind != "answer" or self.status in (500, 502, 503, 504)
        return broken or self.is_throttling or self.code in TRANSIENT

    @property
    def outcome(self) -> Outcome:
        """The attempt in metrics."""
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
    """A message of AWS, fit to print: `secrets` that it echoes taken out, one line, bounded."""
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
_BROKEN = _Meaning(AwsUnavailable, "AWS fails at the moment; the driver tries again")
_TOO_MANY = _Meaning(AwsThrottled, "AWS limits the rate of requests; the driver tries again")
_OUTDATED = _Meaning(
    CredentialsExpired,
    "AWS does not take the pod's credentials, new ones neither: check the node's clock",
)
_WRONG = _Meaning(InvalidRequest, "Correct the object in the SecretProviderClass")
_MISSING = _Meaning(
    SecretNotFound, "Check its name, version, label and region, and that it has a value"
)
_UNUSABLE = _Meaning(SecretUnusable, "Check the state of the secret and of its KMS key")
_DELETED = _Meaning(
    SecretUnusable, "Restore it if it is marked for deletion, else check version and label"
)
_KEY = _Meaning(SecretUnusable, "Check that the KMS key is there, enabled, and open to the role")

_NOT_ALLOWED = _Meaning(AccessDenied, "")
"""`refused` writes the advice: it depends on the action."""

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
        TokenRejected, "Check the clocks of node and API server; the next mount brings a new token"
    ),
    "InvalidIdentityToken": _TOKEN,
    "IDPRejectedClaim": _TOKEN,
    "IDPCommunicationError": _Meaning(AwsUnavailable, "AWS does not reach the OIDC provider"),
    "RegionDisabledException": _Meaning(
        RoleNotAssumable, "Activate STS for this region in the account's settings"
    ),
    "ValidationError": _Meaning(
        RoleNotAssumable, "Check the role's ARN in eks.amazonaws.com/role-arn"
    ),
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
        RoleNotAssumable, "Check assumeRoleArn and assumeRoleDurationSeconds"
    ),
}
"""What AssumeRole refuses with: unlike the other call it is signed."""


def refused(fault: Fault, service: Service, action: str, who: str) -> ProviderError:
    """The error that `fault` comes to, when `who` was refused `action` (`ssm:GetParameters`)."""
    meaning = _meaning(fault, service, action)
    advice = meaning.advice.replace("{who}", who)
    if meaning is _NOT_ALLOWED:
        needed = f"{action} and kms:Decrypt" if _KMS.search(fault.message) else action
        advice = f"Allow {needed} on it to {who}"
    text = str(fault).rstrip(". ")
    return meaning.error(f"{text}. {advice}.")


def _meaning(fault: Fault, service: Service, action: str) -> _Meaning:
    is_chain = action == f"sts:{ASSUME_ROLE}"
    if fault.kind in ("timeout", "connection"):
        return _UNREACHABLE
    if fault.is_throttling:
        return _TOO_MANY
    sts = _CHAIN if is_chain else _STS
    known = (sts if service == "sts" else _STORES).get(fault.code)
    if known is not None:
        return known
    if not 400 <= fault.status < 500:
        return _BROKEN
    if service == "sts":
        return _CHAIN_TRUST if is_chain else _TRUST
    return _refusal(fault)


def _refusal(fault: Fault) -> _Meaning:
    """What a store's refusal means that the table does not know."""
    return _NOT_ALLOWED if fault.status == 403 else _UNUSABLE
