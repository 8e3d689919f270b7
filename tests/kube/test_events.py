"""Events on pods: made once, counted on, never in anybody's way."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.kube.client import KubernetesApi
from provider.kube.events import BURST, QUEUE, REPEAT, Events, Notice
from provider.runtime.log import JsonLines, logger
from provider.csi.request.model import Pod
from testbed.kubernetes import TOKEN, FakeKubernetes
from testbed.kubernetes import unavailable as api_down
from tests.fakes import Clock
from tests.server.process import eventually

POD = Pod("shop", "web-1", "uid-1", "web")
FAILED = Notice(POD, "SecretRotationFailed", 'objects[0] "db": AccessDenied')


@pytest.fixture
def events(kubernetes: FakeKubernetes, tmp_path: Path, clock: Clock) -> Events:
    (tmp_path / "token").write_text(TOKEN)
    api = KubernetesApi(kubernetes.url, ca_file=tmp_path, token_file=tmp_path / "token")
    return Events(api, node="node-1", clock=clock)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def only(kubernetes: FakeKubernetes) -> dict[str, Any]:
    (event,) = kubernetes.events
    return event


def test_an_event_is_on_the_pod(kubernetes: FakeKubernetes, events: Events) -> None:
    events.write(FAILED)
    event = only(kubernetes)
    assert event["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-1",
        "uid": "uid-1",
    }
    assert (event["type"], event["reason"]) == ("Warning", "SecretRotationFailed")
    assert event["message"] == FAILED.message
    assert event["source"] == {"component": "secrets-provider-aws", "host": "node-1"}
    assert event["count"] == 1


def test_a_success_is_no_warning(kubernetes: FakeKubernetes, events: Events) -> None:
    events.write(Notice(POD, "SecretRotated", '"db" is at 2'))
    assert only(kubernetes)["type"] == "Normal"


def test_the_same_again_is_counted_and_written_now_and_then(
    kubernetes: FakeKubernetes, events: Events, clock: Clock
) -> None:
    minutes = round(REPEAT / 60)
    events.write(FAILED)
    for _ in range(minutes):
        clock.now += 60.0
        events.write(FAILED)
    assert kubernetes.journal.count() == 2
    assert only(kubernetes)["count"] == 1 + minutes


def test_another_pod_or_another_message_is_another_event(
    kubernetes: FakeKubernetes, events: Events
) -> None:
    events.write(FAILED)
    events.write(Notice(POD, "SecretRotationFailed", "SecretNotFound"))
    events.write(Notice(Pod("shop", "web-1", "uid-2", "web"), FAILED.reason, FAILED.message))
    assert len(kubernetes.events) == 3


def test_an_event_that_kubernetes_has_forgotten_is_made_anew(
    kubernetes: FakeKubernetes, events: Events, clock: Clock
) -> None:
    events.write(FAILED)
    kubernetes.remove("events", FAILED.name, "shop")
    clock.now += REPEAT
    events.write(FAILED)
    assert only(kubernetes)["count"] == 2


def test_an_event_of_a_daemon_before_is_counted_on(
    kubernetes: FakeKubernetes, events: Events, tmp_path: Path
) -> None:
    events.write(FAILED)
    api = KubernetesApi(kubernetes.url, ca_file=tmp_path, token_file=tmp_path / "token")
    Events(api, node="node-1").write(FAILED)
    assert len(kubernetes.events) == 1


def test_a_burst_is_cut_and_goes_on_slowly(
    kubernetes: FakeKubernetes, events: Events, clock: Clock
) -> None:
    pods = [Pod("shop", f"web-{number}", str(number), "web") for number in range(BURST + 10)]
    for pod in pods:
        events.write(Notice(pod, "SecretRotationFailed", "AccessDenied"))
    assert len(kubernetes.events) == BURST
    clock.now += 20.0
    for pod in pods[BURST:]:
        events.write(Notice(pod, "SecretRotationFailed", "AccessDenied"))
    assert len(kubernetes.events) == BURST + 2


@pytest.mark.parametrize("what", ["forbidden", "down", "token gone"])
def test_what_cannot_be_written_is_logged_once_and_raises_nothing(
    kubernetes: FakeKubernetes, events: Events, logged: io.StringIO, tmp_path: Path, what: str
) -> None:
    if what == "forbidden":
        kubernetes.forbidden.add("events")
    elif what == "down":
        kubernetes.faults.inject(api_down())
    else:
        (tmp_path / "token").unlink()
    for number in range(5):
        events.write(Notice(POD, "SecretRotationFailed", f"message {number}"))
    (line,) = logged.getvalue().splitlines()
    assert "cannot write events" in line


def test_telling_never_waits(kubernetes: FakeKubernetes, events: Events) -> None:
    for number in range(QUEUE + 10):
        events.tell(Notice(POD, "SecretRotationFailed", str(number)))
    events.start()
    eventually(lambda: len(kubernetes.events) == BURST, "what is in the queue is written")


def test_messages_are_bounded_and_names_are_valid(
    kubernetes: FakeKubernetes, events: Events
) -> None:
    events.write(Notice(Pod("shop", "w" * 253, "u", "web"), "SecretRotationFailed", "x" * 10_000))
    event = only(kubernetes)
    assert len(event["message"]) == 1024
    assert len(event["metadata"]["name"]) <= 253
