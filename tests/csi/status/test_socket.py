"""The socket that tells the status: to whom, and that nothing takes it away for long."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.server import status_socket
from provider.server.callers import Callers
from provider.csi.status.socket import StatusSocket
from tests.csi.server.driver import CANARY, failure, mount
from tests.csi.server.process import Process
from tests.waiting import eventually

Start = Callable[..., Process]


def ask(path: Path) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(20)
        client.connect(str(path))
        return b"".join(iter(lambda: client.recv(65536), b""))


def asked(daemon: Process) -> dict[str, Any]:
    path = daemon.volume / ".aws-status"
    eventually(path.exists, "the status socket is there")
    document: dict[str, Any] = json.loads(ask(path))
    return document


@pytest.fixture
def status(volume: Path) -> Iterator[StatusSocket]:
    one = StatusSocket(volume / ".aws-status", Callers({0}), lambda: b"{}")
    one.start()
    yield one
    one.stop()


def test_a_daemon_tells_its_live_mounts_and_no_values(start: Start) -> None:
    daemon = start().serving()
    mount(daemon.socket, "db")
    failure(daemon.socket, "fail-AccessDenied")
    text = json.dumps(asked(daemon))
    document = json.loads(text)
    (entry,) = document["mounts"]
    assert (entry["namespace"], entry["pod"], entry["class"]) == ("default", "web-0", "web-secrets")
    assert entry["failing"] is True
    assert entry["lastError"]["reason"] == "AccessDenied"
    assert entry["lastError"]["text"] == "so it is"
    assert entry["objects"][0]["version"] == "1"
    assert entry["lastSuccess"] < entry["lastAttempt"]
    assert document["provider"]["pid"] == daemon.pid
    assert "content of" not in text
    assert CANARY not in text


def test_the_socket_is_for_root_alone(status: StatusSocket, volume: Path) -> None:
    mode = (volume / ".aws-status").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's part")
def test_another_user_is_told_nothing_even_where_the_mode_lets_it_in(
    status: StatusSocket, volume: Path
) -> None:
    volume.chmod(0o755)
    path = volume / ".aws-status"
    path.chmod(0o666)
    code = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
        "s.connect(sys.argv[1]); sys.exit(s.recv(10) != b'')"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=20)
    assert ask(path) == b"{}"


def test_a_caller_that_does_not_read_holds_others_up_for_a_bounded_time(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_socket, "SEND_SECONDS", 0.1)
    path = volume / ".aws-status"
    one = StatusSocket(path, Callers({0}), lambda: bytes(4 * 2**20))
    one.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as idle:
        idle.connect(str(path))
        assert len(ask(path)) == 4 * 2**20
    one.stop()


def test_a_document_that_cannot_be_made_ends_no_thread(volume: Path) -> None:
    failures = iter([ValueError("canary")])

    def document() -> bytes:
        for one in failures:
            raise one
        return b"{}"

    path = volume / ".aws-status"
    status = StatusSocket(path, Callers({0}), document)
    status.start()
    assert ask(path) == b""
    assert ask(path) == b"{}"
    status.stop()


def test_a_socket_that_was_deleted_comes_back(status: StatusSocket, volume: Path) -> None:
    path = volume / ".aws-status"
    path.unlink()
    eventually(path.exists, "it is back")
    assert ask(path) == b"{}"


def test_the_newest_daemon_tells_and_the_old_one_leaves_it_its_socket(start: Start) -> None:
    old = start().serving()
    asked(old)
    new = start().serving()
    eventually(lambda: asked(new)["provider"]["pid"] == new.pid, "the new one tells")
    old.signal(signal.SIGTERM)
    assert old.ended() == 0
    assert asked(new)["provider"]["pid"] == new.pid


def test_a_daemon_that_cannot_have_the_socket_serves_all_the_same(start: Start) -> None:
    name = "n" * 76  # the other one has three bytes more
    daemon = start(f"--socket-name={name}.sock")
    daemon.until("serving")
    assert daemon.until("status cannot be asked for")["level"] == "warning"
