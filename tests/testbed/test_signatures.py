"""Who signed a call, and whether the call is what was signed."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from testbed.aws import FakeAws, Session
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
