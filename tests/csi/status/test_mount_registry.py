"""The book of live mounts: what it keeps, and when a mount is gone."""

from dataclasses import replace
from pathlib import Path

import pytest

from provider.errors import AccessDenied, InvalidRequest
from provider.csi.status.mount_registry import LEAST_PATIENCE, MAX_OBJECTS, MOST_PATIENCE, Book, LiveMount
from provider.csi.mount import Delivery
from provider.csi.request.model import MountSpec, Pod
from provider.csi.request.parameters import parse_class
from tests.engine import REGION, identity
from tests.fakes import Clock

MINUTE = 60.0


@pytest.fixture
def book(clock: Clock) -> Book:
    return Book(Path("/nowhere/pods"), clock=clock)


def spec(target: str = "/nowhere/pods/uid-0/mount", objects: int = 1) -> MountSpec:
    text = "".join(
        f"- {{objectName: o{number}, objectType: secretsmanager}}\n" for number in range(objects)
    )
    klass = parse_class({"objects": text, "region": REGION}, default_mode=0o644, default_region="")
    return MountSpec(Pod("shop", "web-0", "uid-0", "web"), "db", target, {}, klass)


def delivery(mount: MountSpec, version: str = "1") -> Delivery:
    versions = tuple((obj.ref.name, version) for obj in mount.klass.objects)
    return Delivery((), versions, (REGION,) * len(versions), identity(), from_memory=False)


def succeed(book: Book, mount: MountSpec, version: str = "1") -> bool:
    return book.succeeded("id", mount, delivery(mount, version), None).changed


def fail(book: Book, mount: MountSpec) -> LiveMount:
    error = AccessDenied("AccessDeniedException: not you")
    step = book.failed("id", mount.target_path, mount, error, identity())
    assert step is not None
    return step.after


def test_a_change_is_told_from_a_mere_remount(book: Book) -> None:
    assert succeed(book, spec())
    assert not succeed(book, spec())
    assert succeed(book, spec(), version="2")
    fail(book, spec())
    assert not succeed(book, spec(), version="2")


def test_a_mount_tells_whose_it_is_and_what_it_has(book: Book) -> None:
    succeed(book, spec())
    (mount,) = book.live()
    assert (str(mount.pod), mount.class_name) == ("shop/web-0", "db")
    assert "role/web" in mount.identity
    (obj,) = mount.objects
    assert (obj.name, obj.store, obj.region, obj.version) == ("o0", "secretsmanager", REGION, "1")


def test_a_failure_keeps_what_was_delivered_and_counts_until_a_success(
    book: Book, clock: Clock
) -> None:
    succeed(book, spec())
    clock.now += MINUTE
    fail(book, spec())
    (mount,) = book.live()
    assert mount.is_failing
    assert (mount.reason, mount.failures, mount.last_success) == ("AccessDenied", 1, 1000.0)
    assert mount.objects[0].version == "1"
    assert book.failing() == 1
    succeed(book, spec())
    assert book.failing() == 0


def test_a_class_that_was_broken_later_fails_the_volume_that_has_it(book: Book) -> None:
    target = spec().target_path
    wrong = InvalidRequest("objects: is no list")
    assert book.failed("id", target, None, wrong, None) is None
    succeed(book, spec())
    step = book.failed("id", target, None, wrong, None)
    assert step is not None
    assert step.before is not None
    assert str(step.after.pod) == "shop/web-0"


def test_what_was_answered_from_memory_is_as_old_as_its_validation(
    book: Book, clock: Clock
) -> None:
    book.succeeded("id", spec(), delivery(spec()), clock.now - 90)
    book.succeeded("id", spec("/nowhere/pods/2/mount"), delivery(spec()), clock.now)
    assert book.stalest() == 90
    clock.now += MINUTE
    fail(book, spec())
    assert book.stalest() == 150, "a failure validates nothing"


def test_an_empty_book_is_not_stale(book: Book) -> None:
    assert (book.live(), book.failing(), book.stalest()) == ([], 0, 0.0)


def test_without_remounts_a_mount_lives_for_a_quarter_of_an_hour(book: Book, clock: Clock) -> None:
    succeed(book, spec())
    clock.now += LEAST_PATIENCE
    assert book.live()
    clock.now += 1
    assert not book.live()


def test_slow_remounts_make_patient(book: Book, clock: Clock) -> None:
    gone = spec("/nowhere/pods/2/mount")
    succeed(book, spec())
    clock.now += 20 * MINUTE
    succeed(book, gone)
    succeed(book, spec())
    clock.now += 50 * MINUTE
    assert len(book.live()) == 2
    clock.now += 11 * MINUTE
    assert not book.live()


def test_a_single_long_gap_is_forgotten_with_the_next_remount(book: Book, clock: Clock) -> None:
    succeed(book, spec())
    clock.now += 5 * 60 * MINUTE
    succeed(book, spec())
    clock.now += MINUTE
    succeed(book, spec())
    clock.now += 2 * LEAST_PATIENCE
    assert not book.live()


def test_where_the_kubelet_s_folder_is_seen_a_mount_lives_as_long_as_its_target(
    tmp_path: Path, clock: Clock
) -> None:
    book = Book(tmp_path, clock=clock)
    target = tmp_path / "uid-0" / "mount"
    target.mkdir(parents=True)
    succeed(book, spec(str(target)))
    clock.now += 2 * MOST_PATIENCE
    assert len(book.live()) == 1
    target.rmdir()
    assert not book.live()


@pytest.mark.parametrize("target", ["/etc", "{pods}/../outside"])
def test_nothing_but_the_kubelet_s_folder_is_looked_at(
    tmp_path: Path, clock: Clock, target: str
) -> None:
    pods = tmp_path / "pods"
    pods.mkdir()
    (tmp_path / "outside").mkdir()
    book = Book(pods, clock=clock)
    succeed(book, spec(target.format(pods=pods)))
    assert not book.live()


def test_the_book_is_bounded(clock: Clock) -> None:
    book = Book(Path("/nowhere"), max_mounts=2, clock=clock)
    for number in range(5):
        succeed(book, spec(f"/{number}", objects=MAX_OBJECTS + 5))
    first, last = book.live()
    assert (first.target_path, last.target_path) == ("/3", "/4")
    assert (len(last.objects), last.object_count) == (MAX_OBJECTS, MAX_OBJECTS + 5)
    book.failed("id", "/4", spec("/4"), AccessDenied("x" * 100_000), None)
    assert len(book.live()[-1].error) < 10_000


def test_an_old_driver_s_remount_does_not_take_the_class_s_name_away(book: Book) -> None:
    succeed(book, spec())
    succeed(book, replace(spec(), class_name=""))
    assert book.live()[0].class_name == "db"
