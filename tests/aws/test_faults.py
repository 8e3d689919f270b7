"""What each error of AWS means, and which are tried again."""

import re

import pytest
from botocore.retries import standard

from provider import errors
from provider.aws.faults import THROTTLED, Fault, clean
from provider.aws.operations import Operation
from provider.aws.sts import ASSUME, ASSUME_WITH_TOKEN

WHO = "role r of service account shop/web"
GET = Operation("ssm", "Get")

CASES: list[tuple[str, int, str, type[errors.ProviderError], str]] = [
    (
        "AccessDeniedException",
        400,
        "no",
        errors.AccessDenied,
        f"Allow ssm:Get on this resource to {WHO}.",
    ),
    (
        "AccessDeniedException",
        400,
        "Access to KMS is not allowed",
        errors.AccessDenied,
        "Allow ssm:Get and kms:Decrypt on this resource",
    ),
    ("HTTP 403", 403, "", errors.AccessDenied, "Allow ssm:Get on this resource"),  # no body
    ("ResourceNotFoundException", 400, "no", errors.SecretNotFound, "Check its name"),
    ("ResourceNotFoundException", 404, "no", errors.SecretNotFound, "Check its name"),
    ("ParameterVersionNotFound", 400, "no", errors.SecretNotFound, "Check its name"),
    ("InvalidRequestException", 400, "marked", errors.SecretUnusable, "Restore it"),
    ("DecryptionFailure", 400, "no", errors.SecretUnusable, "KMS key"),
    ("InvalidKeyId", 400, "no", errors.SecretUnusable, "KMS key"),
    (
        "ValidationException",
        400,
        "no",
        errors.InvalidRequest,
        "Check the name, the version and the label",
    ),
    (
        "InvalidParameterException",
        400,
        "no",
        errors.InvalidRequest,
        "Check the name, the version and the label",
    ),
    ("ExpiredTokenException", 400, "no", errors.CredentialsExpired, "clock"),
    ("UnrecognizedClientException", 400, "no", errors.CredentialsExpired, "clock"),
    ("InvalidSignatureException", 403, "no", errors.CredentialsExpired, "clock"),
    ("ThrottlingException", 400, "no", errors.AwsThrottled, "limits the rate"),
    ("SlowDown", 503, "no", errors.AwsThrottled, "limits the rate"),
    ("InternalServiceError", 500, "no", errors.AwsUnavailable, "failure within AWS"),
    ("HTTP 502", 502, "", errors.AwsUnavailable, "failure within AWS"),
    ("HTTP 302", 302, "", errors.AwsUnavailable, "failure within AWS"),
    ("SomethingNew", 400, "no", errors.SecretUnusable, "Check the state"),
]

STS_CASES: list[tuple[str, int, str, type[errors.ProviderError], str]] = [
    ("AccessDenied", 403, "Not authorized", errors.RoleNotAssumable, "trust policy"),
    ("InvalidIdentityToken", 400, "no", errors.TokenRejected, "OIDC provider"),
    ("IDPRejectedClaim", 403, "no", errors.TokenRejected, "OIDC provider"),
    ("ExpiredTokenException", 400, "no", errors.TokenRejected, "clocks"),
    ("ValidationError", 400, "no", errors.RoleNotAssumable, "ARN of the role"),
    ("RegionDisabledException", 403, "no", errors.RoleNotAssumable, "Activate STS"),
    ("IDPCommunicationError", 400, "no", errors.AwsUnavailable, "OIDC provider"),
    ("Throttling", 400, "no", errors.AwsThrottled, "limits the rate"),
    ("InternalFailure", 500, "no", errors.AwsUnavailable, "failure within AWS"),
    ("SomethingNew", 403, "no", errors.RoleNotAssumable, "trust policy"),
]

BOTH: list[tuple[Operation, str, int, str, type[errors.ProviderError], str]] = [
    *((GET, *case) for case in CASES),
    *((ASSUME_WITH_TOKEN, *case) for case in STS_CASES),
]


@pytest.mark.parametrize(("operation", "code", "status", "message", "kind", "advice"), BOTH)
def test_what_a_refusal_means(
    *,
    operation: Operation,
    code: str,
    status: int,
    message: str,
    kind: type[errors.ProviderError],
    advice: str,
) -> None:
    error = operation.refused(Fault("answer", code, message, status=status), WHO)
    assert type(error) is kind
    assert str(error).startswith(f"{code}: {message}. " if message else f"{code}. ")
    assert advice in str(error)
    assert str(error).endswith(".")


@pytest.mark.parametrize("status", [400, 403, 404, 405])
@pytest.mark.parametrize("operation", [GET, ASSUME_WITH_TOKEN])
def test_a_refusal_that_is_not_from_aws(operation: Operation, status: int) -> None:
    fault = Fault("foreign", f"HTTP {status}", status=status)
    error = operation.refused(fault, WHO)
    assert type(error) is errors.AwsUnavailable
    assert str(error).startswith(f"HTTP {status}. This answer is not from AWS: check proxy")
    assert not fault.is_transient


NEUTRAL = re.compile("driver|SecretProviderClass|pod|mount|annotation", re.IGNORECASE)


def test_no_advice_names_a_front_door() -> None:
    for operation, code, status, message, *_ in BOTH:
        fault = Fault("answer", code, message, status=status)
        for one in (operation, ASSUME):
            text = str(one.refused(fault, "somebody"))
            assert not NEUTRAL.search(text), text


def test_every_code_that_botocore_retries_is_retried() -> None:
    throttled = standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES
    transient = standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES
    assert set(throttled) == THROTTLED
    for code in (*throttled, *transient):
        assert Fault("answer", code, status=400).is_transient
    for status in standard.TransientRetryableChecker._TRANSIENT_STATUS_CODES:
        assert Fault("answer", "Any", status=status).is_transient


@pytest.mark.parametrize("kind", ["timeout", "connection"])
def test_what_is_not_reached(kind: str) -> None:
    fault = Fault("timeout" if kind == "timeout" else "connection", "Timeout", "https://x: late")
    error = GET.refused(fault, WHO)
    assert type(error) is errors.AwsUnavailable
    assert str(error).startswith("Timeout: https://x: late. Check the network to this")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\r\nb\x00c\x1b[31m", "a b c [31m"),
        ("  spaced   out ", "spaced out"),
        ("\u202egnp.exe \u00e9", "gnp.exe \u00e9"),
        ("x" * 2000, "x" * 600 + "…"),
    ],
)
def test_messages_are_one_printable_line(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (
            "no (Service: AWSKMS; Status Code: 400; Request ID: 8b-{}; Proxy: null)",
            "no (Service: AWSKMS; Status Code: 400; Proxy: null)",
        ),
        ("it failed, request id: {}", "it failed"),
        ("it failed (RequestId: {})", "it failed ()"),
        ("not signed: is=AWS4 Credential=AKIA/{}, Signature=f", "not signed: is=AWS4"),
        ("wrong key.\n\nThe Canonical String for this request was 'POST {}'", "wrong key."),
    ],
)
def test_a_failure_reads_the_same_each_time(text: str, cleaned: str) -> None:
    assert clean(text.format("1a")) == clean(text.format("2b")) == cleaned
