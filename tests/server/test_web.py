"""The HTTP port, which every pod of the cluster can reach."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from provider.server import web
from provider.runtime.web import Answer, WebServer


def broken() -> Answer:
    raise ValueError("canary")


@pytest.fixture
def server() -> Iterator[WebServer]:
    pages = {"/healthz": lambda: Answer(b"ok\n"), "/broken": broken}
    one = WebServer("127.0.0.1", 0, pages)
    one.start()
    yield one
    one.stop()


def connect(server: WebServer) -> socket.socket:
    host, _, port = server.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def ask(server: WebServer, *parts: bytes) -> bytes:
    with connect(server) as client:
        for part in parts:
            client.sendall(part)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_page(server: WebServer) -> None:
    answer = ask(server, b"GET /healthz?verbose HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 3\r\n" in answer
    assert answer.endswith(b"\r\n\r\nok\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /../healthz HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /healthz HTTP/1.1\r\n\r\n", b"405"),
        (b"HEAD /healthz HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /healthz\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x00\xff\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/1.1\r\n" + b"x" * 10_000, b"400"),
        (b"GET /broken HTTP/1.1\r\n\r\n", b"500"),
    ],
    ids=["unknown", "dots", "post", "head", "no version", "tls", "too long", "broken page"],
)
def test_everything_else_is_refused(server: WebServer, request_: bytes, status: bytes) -> None:
    with connect(server) as client:
        client.sendall(request_)
        answer = client.recv(1024)
    assert answer.split(b" ")[1] == status
    assert b"canary" not in answer


def test_a_request_in_pieces(server: WebServer) -> None:
    assert b"200 OK" in ask(server, b"GET /hea", b"lthz HTTP/1.1\r", b"\n\r\n")


def test_a_slow_request_is_cut_in_total(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "HEAD_SECONDS", 0.05)
    with connect(server) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert client.recv(1024) == b""


def test_connections_beyond_the_bound_are_closed_and_the_others_served(server: WebServer) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(connect(server)) for _ in range(web.MAX_CONNECTIONS)]
        with connect(server) as one_more:
            assert one_more.recv(1) == b""
        held[0].sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert b"200 OK" in held[0].recv(1024)


def test_it_listens_on_all_addresses_where_none_is_named() -> None:
    one = WebServer("", 0, {})
    try:
        port = int(one.address.rpartition(":")[2])
        one.start()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"404" in client.recv(1024)
    finally:
        one.stop()
