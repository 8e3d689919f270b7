"""`status` against a daemon, and its table of a document."""

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from provider.csi.status.socket import StatusSocket
from provider.tools.status.tables import daemon_table, span
from provider.tools.terminal import Paint
from tests.cli.conftest import Run

PLAIN = Paint(is_on=False)

WELL: dict[str, Any] = {
    "namespace": "shop",
    "pod": "web-1",
    "podUid": "uid-1",
    "serviceAccount": "web",
    "class": "db",
    "target": "/t",
    "id": "1a2b3c4d",
    "identity": "role arn:aws:iam::111122223333:role/web of service account shop/web",
    "failing": False,
    "objects": [
        {
            "name": "db",
            "type": "secretsmanager",
            "id": "db",
            "region": "eu-west-1",
            "version": "f1c2-v1",
        }
    ],
    "objectCount": 1,
    "firstSeen": "2026-01-02T03:00:00Z",
    "lastAttempt": "2026-01-02T03:59:30Z",
    "lastSuccess": "2026-01-02T03:59:30Z",
    "lastKnownCurrent": "2026-01-02T03:59:30Z",
    "fromMemory": True,
    "failures": 0,
    "lastError": None,
}
ERROR = 'objects[0] "db" (secretsmanager, eu-west-1): AccessDeniedException: ' + "word " * 60
FAILING = WELL | {
    "pod": "web-2",
    "failing": True,
    "failures": 12,
    "lastSuccess": "2026-01-02T03:40:00Z",
    "lastError": {"reason": "AccessDenied", "text": ERROR, "at": "2026-01-02T03:59:30Z"},
}
NEVER = FAILING | {"pod": "web-3", "lastSuccess": None, "failures": 1, "objects": []}


def document(*mounts: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": 1,
        "now": "2026-01-02T04:00:00Z",
        "provider": {
            "version": "0.1.0",
            "pid": 1,
            "node": "node-1",
            "started": "2026-01-02T01:00:00Z",
            "mountsInProgress": 1,
            "mountsWaiting": 0,
        },
        "mounts": list(mounts),
    }


def test_a_mount_is_a_line_with_its_identity_and_objects_below() -> None:
    lines = daemon_table(document(WELL), PLAIN, 120).splitlines()
    assert lines[0] == "1 live mount, 0 failing, 1 under way; version 0.1.0 on node-1, up 3h"
    assert [line.split() for line in lines[2:4]] == [
        ["POD", "CLASS", "STATE", "SUCCESS", "ATTEMPT"],
        ["shop/web-1", "db", "ok", "30s", "ago", "30s", "ago"],
    ]
    assert lines[4].strip() == f"as {WELL['identity']}"
    assert lines[5].split() == ["db", "f1c2-v1", "secretsmanager", "eu-west-1"]


def test_an_error_is_never_cut() -> None:
    for width in (20, 80, 200):
        text = daemon_table(document(FAILING, WELL), PLAIN, width)
        assert " ".join(ERROR.split()) in " ".join(text.split())
        assert "AccessDenied, 12 times in a row, id 1a2b3c4d:" in " ".join(text.split())


def test_texts_are_wrapped_at_the_width_of_the_terminal() -> None:
    lines = daemon_table(document(FAILING), PLAIN, 60).splitlines()[4:]
    assert max(map(len, lines)) <= 60


def test_failed_and_failing_mounts_differ() -> None:
    text = daemon_table(document(FAILING, NEVER), PLAIN, 120)
    assert "web-2  db     failing  20m ago" in text
    assert "web-3  db     failed   never" in text


def test_a_past_failure_is_one_line() -> None:
    past = WELL | {"lastError": FAILING["lastError"] | {"at": "2026-01-02T03:30:00Z"}}
    text = daemon_table(document(past), PLAIN, 120)
    assert "last failure 30m ago: AccessDenied" in text
    assert ERROR not in text


def test_control_characters_in_names_are_escaped() -> None:
    evil = FAILING | {"pod": "a\x1b[2J", "lastError": {**FAILING["lastError"], "text": "x\x1b]0;"}}
    assert "\x1b" not in daemon_table(document(evil), PLAIN, 120)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (59, "59s"), (119, "119s"), (120, "2m"), (7200, "2h"), (3 * 86400, "3d")],
)
def test_durations_have_one_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.fixture
def serve(short: Path) -> Iterator[Callable[[bytes], Path]]:
    """Serves a document at a socket, as the daemon does."""
    with asyncio.Runner() as runner, ExitStack() as stack:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(loop.call_soon_threadsafe, loop.stop)

        def start(content: bytes) -> Path:
            async def document() -> bytes:
                return content

            status = StatusSocket(short / ".aws-status", document)
            asyncio.run_coroutine_threadsafe(status.start(), loop).result()
            close = lambda: asyncio.run_coroutine_threadsafe(status.close(), loop).result()  # noqa: E731
            stack.callback(close)
            return short / ".aws-status"

        yield start


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="sp-") as folder:
        yield Path(folder)


@pytest.fixture
def status(command: Run) -> Run:
    """Runs `status`."""
    return lambda *arguments: command("status", *arguments)


def test_it_asks_the_daemon(serve: Callable[[bytes], Path], status: Run) -> None:
    path = serve(json.dumps(document(FAILING)).encode())
    result = status("--socket", path)
    assert (result.code, result.err) == (0, "")
    assert "shop/web-2" in result.out


@pytest.mark.parametrize("option", ["--json", "--output=json"])
def test_json_is_the_document_itself(
    serve: Callable[[bytes], Path], status: Run, option: str
) -> None:
    path = serve(json.dumps(document(FAILING)).encode())
    result = status(option, "--socket", path)
    assert json.loads(result.out) == document(FAILING)


def test_watching_shows_it_again_and_ends_when_the_daemon_does(
    serve: Callable[[bytes], Path],
) -> None:
    path = serve(json.dumps(document(WELL)).encode())
    command = [sys.executable, "-m", "provider", "status", "--json", "--watch=100ms"]
    with subprocess.Popen(
        [*command, f"--socket={path}"], stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        for _ in range(3):
            assert json.loads(watching.stdout.readline()) == document(WELL)
        watching.kill()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is for root only"),
        (b"hello", "is not this provider"),
        (b'{"format": 2}', "another version"),
        (b"[]", "another version"),
    ],
    ids=["refused", "no JSON", "newer", "a list"],
)
def test_an_unusable_answer_is_reported(
    serve: Callable[[bytes], Path], status: Run, content: bytes, message: str
) -> None:
    result = status("--socket", serve(content))
    assert result.code == 3
    assert message in result.err


def test_a_missing_daemon_is_reported(status: Run, short: Path) -> None:
    path = short / "socket"
    assert f"there is no socket at {path}" in status("--socket", path).err
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    result = status("--socket", path)
    assert result.code == 3
    assert "no process listens" in result.err


def test_what_sends_without_end_is_left(
    status: Run, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provider.tools.status.command.TIMEOUT", 0.1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(short / "socket"))
        listener.listen()
        thread = threading.Thread(target=_send_forever, args=(listener,))
        thread.start()
        result = status("--socket", short / "socket")
        thread.join()
    assert (result.code, "it took too long" in result.err) == (3, True)


def test_a_path_that_no_socket_can_have(status: Run) -> None:
    result = status("--socket", f"/{'x' * 200}")
    assert (result.code, "AF_UNIX path too long" in result.err) == (3, True)


def _send_forever(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        while True:
            connection.sendall(b" ")


def test_a_wrong_command_line_is_refused(status: Run) -> None:
    assert status("--watch=soon").code == 2
    assert status("pods").code == 2
