"""The status socket: who may read it, and that it comes back."""

import asyncio
import json
import signal
import socket
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

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
    answer: dict[str, Any] = json.loads(ask(path))
    return answer


async def ask_here(path: Path) -> bytes:
    return await asyncio.to_thread(ask, path)


async def document() -> bytes:
    return b"{}"


@pytest.fixture
async def status(volume: Path) -> AsyncIterator[StatusSocket]:
    one = StatusSocket(volume / ".aws-status", document)
    await one.start()
    yield one
    await one.close()


def test_a_daemon_tells_its_live_mounts_and_no_values(start: Start) -> None:
    daemon = start().serving()
    mount(daemon.socket, "db")
    failure(daemon.socket, "fail-AccessDenied")
    text = json.dumps(asked(daemon))
    answer = json.loads(text)
    (entry,) = answer["mounts"]
    assert (entry["namespace"], entry["pod"], entry["class"]) == ("default", "web-0", "web-secrets")
    assert entry["failing"] is True
    assert entry["lastError"]["reason"] == "AccessDenied"
    assert entry["lastError"]["text"] == "so it is"
    assert entry["objects"][0]["version"] == "1"
    assert entry["lastSuccess"] < entry["lastAttempt"]
    assert answer["provider"]["pid"] == daemon.pid
    assert "content of" not in text
    assert CANARY not in text


async def test_the_socket_is_for_root_alone(status: StatusSocket, volume: Path) -> None:
    mode = (volume / ".aws-status").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


async def test_a_socket_that_was_deleted_comes_back(volume: Path) -> None:
    path = volume / ".aws-status"
    status = StatusSocket(path, document)
    await status.start()
    path.unlink()
    while not path.exists():
        await asyncio.sleep(0.01)
    assert await ask_here(path) == b"{}"
    await status.close()
    assert list(volume.iterdir()) == []


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
    assert daemon.until("the status socket is not available")["level"] == "warning"
