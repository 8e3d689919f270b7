"""Which daemon has the socket, and which may remove it."""

import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from provider.csi.server import socket_file as module
from provider.csi.server.socket_file import STALE_SECONDS, SocketFile
from provider.runtime.process import StartFailed


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as one:
        yield one


class Listener:
    """Binds sockets, as gRPC does, and keeps them open."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.sockets: list[socket.socket] = []

    def __call__(self, path: str) -> None:
        one = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        one.bind(path)
        one.listen()
        self.sockets.append(one)


def claim(file: SocketFile, listen: Listener) -> None:
    file.put_in_place(file.bind(listen))


def test_a_claimed_path_is_ours_and_for_its_owner_alone(volume: Path, stack: ExitStack) -> None:
    file = SocketFile(volume / "aws.sock")
    assert file.holder() == "nobody"
    umask = os.umask(0o022)
    claim(file, Listener(stack))
    assert file.holder() == "ours"
    assert [one.name for one in volume.iterdir()] == ["aws.sock"]
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert os.umask(umask) == 0o022, "the umask is as it was"


def test_folders_that_other_threads_make_meanwhile_can_be_entered(volume: Path) -> None:
    """The umask is that of the process."""

    def bind(path: str) -> None:
        Path(path).touch()
        assert not Path(path).stat().st_mode & 0o077, "nobody else connects before its mode is set"
        (volume / "folder").mkdir(0o700)

    SocketFile(volume / "aws.sock").bind(bind)
    assert stat.S_IMODE((volume / "folder").stat().st_mode) == 0o700


async def test_the_last_to_claim_has_it_and_no_other_removes_it(
    volume: Path, stack: ExitStack
) -> None:
    old, new = SocketFile(volume / "aws.sock"), SocketFile(volume / "aws.sock")
    claim(old, Listener(stack))
    claim(new, Listener(stack))
    assert old.holder() == "others"
    await old.give_up()
    assert new.is_ours()
    await new.give_up()
    assert old.holder() == "nobody"


def test_the_socket_of_a_dead_daemon_is_nobodys(volume: Path, stack: ExitStack) -> None:
    old, new = SocketFile(volume / "aws.sock"), SocketFile(volume / "aws.sock")
    claim(old, Listener(stack))
    listener = Listener(stack)
    claim(new, listener)
    listener.sockets[0].close()
    assert old.holder() == "nobody"


def test_a_folder_at_the_path_is_others(volume: Path) -> None:
    (volume / "aws.sock").mkdir()
    assert SocketFile(volume / "aws.sock").holder() == "others"


def test_only_what_killed_daemons_left_is_removed(volume: Path, stack: ExitStack) -> None:
    listener = Listener(stack)
    names = (".aws.sock.dead01", ".aws.sock.live01", ".aws.sock.young1", ".other.sock.dead01")
    for name in names:
        listener(str(volume / name))
    for number in (0, 2, 3):
        listener.sockets[number].close()
    for name in (names[0], names[1], names[3]):
        old = (volume / name).stat().st_mtime - 2 * STALE_SECONDS
        os.utime(volume / name, (old, old))
    (volume / ".aws.sock.file").touch()
    os.utime(volume / ".aws.sock.file", (0, 0))
    claim(SocketFile(volume / "aws.sock"), listener)
    assert {one.name for one in volume.iterdir()} == {
        "aws.sock",
        ".aws.sock.live01",
        ".aws.sock.young1",
        ".other.sock.dead01",
        ".aws.sock.file",
    }


def test_a_link_in_place_of_the_socket_is_replaced_not_followed(
    volume: Path, stack: ExitStack
) -> None:
    (volume / "elsewhere").touch()
    (volume / "aws.sock").symlink_to(volume / "elsewhere")
    claim(SocketFile(volume / "aws.sock"), Listener(stack))
    assert not (volume / "aws.sock").is_symlink()
    assert (volume / "elsewhere").read_bytes() == b""


def test_a_failed_bind_is_a_failed_start(volume: Path) -> None:
    def refuse(path: str) -> None:
        raise RuntimeError("Failed to bind to address")

    with pytest.raises(StartFailed, match="cannot make a socket in"):
        SocketFile(volume / "aws.sock").bind(refuse)


@pytest.mark.parametrize("name", ["n" * 100, "aws.sock"], ids=["too long", "refused"])
def test_a_failure_has_the_same_text_at_each_attempt(volume: Path, name: str) -> None:
    """Only new texts are logged while the socket is looked after."""

    def refuse(path: str) -> None:
        raise RuntimeError(f"Failed to bind to address {path}")

    file, texts = SocketFile(volume / name), set()
    for _ in range(2):
        with pytest.raises(StartFailed) as failed:
            file.bind(refuse)
        texts.add(str(failed.value))
    assert len(texts) == 1


async def test_a_socket_that_cannot_be_made_is_in_the_log_once(
    volume: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLOW_LOOK_SECONDS", 0.0)
    file, why, tried = SocketFile(volume / "aws.sock"), ["full", "full", "denied"], asyncio.Event()

    async def make() -> None:
        if not why:
            tried.set()
        raise StartFailed(why.pop(0) if why else "denied")

    file.keep(make)
    async with asyncio.timeout(10):
        await tried.wait()
    await file.give_up()
    assert [vars(record)["fields"]["error"] for record in caplog.records] == ["full", "denied"]


async def test_another_daemon_that_takes_the_socket_is_in_the_log_once(
    volume: Path,
    stack: ExitStack,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SLOW_LOOK_SECONDS", 0.0)
    caplog.set_level("INFO", "provider")
    file = SocketFile(volume / "aws.sock")
    for one in (file, SocketFile(file.path)):
        claim(one, Listener(stack))

    async def make() -> None:
        raise AssertionError("somebody listens")

    file.keep(make)
    for _ in range(10):
        await asyncio.sleep(0)
    await file.give_up()
    assert caplog.messages == ["another daemon has taken the socket over"]
