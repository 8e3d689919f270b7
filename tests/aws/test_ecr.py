"""Logins to registries, and temporary keys for long-term ones."""

import base64
import json
import time
from functools import partial

import pytest

from provider.aws.ecr import EcrToken, authorization_token, public_authorization_token
from provider.aws.session_token import Mfa, SessionToken, session_token
from provider.engine.ports import Principal
from provider.errors import AccessDenied, AwsUnavailable, CredentialsExpired, InvalidRequest
from testbed.aws import allow
from tests.aws.oracle import Botocore, StubTransport, access, client
from tests.aws.reading import REGION, Reading, keys_of, principal_of

DEVICE = "arn:aws:iam::111122223333:mfa/me"


async def login(reading: Reading, user: Principal, *, public: bool = False) -> EcrToken:
    ask = public_authorization_token if public else authorization_token
    send = partial(ask, reading.engine.client)
    return await reading.engine.calls.make(user, REGION, send, lambda: None)


async def test_a_login_to_a_private_registry(reading: Reading) -> None:
    token = await login(reading, reading.user())
    assert token.username == "AWS"
    assert token.password
    assert token.proxy_endpoint == "https://111122223333.dkr.ecr.us-east-1.amazonaws.com"
    assert token.expires_at == pytest.approx(time.time() + 12 * 3600, abs=60)
    assert token.password not in repr(token)


async def test_a_login_to_the_public_registry(reading: Reading) -> None:
    token = await login(reading, reading.user(), public=True)
    assert (token.username, token.proxy_endpoint) == ("AWS", None)


async def test_a_denied_login_names_the_action(reading: Reading) -> None:
    with pytest.raises(AccessDenied, match=r'Allow ecr:GetAuthorizationToken on the resource "\*"'):
        await login(reading, reading.user([]))


async def test_an_expired_session_is_noticed(reading: Reading) -> None:
    user = reading.user()
    reading.aws.cloud.expire_sessions()
    with pytest.raises(CredentialsExpired):
        await login(reading, user)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        [{}],
        {"authorizationToken": "QVdTOngK"},
        {"authorizationToken": "QVdTOngK", "expiresAt": "soon"},
        {"authorizationToken": "c4nary!", "expiresAt": 1},
        {"authorizationToken": base64.b64encode(b"c4nary").decode(), "expiresAt": 1},
        {"authorizationToken": base64.b64encode(b"AWS:\xff").decode(), "expiresAt": 1},
        {"authorizationToken": "QVdTOngK", "expiresAt": float("inf")},
    ],
)
async def test_garbage_is_aws_failing_and_not_quoted(data: object) -> None:
    answer = 200, json.dumps({"authorizationData": data}).encode()
    with pytest.raises(AwsUnavailable) as caught:
        await authorization_token(client(StubTransport([answer])), access())
    assert "c4nary" not in str(caught.value)


async def test_requests_are_those_of_botocore() -> None:
    """The same URL, target and body."""
    for service in ("ecr", "ecr-public"):
        oracle = Botocore(service, "us-east-1")
        oracle.answers = [(200, b"{}")]
        oracle.client.get_authorization_token()
        transport = StubTransport()
        ask = authorization_token if service == "ecr" else public_authorization_token
        with pytest.raises(AwsUnavailable):
            await ask(client(transport), access("us-east-1"))
        (theirs,), ours = oracle.sent, transport.sent[0]
        assert ours.url == theirs.url
        assert ours.headers["X-Amz-Target"] == theirs.headers["X-Amz-Target"]
        assert json.loads(ours.body) == json.loads(theirs.body)


async def exchanged(
    reading: Reading, user: Principal, duration: int | None = None, mfa: Mfa | None = None
) -> SessionToken:
    send = partial(session_token, reading.engine.client, duration=duration, mfa=mfa)
    return await reading.engine.calls.make(user, REGION, send, lambda: None)


async def test_long_term_keys_become_temporary_ones(reading: Reading) -> None:
    token = await exchanged(reading, reading.user(), 900)
    assert token.expires_at == pytest.approx(time.time() + 900, abs=60)
    session = reading.aws.cloud.sessions[token.credentials.access_key_id]
    assert keys_of(session).session_token == token.credentials.session_token
    assert token.credentials.secret_access_key not in repr(token)


async def test_the_code_of_a_device_counts_and_is_not_quoted(reading: Reading) -> None:
    reading.aws.cloud.mfa_codes[DEVICE] = "123456"
    assert await exchanged(reading, reading.user(), mfa=Mfa(DEVICE, "123456"))
    with pytest.raises(AccessDenied, match="MFA device") as caught:
        await exchanged(reading, reading.user(), mfa=Mfa(DEVICE, "987654"))
    assert "987654" not in str(caught.value)


async def test_temporary_keys_get_no_session_token(reading: Reading) -> None:
    role = reading.aws.cloud.put_role("web", allow=allow())
    session = reading.aws.cloud.open_session(role, "web")
    with pytest.raises(AccessDenied, match="Use long-term access keys of an IAM user"):
        await exchanged(reading, principal_of(session))


async def test_a_wrong_duration_is_a_wrong_request(reading: Reading) -> None:
    with pytest.raises(InvalidRequest, match="durationSeconds"):
        await exchanged(reading, reading.user(), 10)


async def test_expired_keys_are_noticed(reading: Reading) -> None:
    user = reading.user()
    reading.aws.cloud.expire_sessions()
    with pytest.raises(CredentialsExpired):
        await exchanged(reading, user)


async def test_a_time_without_a_zone_is_utc() -> None:
    document = (
        "<R><Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey>"
        "<SessionToken>c</SessionToken><Expiration>2030-01-01T00:00:00</Expiration></Credentials>"
        "</R>"
    )
    token = await session_token(client(StubTransport([(200, document.encode())])), access())
    assert token.expires_at == 1893456000
