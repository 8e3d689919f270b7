"""What a refusal of AWS means: the error class and the advice, from tables.

The text of an error is `<AWS code>: <AWS message>. <what to do>`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from provider.aws.faults import DENIED, EXPIRED, NOT_FOUND, Fault
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

_KMS = re.compile("kms|customer master key", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Meaning:
    error: type[ProviderError]
    advice: str


_UNREACHABLE = _Meaning(
    AwsUnavailable, "Check the network to this endpoint (routes, VPC endpoint, proxy)"
)
_BROKEN = _Meaning(AwsUnavailable, "This is a failure within AWS; the call is tried again")
_TOO_MANY = _Meaning(AwsThrottled, "AWS limits the rate of requests; the call is tried again")
_NOT_AWS = _Meaning(
    AwsUnavailable, "This answer is not from AWS: check proxy and endpoint URL on the way to it"
)
_OUTDATED = _Meaning(
    CredentialsExpired,
    "AWS rejects the credentials, and new ones as well: check the clock of this machine",
)
_WRONG = _Meaning(InvalidRequest, "Check the name, the version and the label")
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
"""Actions that a policy can only allow on all resources."""

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

_BY_ACTION: Mapping[str, tuple[Mapping[str, _Meaning], _Meaning]] = {
    "sts:AssumeRole": (_CHAIN, _CHAIN_TRUST),
    "sts:AssumeRoleWithWebIdentity": (_STS, _TRUST),
    "sts:GetCallerIdentity": (_STS, _TRUST),
    "sts:GetSessionToken": (_SESSION, _TRUST),
}
"""What the codes of an operation of STS mean, and all other refusals."""


def refused(fault: Fault, action: str, who: str) -> ProviderError:
    """The error for `who`, whose call of `action` (such as `ssm:GetParameters`) failed."""
    meaning = _meaning(fault, action)
    advice = meaning.advice.replace("{who}", who)
    if meaning is _NOT_ALLOWED:
        needed = f"{action} and kms:Decrypt" if _KMS.search(fault.message) else action
        where = 'the resource "*"' if action in _ON_ALL else "this resource"
        advice = f"Allow {needed} on {where} to {who}"
    text = str(fault).rstrip(". ")
    return meaning.error(f"{text}. {advice}.")


def _meaning(fault: Fault, action: str) -> _Meaning:
    if fault.kind in ("timeout", "connection"):
        return _UNREACHABLE
    if fault.is_throttling:
        return _TOO_MANY
    other = _NOT_ALLOWED if fault.status == 403 else _UNUSABLE
    known, other = _BY_ACTION.get(action, (_STORES, other))
    if fault.code in known:
        return known[fault.code]
    if not 400 <= fault.status < 500:
        return _BROKEN
    return _NOT_AWS if fault.kind == "foreign" else other
