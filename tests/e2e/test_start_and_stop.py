"""The start that must fail, and the end in which every mount is answered."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import grpc
import pytest

from provider.v1alpha1.service_pb2_grpc import CSIDriverProviderStub
from testbed import faults
from tests.e2e.conftest import Build
from tests.e2e.world import World
from tests.forked import run
from tests.waiting import eventually

DB = "- {objectName: db, objectType: secretsmanager}\n"
SAFE = {grpc.StatusCode.OK, grpc.StatusCode.INTERNAL}
CROWD = 500


@pytest.fixture
def stub(build: Build) -> Iterator[tuple[World, CSIDriverProviderStub]]:
    world = build("--drain-timeout=1s").start()
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    with grpc.insecure_channel(f"unix:{world.socket}", options) as channel:
        yield world, CSIDriverProviderStub(channel)  # type: ignore[no-untyped-call]  # generated


def test_every_mount_that_waits_is_answered_safely_at_the_end(
    stub: tuple[World, CSIDriverProviderStub],
) -> None:
    """UNAVAILABLE would leave pods with an empty volume."""
    world, provider = stub
    world.aws.cloud.put_secret("db", "value")
    world.aws.faults.inject(faults.hang(), service="secretsmanager")
    accounts = [world.new_account(f"namespace-{number}") for number in range(10)]
    pods = [
        replace(account, name=f"web-{number}", uid=str(uuid4()))
        for number in range(CROWD // len(accounts))
        for account in accounts
    ]
    requests = [world.driver.request(pod, {"objects": DB}) for pod in pods]
    calls = [provider.Mount.future(request, timeout=50) for request in requests]
    eventually(lambda: world.aws.journal.count("GetSecretValue") > 0, "mounts are under way")
    eventually(lambda: waiting(world) >= CROWD, "all mounts have arrived")
    world.signal(signal.SIGTERM)
    codes = {call.code() for call in calls}
    assert codes <= SAFE
    assert world.ended() == 0


def waiting(world: World) -> float:
    return world.metric("mounts_in_progress") + world.metric("mounts_waiting")


@pytest.mark.parametrize("name", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_an_endpoint_setting_that_is_neither_true_nor_false_stops_the_start(
    build: Build, name: str
) -> None:
    world = build(environment={name: "maybe"})
    done = run(*world.arguments(), environment=world.variables())
    assert done.code in (1, 2)
    [line] = [one for one in done.err.splitlines() if name in one]
    assert "must be true or false" in line
    assert "Traceback" not in done.err
    assert not world.socket.exists()
