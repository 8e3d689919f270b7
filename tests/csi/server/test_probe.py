"""The probe, held against sockets that answer as a daemon does, wrongly, or not at all."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provider.csi.server.probe import probe

DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7


def frame(kind: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, 0]) + b"\0\0\0\1" + payload


VERSION = frame(DATA, b"\0\0\0\0\x0a\x0a\x08v1alpha1")
GREETING = frame(SETTINGS) + frame(HEADERS, b"\x88")


@contextmanager
def answering(path: Path, *pieces: bytes) -> Iterator[None]:
    """A socket that sends the pieces, each by itself, to one client and closes."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            with listener.accept()[0] as client:
                client.recv(4096)
                try:
                    for piece in pieces:
                        client.sendall(piece)
                except OSError:
                    return  # the probe has seen enough

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            thread.join()


@pytest.mark.parametrize(
    "pieces",
    [(GREETING + VERSION,), tuple(bytes([one]) for one in GREETING + VERSION)],
    ids=["at once", "byte by byte"],
)
def test_the_version_is_an_answer(tmp_path: Path, pieces: tuple[bytes, ...]) -> None:
    path = tmp_path / "aws.sock"
    with answering(path, *pieces):
        assert probe(path, 5) is None


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (GREETING,),
        (GREETING + frame(RST_STREAM, b"\0\0\0\2") + VERSION,),
        (frame(GOAWAY, b"\0" * 8) + VERSION,),
        (GREETING + frame(DATA, b"\0\0\0\0\x0a\x0a\x08v1beta42") + VERSION,),
        (b"HTTP/1.1 400 Bad Request\r\n\r\nv1alpha1",),
        (*[frame(HEADERS, b"\0" * 4000)] * 40, VERSION),
    ],
    ids=["closes", "no data", "reset", "goes away", "other version", "HTTP/1", "floods"],
)
def test_anything_else_is_none(tmp_path: Path, pieces: tuple[bytes, ...]) -> None:
    path = tmp_path / "aws.sock"
    with answering(path, *pieces):
        assert probe(path, 5) is not None


def test_a_socket_that_says_nothing_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "aws.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert "it took too long" in (probe(path, 0.05) or "")
