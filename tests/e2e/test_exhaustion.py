"""The node runs out of something: a clear answer of a safe code, patience, and recovery."""

import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event

import grpc
import pytest

from testbed.driver import Driver, Mounted, Pod
from tests.e2e.conftest import Build
from tests.e2e.usage import back_to_normal, usage
from tests.e2e.world import STARVED, World
from tests.waiting import eventually

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
DB = "- {objectName: db, objectType: secretsmanager}\n"


@pytest.fixture
def world(build: Build) -> World:
    world = build("--rotation-poll-interval=0s", "--mount-timeout=5s")
    world.aws.cloud.put_secret("db", "value")
    return world


@contextmanager
def no_more_files(pid: int) -> Iterator[None]:
    """The process may not open anything."""
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))  # it has three since its birth
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def test_without_file_descriptors_mounts_fail_clearly_and_recover(world: World) -> None:
    world.start()
    world.files(DB)
    world.wait_until_asked_again()
    world.aws.stop()  # idle connections cannot be used any more
    world.aws.start()
    with back_to_normal(world.pid, threads=8), closing(socket.socket(socket.AF_UNIX)) as client:
        client.settimeout(20)
        with no_more_files(world.pid):
            refusal = world.refusal(DB, Pod(uid="2"))
            assert refusal.code is grpc.StatusCode.INTERNAL
            assert "Too many open files" in refusal.message
            before = usage(world.pid).cpu
            client.connect(str(world.socket))
            client.sendall(PREFACE)
            Event().wait(0.5)
            assert usage(world.pid).cpu - before < 0.25, "it does not spin where it cannot accept"
        assert world.files(DB, Pod(uid="2"))
        assert client.recv(1), "who came meanwhile has been accepted"


def test_without_threads_small_mounts_go_on_and_large_ones_recover(
    build: Build, tmp_path: Path
) -> None:
    world = build("--rotation-poll-interval=0s", main=STARVED)
    world.aws.cloud.put_secret("db", "value")
    world.environment = {"STARVED": str(tmp_path / "starved")}
    world.start()
    world.files(DB)
    (tmp_path / "starved").touch()
    with ThreadPoolExecutor(20) as kubelet:
        mounts = [kubelet.submit(world.files, DB, Pod(uid=str(number))) for number in range(40)]
        assert all(mount.result(40) == {"db": b"value"} for mount in mounts)
    large = f"{DB}#{2000 * ' '}\n"
    refusal = world.refusal(large)
    assert refusal.code is grpc.StatusCode.INTERNAL
    assert "the system gives this process no more threads" in refusal.message
    (tmp_path / "starved").unlink()
    assert world.files(large) == {"db": b"value"}


# ---- the disk -----------------------------------------------------------------------

UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--")


def may_mount() -> bool:
    return (
        shutil.which("unshare") is not None
        and subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    )


needs_mounts = pytest.mark.skipif(not may_mount(), reason="may not mount file systems here")


def within(script: str, folder: Path) -> tuple[str, ...]:
    """A command for the daemon with mounts of its own, made by `script` on `$folder`."""
    shell = f'folder="$0"; set -e; {script}; exec "$@"'
    return (*UNSHARE, "sh", "-c", shell, str(folder), sys.executable, "-m", "provider")


READ_ONLY = 'mount --bind "$folder" "$folder"; mount -o remount,bind,ro "$folder"'
FULL = 'mount -t tmpfs -o nr_inodes=1 none "$folder"'


@needs_mounts
@pytest.mark.parametrize(
    ("script", "said"),
    [(READ_ONLY, "Read-only file system"), (FULL, "No space left on device")],
    ids=["read-only", "full"],
)
def test_a_folder_that_takes_no_socket_is_told_at_the_start(
    tmp_path: Path, script: str, said: str
) -> None:
    command = [*within(script, tmp_path), f"--provider-volume={tmp_path}", "--metrics-address="]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    [line] = [one for one in done.stderr.splitlines() if not one.startswith("{")][-1:]
    assert line.startswith("secrets-provider-aws: cannot start: ")
    assert said in line


def filled(folder: Path) -> Iterator[Path]:
    """Files, until there is no room for more."""
    with suppress(OSError):
        for number in range(100):
            (folder / f"filler-{number}").touch()
            yield folder / f"filler-{number}"


@needs_mounts
def test_a_disk_that_fills_up_is_no_concern_of_a_running_daemon(world: World) -> None:
    tmpfs = 'mount -t tmpfs -o nr_inodes=16 none "$folder"'
    token = 'token=$(cat "$folder/token"); {}; echo "$token" > "$folder/token"'
    world.command = within(token.format(tmpfs), world.folder)
    world.start()
    inside = Path(f"/proc/{world.pid}/root") / world.folder.relative_to("/")
    fillers = list(filled(inside))
    with Driver(inside / "aws.sock", world.folder / "kubelet") as driver:
        mounted = driver.mount(Pod(), {"objects": DB})
        assert isinstance(mounted, Mounted), mounted
        (inside / "aws.sock").unlink()
        eventually(
            lambda: any("cannot make the socket again" in line for line in world.log),
            "the lack of room is told",
        )
        assert isinstance(driver.mount(Pod(), {"objects": DB}), Mounted), "still connected"
        for filler in fillers:
            filler.unlink()
        eventually((inside / "aws.sock").exists, "the socket is back")
    world.signal(signal.SIGTERM)
    assert world.ended() == 0
