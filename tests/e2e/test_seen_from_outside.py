"""What a failing rotation, which the driver hides, looks like from outside."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest

from testbed.driver import Mounted
from tests.e2e.conftest import Build
from tests.e2e.world import World
from tests.forked import run
from tests.waiting import eventually

DB = "- objectName: db\n  objectType: secretsmanager\n"


def status(world: World) -> dict[str, Any]:
    socket = Path(world.folder) / ".aws-status"
    eventually(socket.exists, "status can be asked for")
    document: dict[str, Any] = json.loads(run("status", "--json", f"--socket={socket}").out)
    return document


def metric(world: World, name: str) -> float:
    for line in world.metrics().splitlines():
        if line.startswith(f"secrets_provider_aws_{name} "):
            return float(line.split()[1])
    raise KeyError(name)


def lines(world: World, message: str) -> list[dict[str, Any]]:
    """The log's lines with this message, of which there must be one at least."""
    eventually(lambda: any(f'"{message}"' in line for line in world.log), f"the log says {message}")
    parsed = [json.loads(line) for line in world.log if line.startswith("{")]
    return [line for line in parsed if line["message"] == message]


@pytest.fixture
def world(build: Build) -> World:
    flags = "--rotation-poll-interval=0s", "--events", "--rotated-events", "--log-level=debug"
    world = build(*flags).start()
    world.aws.cloud.put_secret("db", "one")
    return world


def test_a_failing_rotation_shows_everywhere(world: World) -> None:
    world.files(DB)
    world.web.allow.clear()
    outcome = world.mount(DB)
    assert isinstance(outcome, Mounted)
    assert outcome.hidden, "the driver itself keeps quiet"

    assert metric(world, "mounts_failing") == 1
    (mount,) = status(world)["mounts"]
    assert mount["failing"]
    assert mount["lastError"]["reason"] == "AccessDenied"
    assert "secretsmanager:GetSecretValue" in mount["lastError"]["text"]
    assert mount["objects"][0]["region"] == "eu-west-1"
    eventually(lambda: world.kubernetes.events, "the pod has an event")
    (event,) = world.kubernetes.events
    assert event["reason"] == "SecretRotationFailed"
    assert '"db" (secretsmanager, eu-west-1): AccessDenied' in event["message"]
    (line,) = lines(world, "failed")
    assert (line["reason"], line["pod"], line["id"]) == ("AccessDenied", "shop/web-1", mount["id"])
    assert f"[id {mount['id']}]" in outcome.hidden.message


def test_a_rotation_is_an_event_of_the_pod(world: World) -> None:
    world.files(DB)
    world.aws.cloud.put_secret("db", "two")
    world.files(DB)
    eventually(lambda: world.kubernetes.events, "the pod has an event")
    (event,) = world.kubernetes.events
    assert event["reason"] == "SecretRotated"
    assert event["involvedObject"]["name"] == "web-1"


def test_the_log_tells_how_many_calls_a_mount_made(world: World) -> None:
    world.files(DB)
    world.files(DB)
    (first,), (second,) = lines(world, "delivered"), lines(world, "unchanged")
    assert (first["level"], first["calls"], first["fetched"]) == ("info", 2, 1)
    assert (second["level"], second["calls"], second["validated"]) == ("debug", 1, 1)


def test_a_mount_from_memory_makes_none(build: Build) -> None:
    world = build("--log-level=debug").start()
    world.aws.cloud.put_secret("db", "one")
    world.files(DB)
    world.files(DB)
    (line,) = lines(world, "unchanged")
    assert (line["calls"], line["memory"]) == (0, 1)
    assert status(world)["mounts"][0]["fromMemory"]


def test_without_the_option_nothing_is_written_to_kubernetes(build: Build) -> None:
    world = build("--rotation-poll-interval=0s").start()
    world.aws.cloud.put_secret("db", "one")
    world.files(DB)
    world.aws.cloud.remove_secret("db")
    assert world.refusal(DB)
    assert not world.kubernetes.events
    assert not [
        one for one in world.kubernetes.journal.calls if not one.operation.startswith("get")
    ]


def test_a_class_that_is_broken_when_the_daemon_starts_again_shows_everywhere(
    world: World,
) -> None:
    world.files(DB)
    world.signal(signal.SIGTERM)
    assert world.ended() == 0
    world.forget_log()
    world.start()
    world.mount("- objectName: db\n  objectTyp: secretsmanager\n")
    assert metric(world, "mounts_failing") == 1
    (mount,) = status(world)["mounts"]
    assert (mount["pod"], mount["failing"]) == ("web-1", True)
    assert mount["lastError"]["reason"] == "InvalidSpec"
    eventually(lambda: world.kubernetes.events, "the pod has an event")
    (event,) = world.kubernetes.events
    assert event["reason"] == "SecretMountFailed"
    assert "objects[0].objectType: is required" in event["message"]
    (line,) = lines(world, "failed")
    assert line["pod"] == "shop/web-1"


def test_a_refusal_of_the_policy_is_permission_denied_and_names_the_option(build: Build) -> None:
    world = build("--allowed-regions=us-*,eu-central-1").start()
    refusal = world.refusal(DB)
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    assert 'region "eu-west-1" is not allowed by --allowed-regions' in refusal.message
    assert not world.aws.journal.calls


def test_a_broken_policy_file_stops_the_start_with_one_line(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules: [{name: a, namespaces: [b], region: [c]}]")
    options = [f"--policy-file={policy}", "--metrics-address=", f"--provider-volume={tmp_path}"]
    done = run(*options)
    assert done.code == 1
    (line,) = [one for one in done.err.splitlines() if "cannot start" in one]
    assert f"--policy-file {policy}: " in line
    assert "region" in line


def test_the_audit_log_is_on_stdout(build: Build, capfd: pytest.CaptureFixture[str]) -> None:
    world = build("--audit-log", command=(sys.executable, "-m", "provider")).start()
    secret = world.aws.cloud.put_secret("db", "one")
    world.files(DB)
    world.close()
    (line,) = [json.loads(one) for one in capfd.readouterr().out.splitlines()]
    (delivered,) = line["secrets"]
    assert delivered["arn"] == secret.arn
    assert line["roles"] == [world.web.arn]
    assert (line["namespace"], line["pod"]) == ("shop", "web-1")
