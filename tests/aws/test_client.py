"""The client against botocore: the same requests, the same attempts, the same reading of errors."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.exceptions import ClientError

from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints, Service
from provider.aws.faults import Fault
from provider.aws.operations import Operation
from provider.engine.model import Access, Credentials, Identity, Retries
from provider.runtime.transport import NoAnswer, Reply, Request
from tests.aws.oracle import (
    EMPTY,
    IDENTITY,
    KEYS,
    Answer,
    Attempts,
    Botocore,
    StubTransport,
    client,
)
from tests.error_texts import all_texts

GET = Operation("secretsmanager", "GetSecretValue")
ARN = "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:a/b-AbCdEf"
STS_EMPTY: Answer = (200, b"<R><AssumeRoleWithWebIdentityResult/></R>")


def access(region: str = "eu-west-1", credentials: Credentials | None = KEYS) -> Access:
    return Access(region, IDENTITY, credentials)


def scope_of(authorization: str) -> str:
    match = re.search(r"Credential=([^,]+)", authorization)
    assert match
    return match[1].partition("/")[2].partition("/")[2]  # without the key id and the day


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1"])
@pytest.mark.parametrize(
    ("service", "method", "name", "body"),
    [
        ("secretsmanager", "get_secret_value", "GetSecretValue", {"SecretId": "prod/db é"}),
        (
            "secretsmanager",
            "get_secret_value",
            "GetSecretValue",
            {"SecretId": ARN, "VersionId": "0" * 36, "VersionStage": "AWSPREVIOUS"},
        ),
        ("secretsmanager", "describe_secret", "DescribeSecret", {"SecretId": ARN}),
        (
            "ssm",
            "get_parameters",
            "GetParameters",
            {"Names": ["/a/b:3", "c:live"], "WithDecryption": True},
        ),
    ],
)
async def test_sends_what_botocore_sends(
    service: Service, method: str, name: str, body: dict[str, Any], region: str
) -> None:
    oracle = Botocore(service, region)
    oracle.answers = [EMPTY]
    getattr(oracle.client, method)(**body)
    ours = StubTransport()
    await client(ours).call(Operation(service, name), body, access(region))
    (theirs,), (mine,) = oracle.sent, ours.sent
    assert mine.url == theirs.url
    assert json.loads(mine.body) == json.loads(theirs.body)
    for header in ("Content-Type", "X-Amz-Target", "X-Amz-Security-Token"):
        assert mine.headers[header] == theirs.headers[header]
    ours_scope, theirs_scope = (scope_of(one.headers["Authorization"]) for one in (mine, theirs))
    assert ours_scope == theirs_scope


async def test_sends_sts_what_botocore_sends() -> None:
    form = {
        "RoleArn": "arn:aws:iam::111122223333:role/a b",
        "RoleSessionName": "shop.web",
        "WebIdentityToken": "a.b+c/d=.e&f",
    }
    oracle = Botocore("sts", "eu-west-1")
    oracle.answers = [STS_EMPTY]
    oracle.client.assume_role_with_web_identity(**form)
    ours = StubTransport([STS_EMPTY])
    operation = Operation("sts", "AssumeRoleWithWebIdentity")
    await client(ours).call(operation, form, access(credentials=None))
    (theirs,), (mine,) = oracle.sent, ours.sent
    assert mine.url == theirs.url
    assert isinstance(mine.body, bytes)
    assert parse_qs(mine.body.decode(), strict_parsing=True) == parse_qs(str(theirs.body))
    assert mine.headers["Content-Type"] == theirs.headers["Content-Type"]
    assert "Authorization" not in mine.headers.keys() | theirs.headers.keys()


def error(code: str, status: int = 400, key: str = "__type") -> Answer:
    return status, json.dumps({key: code, "message": "says AWS"}).encode()


ANSWERS: Mapping[str, Answer] = {
    "not-found": error("ResourceNotFoundException"),
    "denied": error("AccessDeniedException"),
    "name-space": error("com.amazonaws.ssm#ParameterNotFound"),
    "colon": error("ThrottlingException:http://internal/x"),
    "throttled": error("ThrottlingException"),
    "too-many": error("TooManyRequestsException"),
    "slow-down": error("SlowDown", 503),
    "limit": error("RequestLimitExceeded", 503),
    "bandwidth": error("BandwidthLimitExceeded"),
    "429": (429, b"{}"),
    "429-with-a-code": error("Whatever", 429),
    "500": error("InternalServiceError", 500),
    "501": error("NotImplemented", 501),
    "502-html": (502, b"<html>bad gateway</html>"),
    "503-empty": (503, b""),
    "504": (504, b"{}"),
    "request-timeout": error("RequestTimeout"),
    "prior": error("PriorRequestNotComplete"),
    "expired": error("ExpiredTokenException"),
    "skewed": error("RequestTimeTooSkewed"),
    "validation": error("ValidationException"),
    "idp": error("IDPCommunicationError"),
}


@pytest.mark.parametrize("service", ["secretsmanager", "ssm"])
@pytest.mark.parametrize("name", ANSWERS)
async def test_reads_and_retries_errors_as_botocore_does(name: str, service: Service) -> None:
    answer = ANSWERS[name]
    oracle = Botocore(service, "eu-west-1")
    oracle.answers = [answer]
    arguments = {"SecretId": "a"} if service == "secretsmanager" else {"Names": ["a"]}
    method = "get_secret_value" if service == "secretsmanager" else "get_parameters"
    with pytest.raises(ClientError) as theirs:
        getattr(oracle.client, method)(**arguments)
    ours, attempts = StubTransport([answer]), Attempts()
    with pytest.raises(Fault) as mine:
        await client(ours, attempts=attempts).call(Operation(service, "Any"), arguments, access())
    if name != "idp":  # only STS says so, and there both retry
        assert len(ours.sent) == len(oracle.sent) == len(attempts.outcomes)
    code = theirs.value.response["Error"]["Code"]
    assert mine.value.code.removeprefix("HTTP ") == code


STS_ANSWERS = {
    "denied": (403, "AccessDenied"),
    "throttled": (400, "Throttling"),
    "idp": (400, "IDPCommunicationError"),
    "expired": (400, "ExpiredTokenException"),
    "500": (500, "InternalFailure"),
}


@pytest.mark.parametrize("name", STS_ANSWERS)
async def test_reads_and_retries_errors_of_sts_as_botocore_does(name: str) -> None:
    status, code = STS_ANSWERS[name]
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        f"<Type>Sender</Type><Code>{code}</Code><Message>says AWS</Message></Error>"
        "<RequestId>1</RequestId></ErrorResponse>"
    ).encode()
    oracle = Botocore("sts", "eu-west-1")
    oracle.answers = [(status, body)]
    form = {"RoleArn": "a" * 20, "RoleSessionName": "ab", "WebIdentityToken": "abcd"}
    with pytest.raises(ClientError) as theirs:
        oracle.client.assume_role_with_web_identity(**form)
    ours = StubTransport([(status, body)])
    with pytest.raises(Fault) as mine:
        await client(ours).call(Operation("sts", "Any"), form, access(credentials=None))
    assert len(ours.sent) == len(oracle.sent)
    assert mine.value.code == theirs.value.response["Error"]["Code"]
    assert mine.value.message == theirs.value.response["Error"]["Message"]


@pytest.mark.parametrize("answers", [1, 2, 3])
async def test_a_token_that_sts_does_not_know_yet_is_shown_again(answers: int) -> None:
    """As the AWS SDK for Go does, and botocore does not."""
    body = b"<R><Error><Code>InvalidIdentityToken</Code><Message>no</Message></Error></R>"
    refusals: list[Answer | Exception] = [(400, body)] * answers
    ours, attempts = StubTransport([*refusals, STS_EMPTY]), Attempts()
    call = client(ours, attempts=attempts).call(
        Operation("sts", "AssumeRoleWithWebIdentity"), {}, access(credentials=None)
    )
    if answers < 3:
        await call
        assert attempts.outcomes == ["client_error"] * answers + ["ok"]
    else:
        with pytest.raises(Fault, match="InvalidIdentityToken"):
            await call
        assert len(ours.sent) == 3


async def test_bad_tokens_use_up_nobodys_retries() -> None:
    body = b"<R><Error><Code>InvalidIdentityToken</Code></Error></R>"
    ours = StubTransport([(400, body)])
    one = client(ours)
    for _ in range(100):
        with pytest.raises(Fault):
            await one.call(Operation("sts", "Any"), {}, access(credentials=None))
    assert len(ours.sent) == 300


async def test_failing_calls_of_a_namespace_leave_others_their_retries() -> None:
    """As if each had an SDK of its own: that a tenant is throttled is its own doing."""
    ours = StubTransport([(400, b'{"__type": "ThrottlingException"}')])
    one, many = client(ours), Retries(100, delay=0)
    hostile, honest = (Identity("irsa", f"{name}/web", "aws") for name in ("hostile", "honest"))
    for who, tenant, sent in (
        (hostile, "", 100), (hostile, "", 2), (honest, "", 100), (hostile, "shares it", 100),
    ):  # fmt: skip
        del ours.sent[:]
        with pytest.raises(Fault):
            await one.call(GET, {}, Access("eu-west-1", who, KEYS, many, tenant))
        assert len(ours.sent) == sent


GARBAGE = [
    b"",
    b"null",
    b"[]",
    b"<html>",
    b"\xff\xfe",
    b'{"a":' * 5000,
    b"<a><b></a>",
    b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>".encode("utf-16"),
]


@pytest.mark.parametrize("status", [200, 400, 403, 500])
async def test_garbage_is_a_fault(status: int) -> None:
    for body in GARBAGE:
        ours = client(StubTransport([(status, body)]))
        for operation in (GET, Operation("sts", "Any")):
            if (operation, status, body) == (GET, 200, b""):
                continue  # an empty answer to JSON is an empty document, as to botocore
            try:
                await ours.call(operation, {}, access())
            except Fault:
                continue
            pytest.fail(f"{operation.service} takes {body!r}")


async def test_connection_failures_are_retried() -> None:
    ours, attempts = StubTransport([NoAnswer("connection", "reset"), EMPTY]), Attempts()
    assert await client(ours, attempts=attempts).call(GET, {}, access()) == {}
    assert attempts.outcomes == ["connection", "ok"]


async def test_every_attempt_has_a_time_out_and_a_bound() -> None:
    requests: list[Request] = []

    async def keep(request: Request) -> Reply:
        requests.append(request)
        return Reply(200, {}, b"{}")

    await client(keep).call(GET, {}, access())
    assert (requests[0].timeout, requests[0].max_body) == (10.0, 8 * 2**20)


async def test_a_cancelled_call_is_observed_and_sends_no_more() -> None:
    sent = asyncio.Event()

    async def hang(request: Request) -> Reply:
        sent.set()
        await asyncio.sleep(60)
        raise AssertionError

    attempts = Attempts()
    call = asyncio.create_task(client(hang, attempts=attempts).call(GET, {}, access()))
    await sent.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert attempts.outcomes == ["cancelled"]


async def test_a_region_in_trouble_uses_up_its_own_retries_only() -> None:
    ours = StubTransport([(500, b"{}")])
    one = client(ours)
    for _ in range(50):
        with pytest.raises(Fault):
            await one.call(GET, {}, access("eu-west-1"))
    assert len(ours.sent) == 50 + 500 // 14
    with pytest.raises(Fault):
        await one.call(GET, {}, access("eu-central-1"))
    assert len(ours.sent) == 50 + 500 // 14 + 3


def timestamps(ours: StubTransport) -> list[str]:
    return [sent.headers["X-Amz-Date"] for sent in ours.sent]


async def test_a_wrong_clock_is_put_right_once() -> None:
    answer = error("InvalidSignatureException", 403)
    ours = StubTransport([answer, EMPTY], date="Fri, 01 Jan 2100 12:00:00 GMT")
    one = client(ours)
    assert await one.call(GET, {}, access()) == {}
    assert await one.call(GET, {}, access()) == {}
    assert [stamp[:13] for stamp in timestamps(ours)[1:]] == ["21000101T1200"] * 2
    ours.answers, ours.date = [answer], ""
    with pytest.raises(Fault):
        await one.call(GET, {}, access())
    assert timestamps(ours)[-1].startswith("2100")


SECRET = Credentials("AKID", "the-secret-key", "the-session-token")


@pytest.mark.parametrize("token", ["the-session-token", "the-secret-key", "the-web-token"])
async def test_messages_do_not_echo_what_is_secret(token: str) -> None:
    body = {"__type": "InvalidSignatureException", "message": f"bad\n{token}:x" + "y" * 5000}
    ours = client(StubTransport([(403, json.dumps(body).encode())]))
    with pytest.raises(Fault) as caught:
        await ours.call(GET, {"WebIdentityToken": "the-web-token"}, access(credentials=SECRET))
    assert str(caught.value).startswith("InvalidSignatureException: bad ***:x")
    assert len(str(caught.value)) < 1000
    assert token not in all_texts(caught.value)


def test_secrets_do_not_print() -> None:
    assert "the-" not in repr(access(credentials=SECRET))


async def test_every_attempt_is_observed() -> None:
    seen: list[tuple[str, str, str, str]] = []

    def observe(service: str, name: str, region: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        seen.append((service, name, region, outcome))

    ours = AwsClient(Endpoints({}), StubTransport([error("AccessDeniedException")]), observe)
    with pytest.raises(Fault):
        await ours.call(GET, {}, access())
    assert seen == [("secretsmanager", "GetSecretValue", "eu-west-1", "denied")]


async def test_a_clock_that_keeps_changing_is_followed_only_once() -> None:
    days = iter(range(1, 29))

    async def refuse(request: Request) -> Reply:
        date = f"Fri, {next(days):02} Jan 2100 12:00:00 GMT"
        return Reply(403, {"date": date}, error("SignatureDoesNotMatch", 403)[1])

    with pytest.raises(Fault, match="SignatureDoesNotMatch"):
        await client(refuse).call(GET, {}, access())
    assert next(days) == 3


async def test_a_retry_that_succeeds_costs_nothing_in_the_end() -> None:
    ours = StubTransport()
    one = client(ours)
    for _ in range(100):
        ours.answers = [(500, b""), EMPTY]
        assert await one.call(GET, {}, access()) == {}


@pytest.mark.parametrize(
    ("headers", "kind"), [({}, "foreign"), ({"x-amzn-requestid": "1"}, "answer")]
)
async def test_an_error_without_a_code_is_from_aws_only_if_it_has_a_request_id(
    headers: dict[str, str], kind: str
) -> None:
    ours = StubTransport([(404, b"<html>not found</html>")], headers=headers)
    with pytest.raises(Fault, match="HTTP 404") as caught:
        await client(ours).call(GET, {}, access())
    assert caught.value.kind == kind
