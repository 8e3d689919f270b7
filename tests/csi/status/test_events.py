"""Which steps of a volume become Events, and that their texts hold only names and reasons."""

from pathlib import Path

import pytest

from provider.csi.mount_registry import MountRegistry, mount_id
from provider.csi.object_failures import ObjectFailure, ObjectsFailed
from provider.csi.status.events import RotationEvents
from provider.errors import AccessDenied, AwsUnavailable, InvalidRequest, ProviderError
from provider.kube.events import Event
from tests.csi.test_mount_registry import delivery, spec
from tests.fakes.engine import REGION, identity

AWS_TEXT = "AccessDeniedException: something long that AWS says"


@pytest.fixture
def recorded() -> list[Event]:
    return []


class Volumes:
    """A registry whose steps become Events."""

    def __init__(self, recorded: list[Event], *, rotated: bool = False) -> None:
        self._registry = MountRegistry(Path("/nowhere"))
        self._report = RotationEvents(recorded.append, rotated=rotated)

    def deliver(self, version: str = "1") -> None:
        self._report(self._registry.succeeded(spec(), delivery(spec(), version), None))

    def fail(self, error: ProviderError) -> None:
        step = self._registry.failed(spec().target_path, spec(), error, None)
        assert step is not None
        self._report(step)


def failure(objects: int = 1) -> ObjectsFailed:
    failures = [
        ObjectFailure(obj, REGION, AccessDenied(AWS_TEXT))
        for obj in spec(objects=objects).klass.objects
    ]
    return ObjectsFailed(failures, identity())


def test_a_volume_that_fails_at_its_first_request_is_recorded(recorded: list[Event]) -> None:
    """After a restart of the daemon its pod may run with old files."""
    one = Volumes(recorded)
    one.fail(failure())
    one.fail(failure())
    assert [event.reason for event in recorded] == ["SecretMountFailed"] * 2
    assert "gets no new files" in recorded[0].message
    assert recorded[0].name == recorded[1].name


def test_a_rotation_that_fails_names_object_and_reason(recorded: list[Event]) -> None:
    one = Volumes(recorded)
    one.deliver()
    one.fail(failure())
    (event,) = recorded
    assert (event.type, event.reason) == ("Warning", "SecretRotationFailed")
    about = event.about
    assert (about.kind, about.namespace, about.name, about.uid) == ("Pod", "shop", "web-0", "uid-0")
    assert event.message == (
        'The volume of class db keeps its old files. AccessDenied: objects[0] "o0" '
        f"(secretsmanager, eu-west-1): {AWS_TEXT} [{identity()}] "
        f"[id {mount_id(spec().target_path)} in the provider's log]"
    )


def test_the_same_failure_is_the_same_event(recorded: list[Event]) -> None:
    one = Volumes(recorded)
    one.deliver()
    one.fail(AwsUnavailable("took 1.1 s"))
    one.fail(AwsUnavailable("took 1.2 s"))
    assert recorded[0].name == recorded[1].name
    one.fail(AccessDenied("no"))
    assert recorded[2].name != recorded[1].name


def test_an_event_has_the_first_line_of_the_error(recorded: list[Event]) -> None:
    one = Volumes(recorded)
    one.deliver()
    one.fail(InvalidRequest("objects[0].objectTyp: is not known\nobjects[1]: more"))
    assert "InvalidRequest: objects[0].objectTyp: is not known [id" in recorded[0].message
    one.fail(InvalidRequest("x" * 5000))
    assert len(recorded[1].message) < 1024


def test_many_objects_are_counted(recorded: list[Event]) -> None:
    one = Volumes(recorded)
    one.deliver()
    one.fail(failure(objects=30))
    assert "and 21 more" in recorded[0].message
    assert len(recorded[0].message) < 1024


def test_a_rotation_that_went_well_is_recorded_where_asked_for(recorded: list[Event]) -> None:
    one = Volumes(recorded, rotated=True)
    one.deliver()
    one.deliver()
    assert recorded == [], "neither a first mount nor an unchanged one"
    one.deliver("2")
    (event,) = recorded
    assert (event.type, event.reason) == ("Normal", "SecretRotated")
    assert event.message == 'The volume of class db has new versions: "o0" is at 2.'


def test_otherwise_it_is_not(recorded: list[Event]) -> None:
    one = Volumes(recorded)
    one.deliver()
    one.deliver("2")
    assert recorded == []
