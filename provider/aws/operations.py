"""Operations of AWS, and what their refusals mean: the error class and the advice, from tables.

The text of an error is `<AWS code>: <AWS message>. <what to do>`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from provider.aws.endpoints import Service
from provider.aws.faults import DENIED, EXPIRED, NOT_FOUND, Fault
from provider.errors import (
    AccessDenied,
    AwsThrottled,
    AwsUnavailable,
    CredentialsExpired,
    InvalidRequest,
    ProviderError,
    SecretNotFound,
    SecretUnusable,
)

_KMS = re.compile("kms|customer master key", re.IGNORECASE)


class Meaning(NamedTuple):
    """The error of a refusal, and what to do about it.

    In the advice `{who}` stands for the identity, `{actions}` and `{resource}` for what a policy
    has to allow.
    """

    error: type[ProviderError]
    advice: str


_UNREACHABLE = Meaning(
    AwsUnavailable,
    "Check the network to this endpoint (routes, DNS, VPC endpoint, proxy) and the name of the "
    "region",
)
_BROKEN = Meaning(AwsUnavailable, "This is a failure within AWS; the call is tried again")
_TOO_MANY = Meaning(AwsThrottled, "AWS limits the rate of requests; the call is tried again")
_NOT_AWS = Meaning(
    AwsUnavailable, "This answer is not from AWS: check proxy and endpoint URL on the way to it"
)
_OUTDATED = Meaning(
    CredentialsExpired,
    "AWS rejects the credentials, and new ones as well: check the clock of this machine, and that "
    "the region is enabled in the account",
)
_WRONG = Meaning(InvalidRequest, "Check the name, the version and the label")
_MISSING = Meaning(
    SecretNotFound, "Check its name, version, label and region, and that it has a value"
)
_UNUSABLE = Meaning(SecretUnusable, "Check the state of the secret and of its KMS key")
_DELETED = Meaning(
    SecretUnusable, "Restore it if it is marked for deletion, else check version and label"
)
_KEY = Meaning(
    SecretUnusable, "Check that the KMS key exists, is enabled, and may be used by the role"
)
_NOT_ALLOWED = Meaning(AccessDenied, "Allow {actions} on {resource} to {who}")

REJECTED_CREDENTIALS: Mapping[str, Meaning] = dict.fromkeys(EXPIRED, _OUTDATED)
_OF_STORES: Mapping[str, Meaning] = {
    **dict.fromkeys(NOT_FOUND, _MISSING),
    **dict.fromkeys(DENIED, _NOT_ALLOWED),
    **REJECTED_CREDENTIALS,
    "DecryptionFailure": _KEY,
    "InvalidKeyId": _KEY,
    "KMSAccessDeniedException": _KEY,
    "InvalidRequestException": _DELETED,
    "InvalidParameterException": _WRONG,
    "InvalidParameterValue": _WRONG,
    "ValidationError": _WRONG,
    "ValidationException": _WRONG,
}


class Operation(NamedTuple):
    """An operation, and what its refusals mean by their codes.

    `other` is the meaning of all other codes; None: by the status. Without `has_resource` a policy
    can only allow it on all resources.
    """

    service: Service
    name: str
    meanings: Mapping[str, Meaning] = _OF_STORES
    other: Meaning | None = None
    has_resource: bool = True

    def refused(self, fault: Fault, who: str) -> ProviderError:
        """The error for `who`, whose call failed."""
        meaning, action = self._meaning(fault), f"{self.service}:{self.name}"
        advice = meaning.advice.format(
            who=who,
            actions=f"{action} and kms:Decrypt" if _KMS.search(fault.message) else action,
            resource="this resource" if self.has_resource else 'the resource "*"',
        )
        return meaning.error(f"{str(fault).rstrip('. ')}. {advice}.")

    def _meaning(self, fault: Fault) -> Meaning:
        if fault.kind in ("timeout", "connection"):
            return _UNREACHABLE
        if fault.is_throttling:
            return _TOO_MANY
        if fault.code in self.meanings:
            return self.meanings[fault.code]
        if not 400 <= fault.status < 500:
            return _BROKEN
        if fault.kind == "foreign":
            return _NOT_AWS
        return self.other or (_NOT_ALLOWED if fault.status == 403 else _UNUSABLE)
