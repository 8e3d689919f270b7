"""Faults reach the wire as ordered."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3
from botocore.exceptions import EndpointConnectionError

from testbed import faults
from testbed.aws import FakeAws
from testbed.aws.errors import expired_token, internal_failure, throttled
from testbed.faults import Effect, Faults
from testbed.tls import Authority
from tests.testbed.oracle import Client, error_of


@dataclass(frozen=True)
class Line:
    """A fake and a way to ask it."""

    aws: FakeAws
    pool: urllib3.PoolManager

    def ask(self, *, timeout: float = 5.0) -> urllib3.BaseHTTPResponse:
        body = b"Action=Nothing"
        return self.pool.request("POST", self.aws.url, body=body, timeout=timeout, retries=False)


@pytest.fixture(params=["http", "https"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    """Without and with TLS: what breaks must look the same through both."""
    authority = Authority()
    ca = authority.write(tmp_path / "ca.pem")
    tls = authority.server() if request.param == "https" else None
    with FakeAws(tls=tls) as fake, urllib3.PoolManager(ca_certs=str(ca)) as pool:
        yield Line(fake, pool)


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        pytest.param(faults.reset(), urllib3.exceptions.ProtocolError, id="reset"),
        pytest.param(faults.closed(), urllib3.exceptions.ProtocolError, id="closed"),
        pytest.param(faults.truncated(), urllib3.exceptions.ProtocolError, id="truncated"),
        pytest.param(faults.hang(), urllib3.exceptions.ReadTimeoutError, id="hang"),
        pytest.param(faults.late(60), urllib3.exceptions.ReadTimeoutError, id="late"),
    ],
)
def test_the_wire_breaks_once(line: Line, effect: Effect, error: type[Exception]) -> None:
    line.aws.faults.inject(effect, times=1)
    with pytest.raises(error):
        line.ask(timeout=0.2)
    assert line.ask().status == 400


@pytest.mark.parametrize(
    ("effect", "status", "size"),
    [
        pytest.param(faults.garbage(), 200, 24, id="garbage"),
        pytest.param(faults.huge(1 << 20), 200, 1 << 20, id="huge"),
        pytest.param(faults.failing(502), 502, 0, id="bare status"),
        pytest.param(faults.trickle(0.0), 400, None, id="trickle"),
    ],
)
def test_answers_are_spoilt(line: Line, effect: Effect, status: int, size: int | None) -> None:
    right = line.ask()
    line.aws.faults.inject(effect)
    answer = line.ask()
    assert answer.status == status
    assert len(answer.data) == (len(right.data) if size is None else size)


def test_service_errors_come_in_the_services_words(aws: FakeAws, client: Client) -> None:
    for error in (throttled(), expired_token(), internal_failure(), internal_failure(503)):
        aws.faults.inject(error, service="ssm", times=1)
        code, _ = error_of(client("ssm").get_parameters, Names=["/a"])
        assert code == error.code
        aws.faults.clear()


def test_faults_choose_their_calls() -> None:
    drawn = Faults()
    drawn.inject(faults.hang(), service="ssm", region="eu-west-1", times=1)
    assert not drawn.drawn("ssm", "GetParameters", "us-east-1")
    assert not drawn.drawn("sts", "GetParameters", "eu-west-1")
    assert drawn.drawn("ssm", "GetParameters", "eu-west-1")
    assert not drawn.drawn("ssm", "GetParameters", "eu-west-1")


def test_chances_repeat_with_their_seed() -> None:
    def draws() -> list[bool]:
        chance = Faults(seed=7)
        chance.inject(faults.hang(), probability=0.25)
        return [bool(chance.drawn("ssm", "GetParameters", "")) for _ in range(200)]

    assert draws() == draws()
    assert 20 < sum(draws()) < 80


def test_one_region_is_cut_off_alone(aws: FakeAws, client: Client) -> None:
    for region in ("us-east-1", "eu-west-1"):
        aws.cloud.put_secret("db", "x", region=region)
    near = client("secretsmanager")
    far = client("secretsmanager", region="eu-west-1", url=aws.url_of("eu-west-1"))
    aws.cut_off("eu-west-1")
    with pytest.raises(EndpointConnectionError):
        far.get_secret_value(SecretId="db")
    assert near.get_secret_value(SecretId="db")["SecretString"] == "x"
    aws.restore("eu-west-1")
    assert far.get_secret_value(SecretId="db")["SecretString"] == "x"


def test_unsigned_calls_belong_to_the_listeners_region(aws: FakeAws, client: Client) -> None:
    with urllib3.PoolManager() as pool:
        pool.request("POST", aws.url_of("eu-west-1"), body=b"Action=AssumeRoleWithWebIdentity")
        host = {"Host": "sts.cn-north-1.amazonaws.com.cn"}
        pool.request("POST", aws.url, body=b"Action=AssumeRoleWithWebIdentity", headers=host)
    assert [call.region for call in aws.journal.calls] == ["eu-west-1", "cn-north-1"]
