"""`--driver-writes-secrets=false`: the daemon writes the volumes, and answers without files."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from provider.csi.files.target import IN_MEMORY, filesystem_of
from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.driver import Mounted, Pod
from testbed.kubernetes import FakeKubernetes
from tests.e2e.world import World

MEMORY = Path("/dev/shm")

DB = "- {objectName: db, objectType: secretsmanager, filePermission: '0600'}\n"
MORE = DB + "- {objectName: more, objectType: secretsmanager, objectAlias: deep/more}\n"

pytestmark = pytest.mark.skipif(
    not MEMORY.exists() or filesystem_of(MEMORY.stat().st_dev) not in IN_MEMORY,
    reason="takes a folder in memory",
)


@pytest.fixture
def world(aws: FakeAws, agent: FakeAgent, kubernetes: FakeKubernetes) -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="spa-", dir=MEMORY) as name:
        folder = Path(name)
        flags = (
            "--driver-writes-secrets=false",
            f"--kubelet-path={folder}/kubelet",
            "--rotation-poll-interval=0s",
        )
        world = World(folder, aws, agent, kubernetes, flags)
        aws.cloud.put_secret("db", "one")
        aws.cloud.put_secret("more", "and more")
        yield world.start()
        world.close()


def test_the_files_are_there_and_none_are_in_the_answer(world: World) -> None:
    request = world.driver.request(Pod(), {"objects": DB})
    target = world.driver.target(Pod())
    target.mkdir(parents=True)
    answer = world.driver._stub.Mount(request, timeout=20)
    assert not answer.files
    assert [one.id for one in answer.object_version] == ["db"]
    assert (target / "db").read_bytes() == b"one"
    assert (target / "db").stat().st_mode & 0o7777 == 0o600


def test_a_rotation_and_an_object_that_is_gone_arrive(world: World) -> None:
    assert world.files(MORE, pathTranslation="False") == {"db": b"one", "deep/more": b"and more"}
    world.aws.cloud.put_secret("db", "two")
    assert world.files(DB, pathTranslation="False") == {"db": b"two"}
    assert not (world.driver.target(Pod()) / "deep").is_symlink()


def test_an_unchanged_remount_touches_nothing(world: World) -> None:
    world.files(DB)
    target = world.driver.target(Pod())
    before = target.stat().st_mtime_ns, (target / "..data").readlink()
    world.files(DB)
    assert (target.stat().st_mtime_ns, (target / "..data").readlink()) == before


def test_a_remount_that_fails_leaves_what_was_there(world: World) -> None:
    world.files(DB)
    world.aws.cloud.remove_secret("db")
    outcome = world.mount(DB)
    assert isinstance(outcome, Mounted)
    assert outcome.hidden is not None
    assert outcome.files == {"db": b"one"}


def test_a_volume_that_is_a_link_is_refused(world: World) -> None:
    target = world.driver.target(Pod())
    elsewhere = world.folder / "elsewhere"
    elsewhere.mkdir()
    target.parent.mkdir(parents=True)
    target.symlink_to(elsewhere)
    refusal = world.refusal(DB)
    assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
    assert list(elsewhere.iterdir()) == []


def test_another_pod_s_volume_is_refused(world: World) -> None:
    other = Pod(name="web-2", uid="2")
    world.files(DB, other)
    world.aws.cloud.put_secret("db", "two")
    request = world.driver.request(Pod(), {"objects": DB})
    request.target_path = str(world.driver.target(other))
    with pytest.raises(grpc.RpcError) as caught:
        world.driver._stub.Mount(request, timeout=20)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert (world.driver.target(other) / "db").read_bytes() == b"one"
