"""Errors of AWS services, in their own words."""

from testbed.fake import Refusal


class AwsError(Refusal):
    """An error answer. `code` is the bare name, as in `ResourceNotFoundException`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class SignatureError(AwsError):
    """Something is wrong with who signed the request; STS has names of its own for these."""


def throttled() -> AwsError:
    """Too many calls, as the JSON services say it."""
    return AwsError("ThrottlingException", "Rate exceeded")


def sts_throttled() -> AwsError:
    """Too many calls, as STS says it."""
    return AwsError("Throttling", "Rate exceeded")


def internal_failure(status: int = 500) -> AwsError:
    """A fault of AWS's own; 503 is `ServiceUnavailable`."""
    if status == 503:
        return AwsError("ServiceUnavailable", "Service is unavailable", 503)
    return AwsError("InternalFailure", "An internal error occurred", status)


def expired_token() -> AwsError:
    """The session behind a signed call is over."""
    return SignatureError(
        "ExpiredTokenException", "The security token included in the request is expired"
    )


def idp_unreachable() -> AwsError:
    """STS cannot reach the cluster's OIDC issuer; its documentation says to try again."""
    return AwsError(
        "IDPCommunicationError",
        "Could not reach the identity provider because of an error. Please try again.",
    )
