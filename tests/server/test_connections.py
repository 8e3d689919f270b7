"""Strangers at the driver's socket get no answer, even where its mode lets them in."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import grpc
import pytest

from provider.server import connections as module
from provider.server.callers import Callers
from provider.server.connections import Connections
from tests.server.driver import driver, mount, mount_request
from tests.server.process import Process

Start = Callable[..., Process]

STRANGER = """
import os, sys
import grpc
from tests.server.driver import mount
os.setuid(65534)
try:
    mount(sys.argv[1])
except grpc.RpcError as error:
    sys.exit(str(error.code()))
"""


@contextmanager
def connected(folder: Path, name: str = ".aws.sock.123abc") -> Iterator[socket.socket]:
    """The near end of a connection to a socket bound as ours is; the far end is ours as well."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client,
    ):
        listener.bind(str(folder / name))
        listener.listen()
        client.connect(str(folder / name))
        accepted, _ = listener.accept()
        with accepted:
            yield client


class Nobody(Callers):
    """Admits nobody, ourselves included."""

    def __init__(self) -> None:
        super().__init__(())
        self._uids = frozenset()


def is_cut(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False


def test_those_admitted_are_left_alone(volume: Path) -> None:
    connections = Connections(volume / "aws.sock", Callers({0}))
    with connected(volume) as client:
        assert connections.cut_strangers(monotonic()) == 0
        assert connections.cut_strangers(monotonic()) == 0
        assert not is_cut(client)


def test_strangers_are_cut(volume: Path) -> None:
    with connected(volume) as client:
        assert Connections(volume / "aws.sock", Nobody()).cut_strangers(monotonic()) >= 1
        assert is_cut(client)


def test_a_look_since_the_call_came_in_is_enough(volume: Path) -> None:
    connections = Connections(volume / "aws.sock", Nobody())
    arrived = monotonic()
    connections.cut_strangers(arrived)
    with connected(volume) as client:
        assert connections.cut_strangers(arrived) == 0
        assert connections.cut_strangers(monotonic()) >= 1
        assert is_cut(client)


def test_other_sockets_are_none_of_its_business(volume: Path) -> None:
    with connected(volume, name="other") as client:
        assert Connections(volume / "aws.sock", Nobody()).cut_strangers(monotonic()) == 0
        assert not is_cut(client)


def test_without_a_list_of_descriptors_the_mode_has_to_do(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DESCRIPTORS", "/nowhere")
    assert Connections(volume / "aws.sock", Nobody()).cut_strangers(monotonic()) == 0


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a gRPC server that is bound as ours is."""
    address = f"unix:{folder}/.aws.sock.123abc"
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_insecure_port(address)
    server.start()
    yield address
    server.stop(None).wait(20)


@contextmanager
def grpc_connection(address: str) -> Iterator[None]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(address, options=options) as channel:
        grpc.channel_ready_future(channel).result(20)
        yield


def test_descriptors_are_listed_only_when_grpc_watches_others(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = Connections(volume / "aws.sock", Callers({0}))
    with served(volume) as address, grpc_connection(address):
        for _ in range(3):
            assert connections.cut_strangers(monotonic()) == 0
        monkeypatch.setattr(module, "_descriptors", lambda: pytest.fail("listed"))
        for _ in range(3):
            assert connections.cut_strangers(monotonic()) == 0
        monkeypatch.undo()
        with grpc_connection(address):
            monkeypatch.setattr(connections, "_callers", Nobody())
            assert connections.cut_strangers(monotonic()) == 1


def as_stranger(daemon: Process) -> str:
    """What a mount by another user ends in; the socket's mode is opened for it first."""
    daemon.volume.chmod(0o755)
    daemon.socket.chmod(0o666)
    command = [sys.executable, "-c", STRANGER, str(daemon.socket)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=40)
    return done.stderr.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's part")
def test_another_user_s_mount_is_not_answered_and_root_s_goes_on(start: Start) -> None:
    daemon = start().serving()
    with driver(daemon.socket) as stub:
        assert stub.Mount(mount_request(), timeout=20).files
        assert as_stranger(daemon) == "StatusCode.UNAVAILABLE"
        assert stub.Mount(mount_request(), timeout=20).files
    assert daemon.until("cut a stranger's connection")["uid"] == 65534
    assert not [line for line in daemon.log if line["message"] == "failed"]


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's part")
@pytest.mark.parametrize("users", ["any", "0,65534"])
def test_other_users_can_be_let_in(start: Start, users: str) -> None:
    daemon = start(f"--allowed-uids={users}").serving()
    assert as_stranger(daemon) == ""
    assert mount(daemon.socket).files
