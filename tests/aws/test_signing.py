from calendar import timegm
from time import strptime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from provider.aws.endpoints import Endpoint, Endpoints
from provider.aws.signing import sign
from provider.engine.model import Credentials
from tests.aws.oracle import KEYS


def signed_by_botocore(
    endpoint: Endpoint, headers: dict[str, str], body: bytes, credentials: Credentials
) -> dict[str, str]:
    keys = BotoCredentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    request = AWSRequest("POST", endpoint.url, headers=dict(headers), data=body)
    SigV4Auth(keys, endpoint.signing_name, endpoint.signing_region).add_auth(request)
    return dict(request.headers.items())


def assert_signed_alike(
    endpoint: Endpoint, headers: dict[str, str], body: bytes, credentials: Credentials
) -> None:
    theirs = signed_by_botocore(endpoint, headers, body, credentials)
    at = timegm(strptime(theirs["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
    assert sign(endpoint, headers, body, credentials, at) == theirs


JSON = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.GetParameters"}


@pytest.mark.parametrize(
    ("url", "headers", "body", "credentials"),
    [
        pytest.param("", JSON, b'{"Names":["a"]}', KEYS, id="plain"),
        pytest.param("", JSON, b"", KEYS, id="empty-body"),
        pytest.param("", {**JSON, "User-Agent": "x/1"}, b"{}", KEYS, id="user-agent-unsigned"),
        pytest.param("", {"X-Spaced": "  a   b "}, b"{}", KEYS, id="spaces-in-a-value"),
        pytest.param("", JSON, b"{}", Credentials("A", "s"), id="no-session-token"),
        pytest.param("http://127.0.0.1:4566", JSON, b"{}", KEYS, id="port"),
        pytest.param("http://localhost:80", JSON, b"{}", KEYS, id="default-port"),
        pytest.param("https://proxy.example/{region}/x", JSON, b"{}", KEYS, id="path"),
        pytest.param("https://[::1]:8443/~a", JSON, b"{}", KEYS, id="ipv6"),
    ],
)
def test_signs_as_botocore_does(
    url: str, headers: dict[str, str], body: bytes, credentials: Credentials
) -> None:
    endpoints = Endpoints({"AWS_ENDPOINT_URL": url})
    assert_signed_alike(endpoints.resolve("ssm", "eu-west-1"), headers, body, credentials)


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
labels = st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True)


@given(
    body=st.binary(max_size=200),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    name=labels,
    region=labels,
    path=st.from_regex(r"(/[A-Za-z0-9_~-]{1,8}){0,3}/", fullmatch=True),
    credentials=st.builds(Credentials, printable, printable, st.none() | printable),
)
def test_signs_whatever_there_is_as_botocore_does(
    *, body: bytes, value: str, name: str, region: str, path: str, credentials: Credentials
) -> None:
    endpoint = Endpoint("https", "aws.example", path, name, region)
    assert_signed_alike(endpoint, {"X-Any": value}, body, credentials)
