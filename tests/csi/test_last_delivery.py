"""First mount or remount: known by the volume, and only for the service account that it is of."""

from dataclasses import replace
from pathlib import Path

import pytest

from provider.csi.mount import Delivery, LastDelivery
from provider.csi.mount_registry import MountRegistry
from provider.csi.request.model import ClassSpec, MountSpec, Pod
from provider.engine.model import AssumeRole
from tests.csi.test_mount_registry import fail
from tests.fakes.engine import Clock, identity

SPEC = MountSpec(
    pod=Pod("shop", "web-0", "uid-0", "web"),
    class_name="db",
    target_path="/var/lib/kubelet/pods/uid-0/volumes/kubernetes.io~csi/secrets/mount",
    tokens={},
    klass=ClassSpec("eu-west-1", None, "irsa", "auto", ()),
)


def deliver(registry: MountRegistry, spec: MountSpec = SPEC) -> None:
    registry.succeeded(spec, Delivery((), (), identity(), from_memory=False), None)


@pytest.fixture
def registry(clock: Clock) -> MountRegistry:
    return MountRegistry(Path("/nowhere"), max_mounts=2, clock=clock)


def test_a_volume_is_known_once_it_was_delivered(registry: MountRegistry, clock: Clock) -> None:
    assert registry.last_delivery(SPEC) is None
    deliver(registry)
    assert registry.last_delivery(SPEC) == LastDelivery(identity(), clock.now)


def test_a_failure_is_no_delivery_and_takes_none_away(
    registry: MountRegistry, clock: Clock
) -> None:
    fail(registry, SPEC)
    assert registry.last_delivery(SPEC) is None
    deliver(registry)
    delivered_at = clock.now
    clock.now += 60
    fail(registry, SPEC)
    assert registry.last_delivery(SPEC) == LastDelivery(identity(), delivered_at)


def test_a_new_token_does_not_make_it_a_first_mount(registry: MountRegistry) -> None:
    deliver(registry)
    assert registry.last_delivery(replace(SPEC, tokens={"a": "b"}, class_name=""))


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, target_path="/elsewhere"),
        replace(SPEC, pod=replace(SPEC.pod, uid="uid-1")),
        replace(SPEC, pod=replace(SPEC.pod, service_account="admin")),
        replace(SPEC, pod=replace(SPEC.pod, namespace="bank")),
        replace(SPEC, klass=replace(SPEC.klass, identity_kind="pod-identity")),
        replace(SPEC, klass=replace(SPEC.klass, identity_kind="auto")),
        replace(SPEC, klass=replace(SPEC.klass, role_arn="arn:aws:iam::111122223333:role/web")),
        replace(SPEC, klass=replace(SPEC.klass, assume_role=AssumeRole("other"))),
        replace(SPEC, klass=replace(SPEC.klass, session_tags=True)),
    ],
    ids=[
        "path",
        "pod",
        "service account",
        "namespace",
        "kind of identity",
        "kind left open",
        "role",
        "role to assume",
        "session tags",
    ],
)
def test_a_request_that_differs_has_no_past(registry: MountRegistry, spec: MountSpec) -> None:
    deliver(registry)
    assert registry.last_delivery(spec) is None
    fail(registry, spec)
    assert registry.last_delivery(spec) is None, "also when it is tried again"


def test_the_number_of_volumes_is_bounded(registry: MountRegistry) -> None:
    specs = [replace(SPEC, target_path=f"/{number}") for number in range(3)]
    for spec in specs:
        deliver(registry, spec)
    assert [registry.last_delivery(spec) is None for spec in specs] == [True, False, False]
