"""Whatever happens, with everything at debug, no value, token or key gets out of the daemon."""

import json
from collections.abc import Iterator

import pytest

from testbed import faults
from testbed.driver import Mounted, Pod
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE
from tests.e2e.conftest import Build
from tests.e2e.world import World
from tests.forked import run
from tests.waiting import eventually

LOUD = "tests.e2e.mains:loud"
"""The daemon with the loggers of all that it is built on at debug."""

VALUE = "c4nary-of-a-secret"
BROKEN = '{"user": "c4nary-in-json", "unfinished": '
BINARY = b"c4nary\xff\xfe-binary"
ECHO = "c4nary-echoed"

DB = "- {objectName: db, objectType: secretsmanager}\n"
KEYS = "- {objectName: db, objectType: secretsmanager, jmesPath: [{path: nope, objectAlias: a}]}\n"
BAD_JSON = KEYS.replace("db", "broken")
BAD_BYTES = KEYS.replace("db", "binary")
FLAG = "- {objectName: flag, objectType: ssmparameter}\n"
MISSING = DB.replace("db", "missing")

ECHOES = [
    faults.body(f'{{"SecretString": "{ECHO}", "Name": '.encode()),
    faults.body(json.dumps({"SecretString": {"x": ECHO}}).encode()),
    faults.body(f"<html>{ECHO}</html>".encode(), 503),
]
FAULTS = [
    faults.garbage(),
    faults.reset(),
    faults.closed(),
    faults.truncated(),
    faults.failing(403),
    faults.failing(503),
]


@pytest.fixture
def world(build: Build) -> World:
    world = build(
        "--rotation-poll-interval=0s",
        "--log-level=debug",
        "--events",
        "--rotated-events",
        "--mount-timeout=3s",
        main=LOUD,
        environment={"AWS_MAX_ATTEMPTS": "1"},
    )
    cloud = world.aws.cloud
    cloud.put_secret("db", json.dumps({"password": VALUE}))
    cloud.put_secret("broken", BROKEN)
    cloud.put_secret("binary", BINARY)
    cloud.put_parameter("flag", VALUE)
    world.kubernetes.token = "c4nary-of-the-daemon"
    return world.start()


def everything_goes_well(world: World) -> None:
    for number, pod_identity in enumerate(("true", "false")):
        pod = Pod(name=f"well-{number}", uid=f"well-{number}")
        for _ in range(2):
            assert world.files(DB + FLAG, pod, usePodIdentity=pod_identity)


def everything_goes_wrong(world: World) -> Iterator[str]:
    """Texts that pods are shown."""
    for objects in (KEYS, BAD_JSON, BAD_BYTES, MISSING, "- c4nary: [", DB + DB):
        yield world.refusal(objects, Pod(name="wrong", uid="wrong")).message
    for effect in FAULTS:
        places = (world.aws.faults, world.agent.faults, world.kubernetes.faults)
        for number, place in enumerate(places):
            place.inject(effect)
            pod = Pod(name="faults", uid=f"faults-{number}")
            outcome = world.mount(DB + FLAG, pod, usePodIdentity="true" if number == 1 else "false")
            yield str(outcome.hidden if isinstance(outcome, Mounted) else outcome)
            place.clear()
    yield world.refusal(DB, Pod(name="no-role", uid="n", service_account="nobody")).message


def told_outside(world: World) -> str:
    """All that the daemon says to anybody but the driver's files."""
    socket = world.folder / ".aws-status"
    eventually(socket.exists, "status can be asked for")
    status = [run("status", f"--socket={socket}", *more) for more in ((), ("--json",))]
    assert [one.code for one in status] == [0, 0]
    shown = [one.out + one.err for one in status]
    return "\n".join([*world.log, world.metrics(), json.dumps(world.kubernetes.events), *shown])


def canaries(world: World) -> Iterator[str]:
    yield from ("c4nary", "ambient-canary", "eyJ")  # a JWT's first letters
    for session in world.aws.cloud.sessions.values():
        yield from (session.secret_access_key, session.token)


def test_nothing_secret_is_told_by_log_metrics_status_events_or_errors(world: World) -> None:
    everything_goes_well(world)
    shown = list(everything_goes_wrong(world))
    world.aws.cloud.put_secret("db", json.dumps({"password": VALUE + "-rotated"}))
    everything_goes_well(world)
    told = told_outside(world) + "\n".join(shown)
    assert '"level": "debug"' in told
    assert "failed" in told
    for canary in canaries(world):
        assert canary not in told


@pytest.mark.parametrize("echo", ECHOES, ids=["cut off", "of another type", "a page"])
def test_an_answer_that_is_none_is_not_quoted_where_it_may_hold_a_value(
    world: World, echo: faults.Effect
) -> None:
    world.files(DB)
    world.aws.faults.inject(echo, service="secretsmanager", operation="GetSecretValue")
    world.aws.cloud.put_secret("db", "other")
    refusal = world.refusal(DB)
    assert ECHO not in told_outside(world) + refusal.message


def test_tokens_are_of_both_audiences(world: World) -> None:
    """What the canary of a token stands for."""
    tokens = world.driver.request(Pod(), {}).attributes
    assert STS_AUDIENCE in tokens
    assert POD_IDENTITY_AUDIENCE in tokens
    assert "eyJ" in tokens
