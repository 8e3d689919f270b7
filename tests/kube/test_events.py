"""Kubernetes Events: created once, counted, bounded, and nothing waits for them."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from provider.kube import events as module
from provider.kube.events import (
    AT_ONCE,
    PAUSE,
    REPEAT,
    Event,
    EventRecorder,
    ObjectReference,
)
from provider.kube.limits import IN_TOTAL, OF_A_NAMESPACE, OF_AN_OBJECT
from provider.kube.objects import Objects
from provider.runtime.log import JsonLines, logger
from testbed.faults import hang
from testbed.kubernetes import FakeKubernetes
from testbed.kubernetes import unavailable as api_down
from tests.fakes.engine import Clock
from tests.kube.conftest import MakeApi

POD = ObjectReference("Pod", "shop", "web-1", "uid-1")
FAILED = Event(POD, "Warning", "SecretRotationFailed", 'objects[0] "db": AccessDenied')


def failed(about: ObjectReference, message: str = "AccessDenied") -> Event:
    return Event(about, "Warning", "SecretRotationFailed", message)


def pod(number: int, namespace: str = "shop") -> ObjectReference:
    return ObjectReference("Pod", namespace, f"web-{number}", f"uid-{namespace}-{number}")


@pytest.fixture
def api(kubernetes: FakeKubernetes, api_of: MakeApi) -> Objects:
    return api_of(kubernetes.url)


async def no_pause(_seconds: float) -> None:
    pass


@pytest.fixture
async def events(api: Objects, clock: Clock) -> AsyncIterator[EventRecorder]:
    recorder = EventRecorder(
        api, component="secrets-provider-aws", host="node-1", clock=clock, sleep=no_pause
    )
    async with writing(recorder):
        yield recorder


@asynccontextmanager
async def writing(recorder: EventRecorder) -> AsyncIterator[None]:
    task = asyncio.create_task(recorder.write_all())
    yield
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


async def written(kubernetes: FakeKubernetes, requests: int) -> list[dict[str, Any]]:
    """All Events, once this many requests have been made and no more follow."""
    async with asyncio.timeout(10):
        while kubernetes.journal.count() < requests:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    assert kubernetes.journal.count() == requests
    return kubernetes.events


async def test_an_event_is_about_the_object(
    kubernetes: FakeKubernetes, events: EventRecorder
) -> None:
    events.record(FAILED)
    (event,) = await written(kubernetes, 1)
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


async def test_a_repeated_event_is_counted_and_written_at_intervals(
    kubernetes: FakeKubernetes, events: EventRecorder, clock: Clock
) -> None:
    minutes = round(REPEAT / 60)
    events.record(FAILED)
    await written(kubernetes, 1)
    for _ in range(minutes):
        clock.now += 60.0
        events.record(FAILED)
    (event,) = await written(kubernetes, 2)
    assert event["count"] == 1 + minutes


async def test_another_object_or_another_message_is_another_event(
    kubernetes: FakeKubernetes, events: EventRecorder
) -> None:
    events.record(FAILED)
    events.record(failed(POD, "SecretNotFound"))
    events.record(failed(ObjectReference("Pod", "shop", "web-1", "uid-2"), FAILED.message))
    assert len(await written(kubernetes, 3)) == 3


async def test_an_event_that_kubernetes_has_removed_is_created_again(
    kubernetes: FakeKubernetes, events: EventRecorder, clock: Clock
) -> None:
    events.record(FAILED)
    await written(kubernetes, 1)
    kubernetes.remove("events", FAILED.name, "shop")
    clock.now += REPEAT
    events.record(FAILED)
    (event,) = await written(kubernetes, 3)
    assert event["count"] == 2


async def test_an_event_of_an_earlier_process_is_updated(
    kubernetes: FakeKubernetes, events: EventRecorder, api: Objects
) -> None:
    events.record(FAILED)
    await written(kubernetes, 1)
    later = EventRecorder(api, component="secrets-provider-aws", host="node-1")
    later.record(FAILED)
    async with writing(later):
        (event,) = await written(kubernetes, 4)
    assert event["count"] == 2, "it goes on from the earlier process"


async def test_events_of_one_key_are_one_event_with_the_latest_message(
    kubernetes: FakeKubernetes, events: EventRecorder, clock: Clock
) -> None:
    events.record(Event(POD, "Warning", "SecretRotationFailed", "took 1.1 s", key="k"))
    await written(kubernetes, 1)
    clock.now += REPEAT
    events.record(Event(POD, "Warning", "SecretRotationFailed", "took 1.2 s", key="k"))
    (event,) = await written(kubernetes, 2)
    assert (event["count"], event["message"]) == (2, "took 1.2 s")


async def test_an_event_that_could_not_be_created_is_created_later(
    kubernetes: FakeKubernetes, events: EventRecorder, clock: Clock
) -> None:
    kubernetes.faults.inject(api_down(), times=1)
    events.record(FAILED)
    await written(kubernetes, 1)
    clock.now += REPEAT
    events.record(FAILED)
    (event,) = await written(kubernetes, 2)
    assert event["count"] == 2


async def test_writes_are_bounded_in_total_and_go_on_slowly(
    kubernetes: FakeKubernetes, events: EventRecorder, clock: Clock
) -> None:
    for number in range(IN_TOTAL.burst + 10):
        events.record(failed(pod(0, f"namespace-{number}")))
    assert len(await written(kubernetes, IN_TOTAL.burst)) == IN_TOTAL.burst
    clock.now += 2 * IN_TOTAL.refill
    for number in range(10):
        events.record(failed(pod(0, f"later-{number}")))
    assert len(await written(kubernetes, IN_TOTAL.burst + 2)) == IN_TOTAL.burst + 2


async def test_a_noisy_object_does_not_displace_others(
    kubernetes: FakeKubernetes, events: EventRecorder
) -> None:
    for number in range(1000):
        events.record(failed(POD, f"message {number}"))
    events.record(failed(pod(2)))
    found = await written(kubernetes, OF_AN_OBJECT.burst + 1)
    assert "web-2" in [event["involvedObject"]["name"] for event in found]


async def test_a_noisy_namespace_does_not_displace_others(
    kubernetes: FakeKubernetes, events: EventRecorder
) -> None:
    for number in range(1000):
        events.record(failed(pod(number)))
    events.record(failed(pod(0, "other")))
    found = await written(kubernetes, OF_A_NAMESPACE.burst + 1)
    assert "other" in [event["involvedObject"]["namespace"] for event in found]


async def test_recording_never_waits(
    kubernetes: FakeKubernetes, api: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE", 20)
    clock = Clock()
    recorder = EventRecorder(api, component="x", host="node-1", clock=clock, sleep=no_pause)
    for number in range(2 * module.QUEUE):
        recorder.record(failed(pod(0, f"namespace-{number}")))
        clock.now += IN_TOTAL.refill
    async with writing(recorder):
        await written(kubernetes, module.QUEUE)


async def test_many_events_are_written_slowly_and_the_last_few_at_once(
    kubernetes: FakeKubernetes, api: Objects
) -> None:
    pauses = []

    async def sleep(seconds: float) -> None:
        pauses.append((seconds, kubernetes.journal.count()))

    recorder = EventRecorder(api, component="x", host="node-1", sleep=sleep)
    for number in range(AT_ONCE + 3):
        recorder.record(failed(pod(0, f"namespace-{number}")))
    async with writing(recorder):
        await written(kubernetes, AT_ONCE + 3)
    assert pauses == [(PAUSE, 1), (PAUSE, 2)]


async def test_closing_does_not_wait_for_the_api(kubernetes: FakeKubernetes, api: Objects) -> None:
    kubernetes.faults.inject(hang())
    recorder = EventRecorder(api, component="x", host="node-1")
    recorder.record(FAILED)
    async with writing(recorder):
        await written(kubernetes, 1)


@pytest.mark.parametrize("what", ["forbidden", "down", "token gone"])
async def test_a_problem_is_logged_once(
    kubernetes: FakeKubernetes,
    events: EventRecorder,
    logged: io.StringIO,
    tmp_path: Path,
    what: str,
) -> None:
    if what == "forbidden":
        kubernetes.forbidden.add("events")
    elif what == "down":
        kubernetes.faults.inject(api_down())
    else:
        (tmp_path / "token").unlink()
    for number in range(3):
        events.record(failed(POD, f"message {number}"))
    await written(kubernetes, 0 if what == "token gone" else 3)
    (line,) = logged.getvalue().splitlines()
    assert "cannot write Kubernetes Events" in line


@pytest.mark.parametrize("name", ["w" * 253, "w" * 199 + ".w"])
async def test_messages_are_bounded_and_names_are_valid(
    kubernetes: FakeKubernetes, events: EventRecorder, name: str
) -> None:
    events.record(failed(ObjectReference("Pod", "shop", name, "u"), "x" * 10_000))
    (event,) = await written(kubernetes, 1)
    assert len(event["message"]) == 1024
    assert len(event["metadata"]["name"]) <= 253
    assert all(part.strip("-") == part != "" for part in event["metadata"]["name"].split("."))
