"""Whatever AWS, Kubernetes or the agent do: a clear answer of a safe code, no leak, and the next
mount works."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from testbed import faults
from testbed.aws.errors import throttled
from testbed.faults import Effect
from tests.e2e.conftest import Build
from tests.e2e.world import World, a_world

DB = "- {objectName: db, objectType: secretsmanager}\n"
FLAG = "- {objectName: flag, objectType: ssmparameter}\n"
CANARY = "c4nary-value"

FAULTS: dict[str, Effect] = {
    "reset": faults.reset(),
    "closed": faults.closed(),
    "truncated": faults.truncated(),
    "garbage": faults.garbage(),
    "huge": faults.huge(9 * 1024 * 1024),
    "500": faults.failing(500),
    "throttled": throttled(),
    "not an object": faults.body(b"[]"),
    "wrong shape": faults.body(b'{"SecretString": {"a": 1}, "Parameters": 5}'),
}

SAFE = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.FAILED_PRECONDITION,
}


@pytest.fixture(scope="module")
def node() -> Iterator[World]:
    with a_world("--rotation-poll-interval=0s", "--log-level=debug") as world:
        yield world.start()


@pytest.fixture
def world(world: World) -> World:
    return with_secrets(world)


def with_secrets(world: World) -> World:
    world.aws.cloud.put_secret("db", json.dumps({"user": CANARY}))
    world.aws.cloud.put_parameter("flag", CANARY)
    return world


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("service", ["secretsmanager", "ssm", "sts"])
def test_a_fault_of_aws_is_told_safely_and_passes(world: World, service: str, name: str) -> None:
    world.aws.faults.inject(FAULTS[name], service=service)
    refusal = world.refusal(DB + FLAG)
    assert refusal.code in SAFE
    assert CANARY not in refusal.message
    world.aws.faults.clear()
    assert len(world.files(DB + FLAG)) == 2


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "throttled"])
def test_a_fault_of_the_node_is_told_safely_and_passes(world: World, name: str) -> None:
    for fake in (world.agent, world.kubernetes):
        fake.faults.inject(FAULTS[name])
    by_agent = world.pod(uid="agent")
    with ThreadPoolExecutor(2) as kubelet:  # each takes its time to try again
        refusals = [
            kubelet.submit(world.refusal, DB, by_agent, usePodIdentity="true"),
            kubelet.submit(world.refusal, DB),
        ]
        assert all(one.result().code in SAFE for one in refusals)
    for fake in (world.agent, world.kubernetes):
        fake.faults.clear()
    assert world.files(DB, by_agent, usePodIdentity="true")
    assert world.files(DB)


def test_what_passes_soon_is_not_even_noticed(world: World) -> None:
    for service in ("sts", "secretsmanager", "ssm"):
        world.aws.faults.inject(faults.failing(500), service=service, times=1)
    assert len(world.files(DB + FLAG)) == 2


def test_a_hang_ends_with_the_callers_patience_and_a_safe_code(build: Build) -> None:
    world = build("--mount-timeout=500ms").start()
    world.aws.cloud.put_secret("db", "value")
    world.aws.faults.inject(faults.hang(), service="secretsmanager")
    assert world.refusal(DB).code is grpc.StatusCode.INTERNAL
    world.aws.faults.clear()
    assert world.files(DB)


def test_expired_sessions_are_renewed_unnoticed(world: World) -> None:
    world.files(DB)
    world.aws.cloud.expire_sessions()
    assert world.files(DB)
    assert world.aws.journal.count("AssumeRoleWithWebIdentity") == 2


def test_the_api_server_may_be_down_once_a_role_is_known(world: World) -> None:
    world.files(DB)
    world.kubernetes.faults.inject(faults.reset())
    assert world.files(DB, world.pod(name="web-2", uid="2"))


def test_a_rotated_token_of_the_daemon_is_read_again(build: Build) -> None:
    world = with_secrets(build()).start()
    world.kubernetes.token = "rotated"
    (world.folder / "token").write_text("rotated")
    assert world.files(DB)


def test_forbidden_look_ups_tell_what_to_allow(world: World) -> None:
    world.kubernetes.forbidden.add("serviceaccounts")
    refusal = world.refusal(DB)
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    assert "serviceaccounts" in refusal.message


def test_values_and_tokens_reach_neither_log_nor_errors_nor_metrics(world: World) -> None:
    said = []
    for effect in FAULTS.values():
        world.aws.faults.inject(effect, probability=0.5)
        for number in range(4):
            outcome = world.mount(
                "- {objectName: db, objectType: secretsmanager, "
                "jmesPath: [{path: user.x, objectAlias: x}]}\n" + FLAG,
                world.pod(uid=str(number)),
                usePodIdentity=str(number % 2 == 0).lower(),
            )
            said.append(str(outcome))
        world.aws.faults.clear()
    secrets = [CANARY, "ambient-canary", world.kubernetes.token]
    for session in world.aws.cloud.sessions.values():
        secrets += [session.secret_access_key, session.token]
    for call in ("eyJ",):  # the head of every service account token
        secrets.append(call)
    text = "\n".join([*said, *world.log, world.metrics()])
    assert [secret for secret in secrets if secret in text] == []
    assert "delivered" in text or "failed" in text


def test_a_killed_daemon_starts_again_over_what_it_left(build: Build) -> None:
    world = build().start()
    world.aws.cloud.put_secret("db", "value")
    world.files(DB)
    world.signal(signal.SIGKILL)
    world.ended()
    world.forget_log()
    world.start()
    assert world.files(DB)


def test_a_deleted_socket_comes_back(world: World) -> None:
    world.socket.unlink()
    assert world.files(DB, world.pod(uid="2"))


def test_ambient_credentials_are_never_used(world: World) -> None:
    world.files(DB + FLAG)
    world.files(DB + FLAG, world.pod(uid="2"), usePodIdentity="true")
    who = {call.identity for call in world.aws.journal.calls}
    assert not any("AMBIENT" in one for one in who)
