"""A real process, real sockets, real signals."""

import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from provider.csi.server.probe import probe
from tests.csi.server.driver import driver, failure, mount, mount_request, version
from tests.csi.server.process import Process
from tests.forked import run
from tests.waiting import eventually

Start = Callable[..., Process]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Process]:
    """For tests that leave it as it was."""
    with tempfile.TemporaryDirectory(prefix="sp-") as folder:
        process = Process(Path(folder), "--mount-workers=2")
        try:
            yield process.serving()
        finally:
            process.close()


def inode(path: Path) -> int:
    return path.stat().st_ino


def test_it_answers_the_driver(daemon: Process) -> None:
    answer = version(daemon.socket)
    assert (answer.version, answer.runtime_name) == ("v1alpha1", "secrets-provider-aws")
    assert answer.runtime_version
    response = mount(daemon.socket)
    assert [(one.id, one.version) for one in response.object_version] == [("secret", "1")]
    assert [(one.path, one.mode) for one in response.files] == [("secret", 0o640)]


def test_the_socket_is_for_root_alone(daemon: Process) -> None:
    mode = daemon.socket.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_sigterm_ends_it_and_removes_the_socket(start: Start) -> None:
    daemon = start().serving()
    daemon.signal(signal.SIGTERM)
    assert daemon.ended() == 0
    assert list(daemon.volume.iterdir()) == []
    assert daemon.said("stopped")


def test_sigint_does_the_same(start: Start) -> None:
    daemon = start().serving()
    daemon.signal(signal.SIGINT)
    assert daemon.ended() == 0


def test_a_mount_under_way_finishes_on_sigterm(start: Start) -> None:
    daemon = start().serving()
    target = daemon.volume / "target"
    with driver(daemon.socket) as stub:
        under_way = stub.Mount.future(mount_request("hold", target))
        eventually((daemon.volume / "held").exists, "the mount is under way")
        daemon.signal(signal.SIGTERM)
        daemon.until("stopping")
        eventually(lambda: not daemon.socket.exists(), "the path is given up")
        (daemon.volume / "release").touch()
        assert under_way.result(20).files[0].path == "hold"
    assert daemon.ended() == 0


def test_a_drain_is_bounded_and_what_it_cuts_short_gets_an_answer(start: Start) -> None:
    daemon = start("--drain-timeout=100ms").serving()
    with driver(daemon.socket) as stub:
        under_way = stub.Mount.future(mount_request("hold", daemon.volume / "target"))
        eventually((daemon.volume / "held").exists, "the mount is under way")
        daemon.signal(signal.SIGTERM)
        assert under_way.code() is grpc.StatusCode.INTERNAL
        assert under_way.details().startswith("the provider is being stopped")
    assert daemon.ended() == 0
    line = daemon.said("mounts cut short")
    assert line is not None
    assert line["mounts"] == 1


MANY = 500
CHANNELS = 6


def test_everyone_of_many_waiting_mounts_gets_a_safe_answer_when_it_stops(start: Start) -> None:
    daemon = start("--drain-timeout=200ms", "--mount-workers=8").serving()
    with ExitStack() as stack:
        stubs = [stack.enter_context(driver(daemon.socket)) for _ in range(CHANNELS)]
        calls = [
            stubs[number % CHANNELS].Mount.future(
                mount_request("hold", daemon.volume / f"target{number}"), timeout=60
            )
            for number in range(MANY)
        ]
        eventually(
            lambda: f"mounts_waiting {MANY - 8}.0".encode() in get(daemon, "/metrics")[1],
            "all wait",
        )
        daemon.signal(signal.SIGTERM)
        answers = Counter((call.code(), str(call.details())[:29]) for call in calls)
        assert answers == {(grpc.StatusCode.INTERNAL, "the provider is being stopped"): MANY}
    assert daemon.ended() == 0


def test_a_mount_that_comes_during_the_drain_is_answered(start: Start) -> None:
    daemon = start("--drain-timeout=1h").serving()
    with driver(daemon.socket) as stub:
        first = stub.Mount.future(mount_request("hold", daemon.volume / "target"))
        eventually((daemon.volume / "held").exists, "the mount is under way")
        daemon.signal(signal.SIGTERM)
        daemon.until("stopping")
        assert stub.Mount(mount_request(), timeout=20).files
        (daemon.volume / "release").touch()
        assert first.result(20).files
    assert daemon.ended() == 0


@pytest.mark.parametrize("other", [{"namespace": "bank"}, {"account": "other"}], ids=str)
def test_slow_mounts_of_a_service_account_do_not_delay_another(
    daemon: Process, tmp_path: Path, other: dict[str, str]
) -> None:
    with driver(daemon.socket) as stub:
        slow = [
            stub.Mount.future(mount_request("hold", tmp_path / f"target{number}"))
            for number in range(100)
        ]
        eventually((tmp_path / "held").exists, "its mounts are under way")
        assert stub.Mount(mount_request(**other), timeout=20).files
        (tmp_path / "release").touch()
        assert all(one.result(20).files for one in slow)


def test_no_namespace_fills_the_queue_alone(start: Start) -> None:
    daemon = start("--mount-workers=1", "--max-waiting-mounts=20").serving()
    with driver(daemon.socket) as stub:
        calls = [
            stub.Mount.future(mount_request("hold", daemon.volume / f"target{number}"))
            for number in range(30)
        ]
        refused = as_done(calls, 20)
        assert {call.code() for call in refused} == {grpc.StatusCode.INTERNAL}
        assert stub.Mount(mount_request(namespace="bank"), timeout=20).files
        (daemon.volume / "release").touch()
        assert sum(call.code() is grpc.StatusCode.OK for call in calls) == 10


def as_done(calls: list[Any], number: int) -> list[Any]:
    """The first calls that end."""
    eventually(lambda: sum(call.done() for call in calls) >= number, f"{number} calls are done")
    return [call for call in calls if call.done()]


def test_the_process_has_few_threads(daemon: Process) -> None:
    with driver(daemon.socket) as stub:
        calls = [stub.Mount.future(mount_request(f"s{number}")) for number in range(100)]
        assert all(call.result(20).files for call in calls)
    assert get(daemon, "/readyz")[0] == 200
    assert len(list(Path(f"/proc/{daemon.pid}/task").iterdir())) <= 16


def test_sigusr1_writes_the_stacks(daemon: Process) -> None:
    daemon.signal(signal.SIGUSR1)
    eventually(lambda: any("most recent call first" in line for line in daemon.raw), "the stacks")
    assert mount(daemon.socket).files


def test_the_probe_asks_through_the_socket(daemon: Process) -> None:
    assert probe(daemon.socket, 20) is None
    assert "there is no socket" in str(probe(daemon.volume / "other.sock", 1))
    with closing(socket.socket(socket.AF_UNIX)) as silent:
        silent.bind(str(daemon.volume / "silent.sock"))
        assert "no process listens" in str(probe(daemon.volume / "silent.sock", 1))
        silent.listen()
        assert "took too long" in str(probe(daemon.volume / "silent.sock", 0.1))


def test_the_probe_imports_no_grpc() -> None:
    code = "import sys; from provider.csi.server.probe import probe; print('grpc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_second_signal_ends_it_at_once(start: Start) -> None:
    daemon = start("--drain-timeout=1h").serving()
    with driver(daemon.socket) as stub:
        under_way = stub.Mount.future(mount_request("hold", daemon.volume / "target"))
        eventually((daemon.volume / "held").exists, "the mount is under way")
        daemon.signal(signal.SIGTERM)
        daemon.until("stopping")
        daemon.signal(signal.SIGTERM)
        assert daemon.ended() == 128 + signal.SIGTERM
        assert under_way.code() is not None


def test_a_deleted_socket_comes_back(start: Start) -> None:
    daemon = start().serving()
    with driver(daemon.socket) as stub:
        under_way = stub.Mount.future(mount_request("hold", daemon.volume / "target"))
        eventually((daemon.volume / "held").exists, "a mount is under way")
        daemon.socket.unlink()
        daemon.until("the socket was gone and has been made again", socket=str(daemon.socket))
        assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600
        assert mount(daemon.socket).files
        (daemon.volume / "release").touch()
        assert under_way.result(20).files[0].path == "hold"
    daemon.socket.unlink()
    eventually(daemon.socket.exists, "it comes back a second time")
    assert mount(daemon.socket).files


def test_the_folder_deleted_with_it_comes_back_too(volume: Path) -> None:
    daemon = Process(volume / "folder")
    try:
        daemon.serving()
        daemon.volume.rename(volume / "gone")  # at once: the daemon makes files meanwhile
        daemon.until("the socket was gone and has been made again", socket=str(daemon.socket))
        assert mount(daemon.socket).files
    finally:
        daemon.close()


def test_the_newer_daemon_takes_over_and_nothing_fails(start: Start) -> None:
    old = start().serving()
    before = inode(old.socket)
    with driver(old.socket) as stub:
        under_way = stub.Mount.future(mount_request("hold", old.volume / "target"))
        eventually((old.volume / "held").exists, "a mount is under way")
        new = start().serving()
        assert inode(new.socket) != before
        assert mount(new.socket).files
        old.until("another daemon has taken the socket over", socket=str(old.socket))
        old.signal(signal.SIGTERM)
        old.until("stopping")
        (old.volume / "release").touch()
        assert under_way.result(20).files[0].path == "hold"
    assert old.ended() == 0
    assert mount(new.socket).files, "the old one left the new one's socket alone"


def test_mounts_never_fail_during_a_rolling_update(start: Start) -> None:
    old = start().serving()
    with ThreadPoolExecutor(4) as pool:
        stop = False

        def keep_mounting() -> int:
            done = 0
            with driver(old.socket) as stub:
                while not stop:
                    stub.Mount(mount_request(), timeout=20, wait_for_ready=True)
                    done += 1
            return done

        workers = [pool.submit(keep_mounting) for _ in range(4)]
        start().serving()
        old.signal(signal.SIGTERM)
        assert old.ended() == 0
        stop = True
        assert all(worker.result(20) for worker in workers)


def test_a_killed_daemon_leaves_nothing_in_the_way_of_the_next(start: Start) -> None:
    killed = start().serving()
    killed.signal(signal.SIGKILL)
    killed.ended()
    assert killed.socket.exists()
    assert mount(start().serving().socket).files


def test_the_older_daemon_takes_over_from_a_killed_newer_one(start: Start) -> None:
    old = start().serving()
    new = start().serving()
    old.until("another daemon has taken the socket over", socket=str(old.socket))
    new.signal(signal.SIGKILL)
    old.until("the socket was gone and has been made again", socket=str(old.socket))
    assert mount(old.socket).files


def test_version_and_health_answer_while_every_worker_is_busy(
    daemon: Process, tmp_path: Path
) -> None:
    with driver(daemon.socket) as stub:
        waiting = [
            stub.Mount.future(mount_request("hold", tmp_path / f"target{number}"))
            for number in range(6)
        ]
        eventually((tmp_path / "held").exists, "workers are busy")
        assert version(daemon.socket).version == "v1alpha1"
        assert get(daemon, "/readyz")[0] == 200
        eventually(lambda: b"mounts_waiting 4.0" in get(daemon, "/metrics")[1], "four wait")
        (tmp_path / "release").touch()
        assert all(one.result(20).files for one in waiting)


def test_more_mounts_than_may_wait_are_refused_with_a_safe_status(start: Start) -> None:
    daemon = start("--mount-workers=1", "--max-waiting-mounts=3").serving()
    with driver(daemon.socket) as stub:
        first = stub.Mount.future(mount_request("hold", daemon.volume / "target"))
        eventually((daemon.volume / "held").exists, "the worker is busy")
        second = stub.Mount.future(mount_request())
        eventually(lambda: b"mounts_waiting 1.0" in get(daemon, "/metrics")[1], "one waits")
        code, text = failure(daemon.socket, "secret")
        assert code is grpc.StatusCode.INTERNAL
        assert text.startswith("2 mounts (--max-waiting-mounts) are waiting on this node")
        (daemon.volume / "release").touch()
        assert first.result(20).files
        assert second.result(20).files


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")


def headers_of_mount() -> bytes:
    """An HTTP/2 HEADERS frame that begins a call of Mount, whose message never comes."""
    pairs = {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/v1alpha1.CSIDriverProvider/Mount",
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    block = b"".join(
        b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(text)]) + text.encode()
        for name, text in pairs.items()
    )
    return len(block).to_bytes(3, "big") + bytes.fromhex("010400000001") + block


@pytest.mark.parametrize(
    "part",
    [b"", PREFACE[:7], PREFACE, PREFACE + headers_of_mount(), b"GET / HTTP/1.1\r\n\r\n"],
    ids=["nothing", "half a preface", "a preface", "a call without a message", "HTTP/1"],
)
def test_half_written_requests_stand_in_nobodys_way(daemon: Process, part: bytes) -> None:
    for _ in range(5):
        with closing(socket.socket(socket.AF_UNIX)) as client:
            client.connect(str(daemon.socket))
            client.sendall(part)
            client.settimeout(20)
            if part.startswith(PREFACE):
                assert client.recv(1024), "it has read the preface"
    assert mount(daemon.socket).files


def test_two_hundred_mounts_at_once(daemon: Process) -> None:
    with driver(daemon.socket) as stub:
        under_way = [stub.Mount.future(mount_request(f"s{number}")) for number in range(200)]
        names = {one.result(30).files[0].path for one in under_way}
    assert names == {f"s{number}" for number in range(200)}


def get(daemon: Process, path: str) -> tuple[int, bytes]:
    with socket.create_connection(daemon.web, timeout=10) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_ready_is_who_has_the_socket(start: Start) -> None:
    old = start().serving()
    assert get(old, "/healthz") == (200, b"ok\n")
    assert get(old, "/readyz") == (200, b"ok\n")
    new = start().serving()
    eventually(lambda: get(old, "/readyz")[0] == 503, "the old one is not ready any more")
    assert get(old, "/healthz")[0] == 200
    assert get(new, "/readyz")[0] == 200


def test_not_ready_while_the_socket_cannot_be_made_again(start: Start) -> None:
    daemon = start().serving()
    daemon.socket.unlink()
    daemon.socket.mkdir()
    (daemon.socket / "in the way").touch()
    eventually(lambda: get(daemon, "/readyz")[0] == 503, "not ready")
    (daemon.socket / "in the way").unlink()
    daemon.socket.rmdir()
    eventually(lambda: get(daemon, "/readyz")[0] == 200, "ready again")


def test_without_file_descriptors_it_waits_for_better_times(start: Start) -> None:
    daemon = start().serving()
    assert mount(daemon.socket).files
    used = {int(path.name) for path in Path(f"/proc/{daemon.pid}/fd").iterdir()}
    lowest_free = min(set(range(len(used) + 1)) - used)
    few = lowest_free - 2  # the connection of the mount is closed meanwhile
    limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (few, limit_of_files()))
    daemon.socket.unlink()
    daemon.until("cannot make the socket again")
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
    daemon.until("the socket was gone and has been made again", socket=str(daemon.socket))
    assert mount(daemon.socket).files


def limit_of_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def test_watchers_of_the_health_do_not_delay_mounts(daemon: Process) -> None:
    with grpc.insecure_channel(f"unix:{daemon.socket}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        services = ("", "v1alpha1.CSIDriverProvider", "other") * 20
        request = health_pb2.HealthCheckRequest
        watches = [health.Watch(request(service=service), timeout=20) for service in services]
        assert [next(watch).status for watch in watches] == [1, 1, 3] * 20
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=20).status == 1
        assert mount(daemon.socket).files


def test_the_health_service(daemon: Process) -> None:
    with grpc.insecure_channel(f"unix:{daemon.socket}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "v1alpha1.CSIDriverProvider"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=20)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            health.Check(health_pb2.HealthCheckRequest(service="other"), timeout=20)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def failed_start(*flags: str) -> tuple[int, str]:
    done = run("--log-level=error", *flags, main="tests.csi.server.stub:main")
    return done.code, done.err


@pytest.mark.parametrize(
    ("volume_name", "message"),
    [
        ("file/sub", "cannot make the folder"),
        ("file", "cannot make the folder"),
        ("x" * 100, "the path of the socket is too long"),
    ],
    ids=["inside a file", "a file", "too long"],
)
def test_a_failed_start_is_one_clear_line(volume: Path, volume_name: str, message: str) -> None:
    (volume / "file").touch()
    code, err = failed_start(f"--provider-volume={volume / volume_name}", "--metrics-address=")
    assert code == 1
    assert err.startswith(f"secrets-provider-aws: cannot start: {message}")
    assert err.count("\n") == 1


def test_a_folder_in_place_of_the_socket_is_told(volume: Path) -> None:
    (volume / "aws.sock").mkdir()
    code, err = failed_start(f"--provider-volume={volume}", "--metrics-address=")
    assert code == 1
    assert err.startswith("secrets-provider-aws: cannot start: cannot put the socket at")
    assert [one.name for one in volume.iterdir()] == ["aws.sock"]


def test_what_its_parts_lack_is_told(volume: Path) -> None:
    flags = ("--metrics-address=", "--eks-addon-version=broken")
    code, err = failed_start(f"--provider-volume={volume}", *flags)
    assert code == 1
    assert "No such file or directory: '/etc/ca.crt'" in err
    assert err.count("\n") == 1


def test_a_taken_port_is_told(volume: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = failed_start(
            f"--provider-volume={volume}", f"--metrics-address=127.0.0.1:{port}"
        )
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port} (--metrics-address)" in err
    assert list(volume.iterdir()) == []


def test_a_missing_folder_is_made(volume: Path) -> None:
    daemon = Process(volume / "not" / "yet")
    try:
        assert mount(daemon.serving().socket).files
    finally:
        daemon.close()


def test_signals_before_it_serves_are_not_lost(start: Start) -> None:
    daemon = start()
    daemon.until("starting")
    daemon.signal(signal.SIGTERM)
    assert daemon.ended() == 0
