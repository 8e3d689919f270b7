"""First mount or remount: known by the volume, and only for the service account that it is of."""

from dataclasses import replace

import pytest

from provider.csi.delivered import DeliveredVolumes
from provider.csi.request.model import ClassSpec, MountSpec, Pod
from provider.engine.model import AssumeRole
from tests.fakes.engine import identity

SPEC = MountSpec(
    pod=Pod("shop", "web-0", "uid-0", "web"),
    class_name="db",
    target_path="/var/lib/kubelet/pods/uid-0/volumes/kubernetes.io~csi/secrets/mount",
    tokens={},
    klass=ClassSpec("eu-west-1", None, "irsa", "auto", ()),
)


def test_a_volume_is_known_once_it_was_delivered() -> None:
    volumes = DeliveredVolumes()
    assert volumes.last(SPEC) is None
    volumes.delivered(SPEC, identity())
    last = volumes.last(SPEC)
    assert last is not None
    assert last.identity == identity()


def test_a_new_token_does_not_make_it_a_first_mount() -> None:
    volumes = DeliveredVolumes()
    volumes.delivered(SPEC, identity())
    assert volumes.last(replace(SPEC, tokens={"a": "b"}, class_name=""))


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
def test_a_request_that_differs_has_no_past(spec: MountSpec) -> None:
    volumes = DeliveredVolumes()
    volumes.delivered(SPEC, identity())
    assert volumes.last(spec) is None


def test_the_number_of_volumes_is_bounded() -> None:
    volumes = DeliveredVolumes(max_volumes=2)
    specs = [replace(SPEC, target_path=f"/{number}") for number in range(3)]
    for spec in specs:
        volumes.delivered(spec, identity())
    assert [volumes.last(spec) is None for spec in specs] == [True, False, False]
