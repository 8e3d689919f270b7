"""First mount or remount: told by the volume and only to whom it belongs."""

from dataclasses import replace

import pytest

from provider.credentials import Identity
from provider.csi.request.model import AssumeRole, ClassSpec, MountSpec, Pod
from provider.csi.delivered import Volumes
from tests.engine import identity

SPEC = MountSpec(
    pod=Pod("shop", "web-0", "uid-0", "web"),
    class_name="db",
    target_path="/var/lib/kubelet/pods/uid-0/volumes/kubernetes.io~csi/secrets/mount",
    tokens={},
    klass=ClassSpec("eu-west-1", None, "irsa", "auto", ()),
)


def test_a_volume_is_known_once_it_was_delivered() -> None:
    volumes = Volumes()
    assert volumes.last_identity(SPEC) is None
    volumes.delivered(SPEC, identity())
    assert volumes.last_identity(SPEC) == identity()


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
    ],
)
def test_a_request_that_differs_has_no_past(spec: MountSpec) -> None:
    volumes = Volumes()
    volumes.delivered(SPEC, identity())
    assert volumes.last_identity(spec) is None


def test_a_pod_identity_belongs_to_its_pod() -> None:
    spec = replace(SPEC, klass=replace(SPEC.klass, identity_kind="pod-identity"))
    volumes = Volumes()
    volumes.delivered(spec, Identity("pod-identity", "shop", "web", "aws", pod_uid="uid-9"))
    assert volumes.last_identity(spec) is None


def test_the_number_of_volumes_is_bounded() -> None:
    volumes = Volumes(max_volumes=2)
    specs = [replace(SPEC, target_path=f"/{number}") for number in range(3)]
    for spec in specs:
        volumes.delivered(spec, identity())
    assert [volumes.last_identity(spec) is None for spec in specs] == [True, False, False]
