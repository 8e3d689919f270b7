"""Which steps of a volume are told, and that the words hold no more than names and reasons."""

from pathlib import Path

import pytest

from provider.errors import AccessDenied, InvalidRequest, ProviderError
from provider.fetch import ObjectFailure
from provider.kube.events import Notice
from provider.csi.status.mount_registry import Book
from provider.csi.mount import ObjectsFailed
from provider.csi.status.notices import Notices
from tests.engine import REGION, identity
from tests.test_live import delivery, spec

TOLD = "AccessDeniedException: something long that AWS says"


@pytest.fixture
def told() -> list[Notice]:
    return []


def book(told: list[Notice], *, rotated: bool = False) -> Book:
    return Book(Path("/nowhere"), tell=Notices(told.append, rotated=rotated))


def failure(objects: int = 1) -> ObjectsFailed:
    failures = [
        ObjectFailure(obj, REGION, AccessDenied(TOLD))
        for obj in spec(objects=objects).klass.objects
    ]
    return ObjectsFailed(failures, identity())


def fail(one: Book, error: ProviderError) -> None:
    one.failed("1a2b", spec().target_path, spec(), error, None)


def test_a_first_mount_that_fails_is_the_kubelet_s_to_tell(told: list[Notice]) -> None:
    one = book(told)
    fail(one, failure())
    fail(one, failure())
    assert told == []


def test_a_rotation_that_fails_names_object_and_reason(told: list[Notice]) -> None:
    one = book(told)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    fail(one, failure())
    (notice,) = told
    assert (notice.reason, str(notice.pod)) == ("SecretRotationFailed", "shop/web-0")
    assert notice.message == (
        'The volume of class db keeps its old files: objects[0] "o0" (secretsmanager, eu-west-1): '
        "AccessDenied. The provider's log has more under id 1a2b."
    )


def test_the_same_failure_is_the_same_notice(told: list[Notice]) -> None:
    one = book(told)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    fail(one, failure())
    fail(one, failure())
    assert told[0] == told[1]


def test_what_concerns_no_object_is_told_by_its_reason(told: list[Notice]) -> None:
    one = book(told)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    fail(one, InvalidRequest("canary"))
    assert "InvalidRequest" in told[0].message
    assert "canary" not in told[0].message


def test_many_objects_are_counted(told: list[Notice]) -> None:
    one = book(told)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    fail(one, failure(objects=30))
    assert "and 22 more" in told[0].message
    assert len(told[0].message) < 1024


def test_a_rotation_that_went_well_is_told_where_asked_for(told: list[Notice]) -> None:
    one = book(told, rotated=True)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    assert told == [], "neither a first mount nor an unchanged one"
    one.succeeded("1a2b", spec(), delivery(spec(), "2"), None)
    (notice,) = told
    assert notice.reason == "SecretRotated"
    assert notice.message == 'The volume of class db has new versions: "o0" is at 2.'


def test_otherwise_it_is_not(told: list[Notice]) -> None:
    one = book(told)
    one.succeeded("1a2b", spec(), delivery(spec()), None)
    one.succeeded("1a2b", spec(), delivery(spec(), "2"), None)
    assert told == []
