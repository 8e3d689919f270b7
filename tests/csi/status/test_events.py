"""Which steps of a volume become Events, and that their texts hold only names and reasons."""

from pathlib import Path

import pytest

from provider.csi.object_failures import ObjectFailure, ObjectsFailed
from provider.csi.status.events import RotationEvents
from provider.csi.status.mount_registry import MountRegistry
from provider.errors import AccessDenied, InvalidRequest, ProviderError
from provider.kube.events import Event
from tests.csi.status.test_mount_registry import delivery, spec
from tests.fakes.engine import REGION, identity

AWS_TEXT = "AccessDeniedException: something long that AWS says"


@pytest.fixture
def recorded() -> list[Event]:
    return []


def registry(recorded: list[Event], *, rotated: bool = False) -> MountRegistry:
    return MountRegistry(Path("/nowhere"), report=RotationEvents(recorded.append, rotated=rotated))


def failure(objects: int = 1) -> ObjectsFailed:
    failures = [
        ObjectFailure(obj, REGION, AccessDenied(AWS_TEXT))
        for obj in spec(objects=objects).klass.objects
    ]
    return ObjectsFailed(failures, identity())


def fail(one: MountRegistry, error: ProviderError) -> None:
    one.failed("1a2b", spec().target_path, spec(), error, None)


def test_a_first_mount_that_fails_is_reported_by_the_kubelet(recorded: list[Event]) -> None:
    one = registry(recorded)
    fail(one, failure())
    fail(one, failure())
    assert recorded == []


def test_a_rotation_that_fails_names_object_and_reason(recorded: list[Event]) -> None:
    one = registry(recorded)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    fail(one, failure())
    (event,) = recorded
    assert (event.type, event.reason) == ("Warning", "SecretRotationFailed")
    about = event.about
    assert (about.kind, about.namespace, about.name, about.uid) == ("Pod", "shop", "web-0", "uid-0")
    assert event.message == (
        'The volume of class db keeps its old files: objects[0] "o0" (secretsmanager, eu-west-1): '
        "AccessDenied. The provider's log has more under id 1a2b."
    )


def test_the_same_failure_is_the_same_event(recorded: list[Event]) -> None:
    one = registry(recorded)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    fail(one, failure())
    fail(one, failure())
    assert recorded[0] == recorded[1]


def test_a_failure_of_no_object_is_recorded_by_its_reason(recorded: list[Event]) -> None:
    one = registry(recorded)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    fail(one, InvalidRequest("canary"))
    assert "InvalidRequest" in recorded[0].message
    assert "canary" not in recorded[0].message


def test_many_objects_are_counted(recorded: list[Event]) -> None:
    one = registry(recorded)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    fail(one, failure(objects=30))
    assert "and 22 more" in recorded[0].message
    assert len(recorded[0].message) < 1024


def test_a_rotation_that_went_well_is_recorded_where_asked_for(recorded: list[Event]) -> None:
    one = registry(recorded, rotated=True)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    assert recorded == [], "neither a first mount nor an unchanged one"
    one.succeeded("1a2b", spec(), delivery(spec(), "2"), None)
    (event,) = recorded
    assert (event.type, event.reason) == ("Normal", "SecretRotated")
    assert event.message == 'The volume of class db has new versions: "o0" is at 2.'


def test_otherwise_it_is_not(recorded: list[Event]) -> None:
    one = registry(recorded)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    one.succeeded("1a2b", spec(), delivery(spec(), "2"), None)
    assert recorded == []
