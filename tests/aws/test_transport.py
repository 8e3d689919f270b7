"""Real sockets on loopback; what a server may do to a client is in `testbed.http.Wire`."""

import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from provider.aws.transport import Transport
from provider.deadline import Deadline
from provider.errors import OutOfTime
from provider.http import connection
from provider.http.connection import NoAnswer, Request
from provider.http.names import Names
from provider.http.origin import Origin, parse_origin
from testbed.http import Reply, Server, Wire
from testbed.http import Request as Received
from testbed.tls import Authority
from tests.aws.proxy import running_proxy


class Echo:
    """Answers with the request's body, or with what is in `replies` first; counts connections."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[Received] = []

    def __call__(self, request: Received) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0) if self.replies else Reply(body=request.body)


Connect = Callable[..., Transport]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes transports: `connect(HTTP_PROXY="…")`."""
    with ExitStack() as stack:

        def make(in_flight: int = 4, **environment: str) -> Transport:
            transport = Transport.from_environment(environment, in_flight)
            stack.callback(transport.close)
            return transport

        yield make


@pytest.fixture
def transport(connect: Connect) -> Transport:
    return connect()


def post(transport: Transport, url: str, body: bytes = b"hello", seconds: float = 5.0) -> bytes:
    headers = {"X-Test": "yes"}
    return transport.post(
        parse_origin(url), Request("POST", "/", headers, body), Deadline.after(seconds)
    ).body


def wait_for(condition: Callable[[], bool]) -> None:
    until = monotonic() + 10
    while not condition():
        assert monotonic() < until, "it never came"
        Event().wait(0.005)


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """One connection, answered by hand."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                answer(peer)

        served = pool.submit(serve)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        served.result(10)


def test_a_connection_is_used_again(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = count_connections(monkeypatch)
    with Server(Echo()) as server:
        assert [post(transport, server.url, body) for body in (b"1", b"2", b"3")] == [
            b"1",
            b"2",
            b"3",
        ]
    assert len(opened) == 1


def count_connections(monkeypatch: pytest.MonkeyPatch) -> list[Origin]:
    opened: list[Origin] = []
    connect = connection._connect

    def counted(origin: Origin, names: Names, deadline: Deadline) -> socket.socket:
        opened.append(origin)
        return connect(origin, names, deadline)

    monkeypatch.setattr(connection, "_connect", counted)
    return opened


def test_sends_what_it_is_given(transport: Transport) -> None:
    echo = Echo()
    with Server(echo) as server:
        post(transport, server.url)
    (request,) = echo.requests
    assert (request.method, request.target, request.body) == ("POST", "/", b"hello")
    authority = server.url.removeprefix("http://")
    assert request.headers == {"host": authority, "x-test": "yes", "content-length": "5"}


def test_a_kept_connection_that_was_closed_fails_no_request(transport: Transport) -> None:
    server = Server(Echo()).start()
    post(transport, server.url)
    server.stop()
    server.start()
    assert post(transport, server.url) == b"hello"
    server.stop()


@pytest.mark.parametrize("wire", [Wire.RESET, Wire.CLOSE])
def test_a_kept_connection_that_closes_on_the_request_fails_none(
    transport: Transport, wire: Wire
) -> None:
    echo = Echo(Reply(), Reply(wire=wire))
    with Server(echo) as server:
        post(transport, server.url)
        assert post(transport, server.url) == b"hello"
    assert len(echo.requests) == 3


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        pytest.param(Reply(wire=Wire.RESET), "connection", "did not answer", id="reset"),
        pytest.param(Reply(wire=Wire.CLOSE), "connection", "did not answer", id="closed"),
        pytest.param(
            Reply(body=b"x" * 99, wire=Wire.TRUNCATED), "connection", "broke off", id="truncated"
        ),
        pytest.param(
            Reply(body=b"x" * (connection.MAX_BODY + 1)), "connection", "more than", id="huge"
        ),
        pytest.param(
            Reply(headers=tuple((f"h{i}", "x") for i in range(200))),
            "connection",
            "not HTTP",
            id="too-many-headers",
        ),
    ],
)
def test_broken_answers(transport: Transport, reply: Reply, kind: str, text: str) -> None:
    with Server(Echo(reply)) as server, pytest.raises(NoAnswer, match=text) as caught:
        post(transport, server.url)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "answer",
    [b"garbage\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x16\x03\x01\x00\x02\x02\x50", b"H" * 70000],
    ids=["text", "no-status", "tls", "endless-line"],
)
def test_what_is_not_http(transport: Transport, answer: bytes) -> None:
    with raw_server(lambda peer: peer.sendall(answer)) as url, pytest.raises(NoAnswer):
        post(transport, url)


@pytest.mark.parametrize(
    "answer",
    [
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"Content-Length: 5\r\n\r\nhello",
        b"Connection: close\r\n\r\nhello",
    ],
    ids=["chunked", "length", "until-closed"],
)
def test_ways_to_frame_an_answer(transport: Transport, answer: bytes) -> None:
    with raw_server(lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\n" + answer)) as url:
        assert post(transport, url) == b"hello"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(wire=Wire.HANG), id="hangs"),
        pytest.param(Reply(body=b"x" * 999, wire=Wire.TRICKLE, pause=0.02), id="trickles"),
    ],
)
def test_no_server_outlasts_the_deadline(transport: Transport, reply: Reply) -> None:
    with Server(Echo(reply)) as server, pytest.raises(NoAnswer) as caught:
        post(transport, server.url, seconds=0.2)
    assert caught.value.kind == "timeout"


def test_trickling_headers_do_not_outlast_the_deadline(transport: Transport) -> None:
    def trickle(peer: socket.socket) -> None:
        until = monotonic() + 5
        try:
            while monotonic() < until:
                peer.sendall(b"H")
                Event().wait(0.02)
        except OSError:
            return
        pytest.fail("the client never hung up")

    with raw_server(trickle) as url, pytest.raises(NoAnswer) as caught:
        post(transport, url, seconds=0.2)
    assert caught.value.kind == "timeout"


def test_a_refused_connection(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(NoAnswer, match=f"cannot connect to {url}: Connection refused"):
        post(transport, url)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 64])
def test_a_name_that_does_not_resolve(transport: Transport, host: str) -> None:
    with pytest.raises(NoAnswer, match=f"cannot connect to http://{re.escape(host)}"):
        post(transport, f"http://{host}")


def test_redirects_are_not_followed(transport: Transport) -> None:
    echo = Echo(Reply(302, headers=(("Location", "/elsewhere"),)))
    with Server(echo) as server:
        reply = transport.post(
            parse_origin(server.url), Request("POST", "/", {}), Deadline.after(5)
        )
    assert reply.status == 302
    assert len(echo.requests) == 1


def test_requests_in_flight_are_bounded(connect: Connect) -> None:
    echo = Echo(Reply(wire=Wire.HANG))
    transport = connect(in_flight=1)
    with Server(echo) as server:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(post, transport, server.url, seconds=0.5)
            wait_for(lambda: bool(echo.requests))
            with pytest.raises(OutOfTime, match="in flight"):
                post(transport, server.url, seconds=0.05)
            with pytest.raises(NoAnswer):
                first.result()
        assert post(transport, server.url) == b"hello"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\n", "ü", "\x00"])
def test_a_value_cannot_add_a_header(value: str) -> None:
    with pytest.raises(ValueError, match="no header may hold"):
        Request("POST", "/", {"X-Amz-Security-Token": value})


# ---- TLS and proxies ---------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def bundle(authority: Authority, tmp_path: Path) -> Path:
    return authority.write(tmp_path / "ca.pem")


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_ca_bundles(connect: Connect, authority: Authority, bundle: Path, variable: str) -> None:
    transport = connect(**{variable: str(bundle)})
    with Server(Echo(), tls=authority.server()) as server:
        assert post(transport, server.url) == b"hello"


def test_a_server_of_another_authority_gets_no_request(transport: Transport) -> None:
    echo = Echo()
    mistrusted = pytest.raises(NoAnswer, match=r"is AWS_CA_BUNDLE right\?")
    with Server(echo, tls=Authority().server()) as server, mistrusted:
        post(transport, server.url)
    assert echo.requests == []


def test_a_server_of_another_name_gets_no_request(
    connect: Connect, bundle: Path, authority: Authority
) -> None:
    echo = Echo()
    transport = connect(AWS_CA_BUNDLE=str(bundle))
    mistrusted = pytest.raises(NoAnswer, match="IP address mismatch")
    with Server(echo, host="127.0.0.2", tls=authority.server()) as server, mistrusted:
        post(transport, server.url)
    assert echo.requests == []


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "not-pem"])
def test_an_unreadable_bundle_stops_the_start(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(ValueError, match="AWS_CA_BUNDLE: cannot load certificates from"):
        Transport.from_environment({"AWS_CA_BUNDLE": str(bundle)}, 1)


@pytest.mark.parametrize("over_tls", [False, True], ids=["http-proxy", "https-proxy"])
def test_https_goes_through_a_tunnel(
    connect: Connect, authority: Authority, bundle: Path, over_tls: bool
) -> None:
    tls = authority.server() if over_tls else None
    with Server(Echo(), tls=authority.server()) as server, running_proxy(tls) as proxy:
        login = proxy.url.replace("://", "://user:p%40ss@")
        transport = connect(AWS_CA_BUNDLE=str(bundle), HTTPS_PROXY=login)
        assert [post(transport, server.url) for _ in range(2)] == [b"hello", b"hello"]
    assert proxy.seen == [f"CONNECT {server.url.removeprefix('https://')}"]
    assert proxy.authorizations == ["Basic dXNlcjpwQHNz"]


def test_http_is_passed_on_by_the_proxy(connect: Connect) -> None:
    echo = Echo()
    with Server(echo) as server, running_proxy() as proxy:
        transport = connect(http_proxy=proxy.url.removeprefix("http://"))
        assert post(transport, server.url) == b"hello"
    assert proxy.seen == [f"POST {server.url}/"]
    assert echo.requests[0].headers["host"] == server.url.removeprefix("http://")


def test_a_proxy_that_refuses(connect: Connect) -> None:
    refused = pytest.raises(NoAnswer, match="answered 407 to CONNECT")
    with running_proxy(refuses=407) as proxy, refused:
        post(connect(HTTPS_PROXY=proxy.url), "https://127.0.0.1:1")


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"NO_PROXY": "127.0.0.1"}, id="no-proxy"),
        pytest.param({"no_proxy": "*"}, id="everything"),
        pytest.param({"http_proxy": ""}, id="switched-off-in-lower-case"),
    ],
)
def test_ways_around_a_proxy(connect: Connect, environment: dict[str, str]) -> None:
    with Server(Echo()) as server, running_proxy() as proxy:
        post(connect(HTTP_PROXY=proxy.url, **environment), server.url)
    assert proxy.seen == []


@pytest.mark.parametrize(
    "url",
    ["socks5://user:hunter2@x", "http://user:hunter2/3@x:3128"],
    ids=["scheme", "slash in the password"],
)
def test_a_senseless_proxy_stops_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="HTTPS_PROXY: not a") as caught:
        Transport.from_environment({"HTTPS_PROXY": url}, 1)
    assert "hunter2" not in str(caught.value)
