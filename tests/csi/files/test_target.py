"""Volumes that the provider writes by itself: hostile paths, links, and disks are refused."""

import os
from pathlib import Path

import pytest

from provider.csi.files.layout import MountedFile
from provider.csi.files.target import filesystem_of, write_volume
from provider.csi.request.model import ClassSpec, MountSpec, Pod
from provider.errors import VolumeRefused

FILES = [MountedFile("password", 0o600, b"canary")]
POD = Pod("shop", "web-0", "uid-0", "web")


def spec(target: object) -> MountSpec:
    return MountSpec(POD, "db", str(target), {}, ClassSpec(None, None, "irsa", "auto", ()))


@pytest.fixture
def pods(tmp_path: Path) -> Path:
    folder = tmp_path / "kubelet" / "pods"
    folder.mkdir(parents=True)
    return folder


def write(pods: Path, target: object, filesystem: str = "tmpfs") -> None:
    write_volume(pods, spec(target), FILES, lambda _device: filesystem)


def volume(pods: Path, uid: str = "uid-0") -> Path:
    path = pods / uid / "volumes/kubernetes.io~csi/secrets/mount"
    path.mkdir(parents=True)
    return path


def test_the_pod_s_own_volume_is_written(pods: Path) -> None:
    target = volume(pods)
    write(pods, target)
    assert (target / "password").read_bytes() == b"canary"
    assert (target / "password").stat().st_mode & 0o7777 == 0o600


@pytest.mark.parametrize(
    "path",
    [
        "/etc",
        "{pods}",
        "{pods}/uid-0",
        "{pods}/uid-1/volumes/kubernetes.io~csi/secrets/mount",
        "{pods}/uid-0/volumes/kubernetes.io~configmap/secrets/mount",
        "{pods}/uid-0/volumes/kubernetes.io~csi/secrets/other",
        "{pods}/uid-0/volumes/kubernetes.io~csi/secrets/mount/mount",
        "{pods}/uid-0/volumes/kubernetes.io~csi/../mount",
        "{pods}/uid-1/../uid-0/volumes/kubernetes.io~csi/secrets/mount",
        "../../../..{pods}/uid-0/volumes/kubernetes.io~csi/secrets/mount",
        "",
        "{pods}/uid-0/volumes/kubernetes.io~csi/a\0b/mount",
    ],
)
def test_every_other_path_is_refused(pods: Path, path: str) -> None:
    volume(pods)
    others = volume(pods, "uid-1")
    (pods / "uid-0/volumes/mount").mkdir()
    with pytest.raises(VolumeRefused, match="is not a volume of this pod"):
        write(pods, path.format(pods=pods))
    assert list(others.iterdir()) == []


@pytest.mark.parametrize("depth", range(5))
def test_a_link_on_the_way_is_refused(pods: Path, depth: int) -> None:
    target = volume(pods)
    elsewhere = pods.parent / "elsewhere"
    linked = [target, *target.parents][depth]
    linked.rename(elsewhere)
    linked.symlink_to(elsewhere)
    with pytest.raises(VolumeRefused, match="link"):
        write(pods, target)
    assert not [path for path in elsewhere.rglob("*") if path.name == "password"]


def test_the_kubelet_s_folder_itself_may_lie_behind_a_link(pods: Path, tmp_path: Path) -> None:
    target = volume(pods)
    (tmp_path / "link").symlink_to(pods.parent)
    linked = tmp_path / "link" / "pods"
    write(linked, linked / target.relative_to(pods))
    assert (target / "password").exists()


@pytest.mark.parametrize("kind", ["ext4", "overlay", ""])
def test_secrets_never_go_to_a_disk(pods: Path, kind: str) -> None:
    target = volume(pods)
    with pytest.raises(VolumeRefused, match="mountPropagation: HostToContainer"):
        write(pods, target, kind)
    assert list(target.iterdir()) == []


def test_a_volume_that_is_unmounted_meanwhile_is_not_written_on_the_disk(pods: Path) -> None:
    target = volume(pods)

    def unmounted(_device: int) -> str:
        target.rename(target.with_name("the tmpfs"))
        target.mkdir()
        return "tmpfs"

    write_volume(pods, spec(target), FILES, unmounted)
    assert list(target.iterdir()) == []


def test_a_volume_that_is_not_there_is_refused(pods: Path) -> None:
    target = pods / "uid-0/volumes/kubernetes.io~csi/secrets/mount"
    with pytest.raises(VolumeRefused, match="kubelet's folder"):
        write(pods, target)


def test_the_type_of_a_file_system_is_found() -> None:
    assert filesystem_of(Path("/proc").stat().st_dev) == "proc"
    assert filesystem_of(os.makedev(4095, 12345)) == ""
