"""The registry of mounts: what it keeps, and when a mount is gone."""

from dataclasses import replace
from pathlib import Path

import pytest

from provider.csi.files.layout import MountedFile
from provider.csi.mount import DeliveredObject, Delivery, LastDelivery
from provider.csi.mount_registry import (
    MAX_LIFE_SECONDS,
    MAX_OBJECTS,
    MAX_TEXTS,
    MIN_LIFE_SECONDS,
    UNDELIVERED_LIFE_SECONDS,
    Mount,
    MountRegistry,
)
from provider.csi.request.model import MountSpec, Pod
from provider.csi.request.parameters import parse_class
from provider.engine.model import SecretValue
from provider.errors import AccessDenied, InvalidRequest
from tests.fakes.engine import REGION, Clock, identity

MINUTE = 60.0


@pytest.fixture
def registry(clock: Clock) -> MountRegistry:
    return MountRegistry(Path("/nowhere/pods"), clock=clock)


def spec(target: str = "/nowhere/pods/uid-0/mount", objects: int = 1) -> MountSpec:
    text = "".join(
        f"- {{objectName: o{number}, objectType: secretsmanager}}\n" for number in range(objects)
    )
    klass = parse_class(
        {"objects": text, "region": REGION}, default_mode=0o644, default_region=None
    )
    return MountSpec(Pod("shop", "web-0", "uid-0", "web"), "db", target, {}, klass)


def delivery(mount: MountSpec, version: str = "1") -> Delivery:
    value = SecretValue(b"", version)
    objects = tuple(DeliveredObject.of(obj, value, REGION) for obj in mount.klass.objects)
    files = tuple(MountedFile(one.id, 0o644, b"", version) for one in objects)
    return Delivery(files, objects, identity(), from_memory=False)


def succeed(registry: MountRegistry, mount: MountSpec, version: str = "1") -> bool:
    return registry.succeeded(mount, delivery(mount, version), None).changed


def fail(registry: MountRegistry, mount: MountSpec) -> Mount:
    error = AccessDenied("AccessDeniedException: not you")
    step = registry.failed(mount.target_path, mount, error, identity())
    assert step is not None
    return step.after


def failing(registry: MountRegistry) -> int:
    return sum(mount.is_failing for mount in registry.live())


def stalest(registry: MountRegistry) -> float:
    return max((age for _, age in registry.ages(registry.live())), default=0.0)


def test_a_change_differs_from_an_unchanged_remount(registry: MountRegistry) -> None:
    assert succeed(registry, spec())
    assert not succeed(registry, spec())
    assert succeed(registry, spec(), version="2")
    fail(registry, spec())
    assert not succeed(registry, spec(), version="2")


def test_a_mount_has_its_pod_class_identity_and_objects(registry: MountRegistry) -> None:
    succeed(registry, spec())
    (mount,) = registry.live()
    assert (str(mount.pod), mount.class_name) == ("shop/web-0", "db")
    assert mount.identity == identity()
    (obj,) = mount.objects
    assert (obj.ref.name, obj.ref.store) == ("o0", "secretsmanager")
    assert (obj.region, obj.version) == (REGION, "1")


def test_a_failure_keeps_what_was_delivered_and_counts_until_a_success(
    registry: MountRegistry, clock: Clock
) -> None:
    succeed(registry, spec())
    clock.now += MINUTE
    fail(registry, spec())
    (mount,) = registry.live()
    assert mount.is_failing
    assert (mount.reason, mount.failures) == ("AccessDenied", 1)
    assert mount.delivery == LastDelivery(identity(), 1000.0)
    assert mount.objects[0].version == "1"
    assert failing(registry) == 1
    succeed(registry, spec())
    assert failing(registry) == 0


def test_a_pod_that_was_deleted_before_it_started_is_forgotten_at_once_where_that_is_seen(
    tmp_path: Path, clock: Clock
) -> None:
    registry = MountRegistry(tmp_path, clock=clock)
    pod = tmp_path / "uid-0"
    pod.mkdir()
    target = str(pod / "volumes" / "db" / "mount")  # the driver removes it after a failure
    fail(registry, spec(target))
    assert failing(registry) == 1
    pod.rmdir()
    assert failing(registry) == 0


def test_elsewhere_it_is_forgotten_when_the_kubelet_has_stopped_to_try(
    registry: MountRegistry, clock: Clock
) -> None:
    fail(registry, spec())
    clock.now += UNDELIVERED_LIFE_SECONDS
    assert failing(registry) == 1
    clock.now += 1
    assert failing(registry) == 0


def test_a_mount_that_is_tried_slowly_lives_for_three_intervals(
    registry: MountRegistry, clock: Clock
) -> None:
    fail(registry, spec())
    clock.now += 4 * MINUTE
    fail(registry, spec())
    clock.now += 12 * MINUTE
    assert failing(registry) == 1
    clock.now += 1
    assert failing(registry) == 0


def test_a_class_that_was_broken_later_fails_the_volume_that_has_it(
    registry: MountRegistry,
) -> None:
    target = spec().target_path
    wrong = InvalidRequest("objects: is no list")
    assert registry.failed(target, None, wrong, None) is None
    succeed(registry, spec())
    step = registry.failed(target, None, wrong, None)
    assert step is not None
    assert step.before is not None
    assert str(step.after.pod) == "shop/web-0"
    assert step.after.identity == identity()  # still the last one that is known


def test_what_was_answered_from_memory_is_as_old_as_its_validation(
    registry: MountRegistry, clock: Clock
) -> None:
    registry.succeeded(spec(), delivery(spec()), clock.now - 90)
    registry.succeeded(spec("/nowhere/pods/2/mount"), delivery(spec()), clock.now)
    assert stalest(registry) == 90
    clock.now += MINUTE
    fail(registry, spec())
    assert stalest(registry) == 150, "a failure validates nothing"


def test_an_empty_registry_is_not_stale(registry: MountRegistry) -> None:
    assert (
        registry.live(),
        failing(registry),
        stalest(registry),
    ) == ([], 0, 0.0)


def test_without_remounts_a_mount_lives_for_a_quarter_of_an_hour(
    registry: MountRegistry, clock: Clock
) -> None:
    succeed(registry, spec())
    clock.now += MIN_LIFE_SECONDS
    assert registry.live()
    clock.now += 1
    assert not registry.live()


def test_slow_remounts_keep_mounts_longer(registry: MountRegistry, clock: Clock) -> None:
    gone = spec("/nowhere/pods/2/mount")
    succeed(registry, spec())
    clock.now += 20 * MINUTE
    succeed(registry, gone)
    succeed(registry, spec())
    clock.now += 50 * MINUTE
    assert len(registry.live()) == 2
    clock.now += 11 * MINUTE
    assert not registry.live()


def test_no_interval_keeps_a_mount_for_longer_than_a_day(
    registry: MountRegistry, clock: Clock
) -> None:
    succeed(registry, spec())
    clock.now += MAX_LIFE_SECONDS / 2
    succeed(registry, spec())
    clock.now += MAX_LIFE_SECONDS
    assert registry.live()
    clock.now += 1
    assert not registry.live()


def test_a_volume_that_was_not_asked_for_in_a_day_takes_no_memory(
    registry: MountRegistry, clock: Clock
) -> None:
    succeed(registry, spec())
    clock.now += MAX_LIFE_SECONDS
    registry.live()
    assert registry.last_delivery(spec())
    clock.now += 1
    registry.live()
    assert not registry.last_delivery(spec())


def test_a_single_long_interval_is_forgotten_with_the_next_remount(
    registry: MountRegistry, clock: Clock
) -> None:
    succeed(registry, spec())
    clock.now += 5 * 60 * MINUTE
    succeed(registry, spec())
    clock.now += MINUTE
    succeed(registry, spec())
    clock.now += 2 * MIN_LIFE_SECONDS
    assert not registry.live()


def test_where_the_kubelet_s_folder_is_seen_a_mount_lives_as_long_as_its_target(
    tmp_path: Path, clock: Clock
) -> None:
    registry = MountRegistry(tmp_path, clock=clock)
    target = tmp_path / "uid-0" / "mount"
    target.mkdir(parents=True)
    succeed(registry, spec(str(target)))
    clock.now += 2 * MAX_LIFE_SECONDS
    assert len(registry.live()) == 1
    target.rmdir()
    assert not registry.live()
    target.mkdir()
    assert not registry.live(), "it is forgotten, not hidden"


def test_a_target_that_is_missing_for_a_moment_is_not_forgotten(
    tmp_path: Path, clock: Clock
) -> None:
    registry = MountRegistry(tmp_path, clock=clock)
    target = tmp_path / "uid-0" / "mount"
    succeed(registry, spec(str(target)))
    assert not registry.live()
    target.mkdir(parents=True)
    assert registry.live()


@pytest.mark.parametrize("target", ["/etc", "{pods}/../outside"])
def test_nothing_but_the_kubelet_s_folder_is_looked_at(
    tmp_path: Path, clock: Clock, target: str
) -> None:
    pods = tmp_path / "pods"
    pods.mkdir()
    (tmp_path / "outside").mkdir()
    registry = MountRegistry(pods, clock=clock)
    succeed(registry, spec(target.format(pods=pods)))
    assert not registry.live()


def test_the_registry_is_bounded(clock: Clock) -> None:
    registry = MountRegistry(Path("/nowhere"), max_mounts=2, clock=clock)
    for number in range(5):
        succeed(registry, spec(f"/{number}", objects=MAX_OBJECTS + 5))
    first, last = registry.live()
    assert (first.target_path, last.target_path) == ("/3", "/4")
    assert (len(last.objects), last.object_count) == (MAX_OBJECTS, MAX_OBJECTS + 5)
    registry.failed("/4", spec("/4"), AccessDenied("x" * 100_000), None)
    assert len(registry.live()[-1].error) < 10_000


def test_long_names_of_objects_are_bounded_together() -> None:
    registry, mount = MountRegistry(Path("/nowhere")), spec(objects=MAX_OBJECTS)
    long = replace(delivery(mount).objects[0], file="ä" * 4000)
    registry.succeeded(mount, replace(delivery(mount), objects=(long,) * MAX_OBJECTS), None)
    (kept,) = registry.live()
    assert 0 < len(kept.objects) * 4000 <= MAX_TEXTS
    assert kept.object_count == MAX_OBJECTS


def test_a_namespace_with_many_mounts_displaces_none_of_others(clock: Clock) -> None:
    registry = MountRegistry(Path("/nowhere"), max_mounts=3, clock=clock)
    succeed(registry, spec("/shop"))
    for number in range(5):
        other = spec(f"/{number}")
        fail(registry, replace(other, pod=replace(other.pod, namespace="evil")))
    assert [mount.target_path for mount in registry.live()] == ["/shop", "/3", "/4"]


def test_an_old_driver_s_remount_does_not_take_the_class_s_name_away(
    registry: MountRegistry,
) -> None:
    succeed(registry, spec())
    succeed(registry, replace(spec(), class_name=""))
    assert registry.live()[0].class_name == "db"
