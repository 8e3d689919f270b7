"""Who signed a call, and whether the call is what was signed."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from testbed.aws import Cloud, FakeAws, Role, Session, sigv4
from testbed.aws.errors import SignatureError
from testbed.http import Request
from tests.testbed.oracle import Client, error_of


@pytest.fixture(autouse=True)
def _secret(aws: FakeAws) -> None:
    aws.cloud.put_secret("db", "x")


def test_a_wrong_key_is_noticed(client: Client, session: Session) -> None:
    forged = replace(session, secret_access_key="another")
    manager = client("secretsmanager", session=forged)
    code, message = error_of(manager.get_secret_value, SecretId="db")
    assert code == "InvalidSignatureException"
    assert message.startswith("The request signature we calculated does not match")
    assert error_of(client("sts", session=forged).get_caller_identity)[0] == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param({"access_key_id": "ASIANOBODY"}, id="unknown key"),
        pytest.param({"token": "another"}, id="another session's token"),
    ],
)
def test_unknown_sessions_are_refused(
    client: Client, session: Session, forged: dict[str, str]
) -> None:
    stranger = replace(session, **forged)  # type: ignore[arg-type]  # text fields only
    manager = client("secretsmanager", session=stranger)
    assert error_of(manager.get_secret_value, SecretId="db") == (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
    code, _ = error_of(client("sts", session=stranger).get_caller_identity)
    assert code == "InvalidClientTokenId"


def test_expired_sessions_are_refused(aws: FakeAws, client: Client) -> None:
    aws.cloud.expire_sessions()
    assert error_of(client("secretsmanager").get_secret_value, SecretId="db") == (
        "ExpiredTokenException",
        "The security token included in the request is expired",
    )
    assert error_of(client("sts").get_caller_identity)[0] == "ExpiredToken"


def _change_body(request: AWSPreparedRequest) -> None:
    request.body = request.body.replace(b"db", b"bd")


def _change_target(request: AWSPreparedRequest) -> None:
    request.headers["X-Amz-Target"] = "secretsmanager.DescribeSecret"


def _add_header(request: AWSPreparedRequest) -> None:
    request.headers["X-Amz-Smuggled"] = "1"


def _change_path(request: AWSPreparedRequest) -> None:
    request.url += "elsewhere"


def _drop_authorization(request: AWSPreparedRequest) -> None:
    del request.headers["Authorization"]


def _misname_region(request: AWSPreparedRequest) -> None:
    value = request.headers["Authorization"].decode().replace("us-east-1", "us-east-2")
    request.headers["Authorization"] = value


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (_change_body, "InvalidSignatureException"),
        (_change_target, "InvalidSignatureException"),
        (_add_header, "InvalidSignatureException"),
        (_change_path, "InvalidSignatureException"),
        (_misname_region, "InvalidSignatureException"),
        (_drop_authorization, "MissingAuthenticationTokenException"),
    ],
)
def test_tampering_is_noticed(client: Client, tamper: Any, code: str) -> None:
    manager = client("secretsmanager")
    manager.meta.events.register("before-send", lambda request, **_: tamper(request))
    assert error_of(manager.get_secret_value, SecretId="db")[0] == code


def test_checks_can_be_switched_off(session: Session, aws: FakeAws, client: Client) -> None:
    forged = replace(session, secret_access_key="another")
    with FakeAws(aws.cloud, check_signatures=False) as lax:
        manager = client("secretsmanager", session=forged, url=lax.url)
        assert manager.get_secret_value(SecretId="db")["SecretString"] == "x"


def test_a_region_of_its_own_takes_no_other_regions_signature(aws: FakeAws, client: Client) -> None:
    manager = client("secretsmanager", url=aws.url_of("eu-west-1"))
    code, message = error_of(manager.get_secret_value, SecretId="db")
    assert code == "InvalidSignatureException"
    assert "valid region" in message


@given(
    path=st.text("ab/. ~%ü", max_size=12),
    query=st.dictionaries(st.text("ab ü&=", min_size=1), st.text("ab ü&=+"), max_size=3),
    body=st.binary(max_size=40),
    extra=st.text("ab  c", max_size=8),
)
def test_what_botocore_signs_is_taken(
    path: str, query: dict[str, str], body: bytes, extra: str
) -> None:
    session = Cloud().open_session(Role("arn:aws:iam::111122223333:role/r"), "one")
    target = (
        "/" + quote(path.lstrip("/")) + (f"?{urlencode(query, quote_via=quote)}" if query else "")
    )
    signed = AWSRequest("POST", f"https://host{target}", {"X-Amz-Extra": extra}, body)
    keys = Credentials(session.access_key_id, session.secret_access_key, session.token)
    SigV4Auth(keys, "ssm", "us-east-1").add_auth(signed)
    headers = {name.lower(): value.strip() for name, value in signed.headers.items()}
    request = Request("POST", target, {"host": "host", **headers}, body)
    sigv4.check(sigv4.parse_scope(headers["authorization"]), request, session)


@pytest.mark.parametrize(
    ("date", "stamp", "message"),
    [
        pytest.param("20200101", "20200101T000000Z", "Signature expired", id="long ago"),
        pytest.param("21000101", "21000101T000000Z", "Signature not yet current", id="to come"),
        pytest.param("20200102", "20200101T000000Z", "Date in Credential scope", id="other day"),
        pytest.param("20200101", "yesterday", "Authorization header", id="no date"),
    ],
)
def test_dates_must_be_now(session: Session, date: str, stamp: str, message: str) -> None:
    scope = sigv4.Scope("key", date, "us-east-1", "ssm", ("host", "x-amz-date"), "0")
    request = Request("POST", "/", {"host": "host", "x-amz-date": stamp}, b"")
    with pytest.raises(SignatureError) as caught:
        sigv4.check(scope, request, session)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "header",
    ["", "Basic abc", "AWS4-HMAC-SHA256 Credential=a/b, Signature=c", "AWS4-HMAC-SHA256 , ,"],
)
def test_half_an_authorization_is_refused(header: str) -> None:
    with pytest.raises(SignatureError):
        sigv4.parse_scope(header)
