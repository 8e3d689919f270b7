"""Certificates that are not trusted, and an API server that fails."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from testbed import faults
from testbed.aws import FakeAws
from testbed.driver import Mounted, Pod
from testbed.faults import Effect
from testbed.tls import Authority
from tests.e2e.conftest import Build
from tests.e2e.usage import back_to_normal
from tests.e2e.world import World, a_world
from tests.waiting import eventually

DB = "- {objectName: db, objectType: secretsmanager}\n"
FLAG = "- {objectName: flag, objectType: ssmparameter}\n"
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def node() -> Iterator[World]:
    flags = ("--rotation-poll-interval=0s", "--mount-timeout=500ms", "--mount-workers=4")
    with a_world(*flags) as world:
        yield world.start()


@pytest.fixture
def world(world: World) -> World:
    world.aws.cloud.put_secret("db", "value")
    world.aws.cloud.put_parameter("flag", "on")
    return world


@pytest.mark.parametrize("is_expired", [True, False], ids=["expired", "of an unknown authority"])
def test_a_bad_certificate_of_aws_is_reported(
    build: Build, tmp_path: Path, is_expired: bool
) -> None:
    trusted, other = Authority(), Authority()
    tls = trusted.server(until=YESTERDAY) if is_expired else other.server()
    world = build("--mount-timeout=5s", environment={"AWS_CA_BUNDLE": str(tmp_path / "ca.pem")})
    trusted.write(tmp_path / "ca.pem")
    world.aws.cloud.put_secret("db", "value")
    with FakeAws(world.aws.cloud, tls=tls) as bad:
        world.environment = {**world.environment, "AWS_ENDPOINT_URL": bad.url}
        world.start()
        refusal = world.refusal(DB)
    assert refusal.code is grpc.StatusCode.INTERNAL
    assert ("expired" if is_expired else "unable to get local issuer") in refusal.message
    assert "AWS_CA_BUNDLE" in refusal.message
    with FakeAws(world.aws.cloud, tls=trusted.server(), port=int(bad.url.rpartition(":")[2])):
        assert world.files(DB) == {"db": b"value"}


def test_a_new_ca_bundle_is_read_without_a_restart(build: Build, tmp_path: Path) -> None:
    old, new = Authority(), Authority()
    bundle = old.write(tmp_path / "ca.pem")
    world = build("--rotation-poll-interval=0s", environment={"AWS_CA_BUNDLE": str(bundle)})
    world.aws.cloud.put_secret("db", "value")
    with FakeAws(world.aws.cloud, tls=old.server()) as aws:
        world.environment = {**world.environment, "AWS_ENDPOINT_URL": aws.url}
        world.start()
        assert world.files(DB) == {"db": b"value"}
    port = int(aws.url.rpartition(":")[2])
    with FakeAws(world.aws.cloud, tls=new.server(), port=port):
        new.write(tmp_path / "new.pem").rename(bundle)
        pod = Pod(name="web-2", uid="2")
        eventually(lambda: isinstance(world.mount(DB, pod), Mounted), "the bundle is read again")


@pytest.mark.parametrize(
    ("effect", "code"),
    [
        (faults.failing(401), grpc.StatusCode.PERMISSION_DENIED),
        (faults.failing(429), grpc.StatusCode.INTERNAL),
        (faults.failing(503), grpc.StatusCode.INTERNAL),
        (faults.hang(), grpc.StatusCode.INTERNAL),
        (faults.trickle(0.01), grpc.StatusCode.INTERNAL),
    ],
    ids=["401", "429", "503", "hang", "trickle"],
)
def test_a_failing_api_server_stops_new_accounts_alone(
    world: World, effect: Effect, code: grpc.StatusCode
) -> None:
    world.files(DB)
    new = world.new_account(world.namespace)
    with back_to_normal(world.pid, threads=8):
        world.kubernetes.faults.inject(effect)
        refusal = world.refusal(DB, new)
        assert refusal.code is code
        assert (
            f"{world.namespace}/{new.service_account}" in refusal.message
            or "in time" in refusal.message
        )
        assert world.files(DB), "a known account is served"
        world.kubernetes.faults.clear()
        assert world.files(DB, new) == {"db": b"value"}


@pytest.mark.parametrize(
    ("service", "effect"),
    [
        ("sts", faults.hang()),
        ("ssm", faults.hang()),
        ("agent", faults.hang()),
        ("secretsmanager", faults.trickle(0.1)),
        ("agent", faults.trickle(0.1)),
    ],
    ids=["sts hangs", "ssm hangs", "agent hangs", "secretsmanager trickles", "agent trickles"],
)
def test_a_call_that_hangs_ends_in_time_and_leaves_nothing_behind(
    world: World, service: str, effect: Effect
) -> None:
    use_pod_identity = str(service == "agent").lower()
    with back_to_normal(world.pid, threads=8, files=8):
        for fake in (world.aws, world.agent):
            fake.faults.inject(effect, service=service)
        refusal = world.refusal(DB + FLAG, usePodIdentity=use_pod_identity)
        assert refusal.code is grpc.StatusCode.INTERNAL
        for fake in (world.aws, world.agent):
            fake.faults.clear()
        assert world.files(DB + FLAG, usePodIdentity=use_pod_identity)
