"""Real sockets on loopback; what a server may do to a client is in `testbed.http.Wire`."""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp.resolver import AsyncResolver

from provider.runtime import http
from provider.runtime.http import HttpClient, Proxy
from provider.runtime.transport import NoAnswer, Reply, Request
from testbed.http import Reply as Answer
from testbed.http import Request as Received
from testbed.http import Wire
from testbed.http_server import Server
from testbed.tls import Authority
from tests.runtime.http_proxy import running_proxy

MAX_BODY = 100_000


class Echo:
    """Answers with the request's body, or with what is in `answers` first."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[Received] = []

    def __call__(self, request: Received) -> Answer:
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else Answer(body=request.body)


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


async def post(
    client: HttpClient,
    url: str,
    body: bytes = b"hello",
    seconds: float = 5.0,
    *,
    tls: ssl.SSLContext | None = None,
    proxy: Proxy | None = None,
) -> bytes:
    request = Request("POST", f"{url}/", {"X-Test": "yes"}, body, seconds, max_body=MAX_BODY)
    return (await client.send(request, tls=tls, proxy=proxy)).body


Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(answer: Peer) -> AsyncIterator[str]:
    """Each connection is answered by hand, after the head of a request has come."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(65536)
            await answer(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def sending(answer: bytes) -> Peer:
    async def send(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return send


def unused_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_a_connection_is_used_again(client: HttpClient) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.read(65536):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert [await post(client, url) for _ in range(3)] == [b"ok"] * 3
        await client.close()
    assert connections == 1


async def test_the_request_holds_what_was_given_and_nothing_else(client: HttpClient) -> None:
    echo = Echo()
    with Server(echo) as server:
        await post(client, server.url)
        await client.send(Request("GET", f"{server.url}/a%2Fb?x=y%20z"))
    sent, bare = echo.requests
    authority = server.url.removeprefix("http://")
    assert (sent.method, sent.target, sent.body) == ("POST", "/", b"hello")
    assert sent.headers == {"host": authority, "x-test": "yes", "content-length": "5"}
    assert (bare.method, bare.target, bare.headers) == (
        "GET",
        "/a%2Fb?x=y%20z",
        {"host": authority},
    )


async def test_the_reply_is_given_as_it_came(client: HttpClient) -> None:
    headers = (("X-A", "1"), ("x-a", "2"), ("Content-Encoding", "gzip"), ("Set-Cookie", "a=b"))
    echo = Echo(Answer(418, b"not gzip", headers))
    with Server(echo) as server:
        reply = await client.send(Request("GET", server.url))
        await client.send(Request("GET", server.url))
    assert (reply.status, reply.body, reply.headers["x-a"]) == (418, b"not gzip", "1")
    assert "date" in reply.headers
    assert "cookie" not in echo.requests[1].headers


async def test_redirects_are_not_followed(client: HttpClient) -> None:
    echo = Echo(Answer(302, headers=(("Location", "/elsewhere"),)))
    with Server(echo) as server:
        assert (await client.send(Request("GET", server.url))).status == 302
    assert len(echo.requests) == 1


async def test_the_environment_is_not_read(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    echo = Echo()
    with Server(echo) as server:
        assert await post(client, server.url) == b"hello"
    assert "authorization" not in echo.requests[0].headers


async def test_a_kept_connection_that_was_closed_fails_no_request(client: HttpClient) -> None:
    server = Server(Echo()).start()
    await post(client, server.url)
    server.stop()
    server.start()
    assert await post(client, server.url) == b"hello"
    server.stop()


@pytest.mark.parametrize("wire", [Wire.RESET, Wire.CLOSE])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_kept_connection_that_closes_on_the_request_fails_none(
    client: HttpClient, wire: Wire, method: str
) -> None:
    echo = Echo(Answer(), Answer(wire=wire))
    with Server(echo) as server:
        await client.send(Request(method, server.url))  # type: ignore[arg-type]  # from the table
        reply = await client.send(Request(method, server.url, body=b"x"))  # type: ignore[arg-type]
    assert reply.status == 200
    assert len(echo.requests) == 3


async def test_a_request_is_repeated_only_once(client: HttpClient) -> None:
    echo = Echo(Answer(), *[Answer(wire=Wire.CLOSE)] * 9)
    with Server(echo) as server:
        await post(client, server.url)
        with pytest.raises(NoAnswer, match="did not answer: it hung up"):
            await post(client, server.url)
    assert len(echo.requests) == 3


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        pytest.param(Answer(wire=Wire.RESET), "connection", "did not answer", id="reset"),
        pytest.param(Answer(wire=Wire.CLOSE), "connection", "did not answer", id="closed"),
        pytest.param(
            Answer(body=b"x" * 99, wire=Wire.TRUNCATED), "connection", "broke off", id="truncated"
        ),
        pytest.param(Answer(body=b"x" * (MAX_BODY + 1)), "malformed", "more than", id="huge"),
        pytest.param(
            Answer(headers=tuple((f"h{i}", "x") for i in range(200))),
            "malformed",
            "not HTTP",
            id="too-many-headers",
        ),
    ],
)
async def test_broken_answers(client: HttpClient, answer: Answer, kind: str, text: str) -> None:
    is_sent_again = answer.wire in (Wire.RESET, Wire.CLOSE)
    echo = Echo(*[answer] * (1 + is_sent_again))
    with Server(echo) as server:
        with pytest.raises(NoAnswer, match=f"{server.url} .*{text}") as caught:
            await post(client, server.url)
        assert await post(client, server.url) == b"hello"
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "answer",
    [
        b"c4nary\r\n\r\n",
        b"HTTP/1.1 c4nary\r\n\r\n",
        b"\x16\x03\x01\x00\x02\x02\x50",
        b"c4nary" * 20000,
        b"HTTP/1.1 200 OK\r\nContent-Length: c4nary\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nc4nary\r\n",
        b"HTTP/1.1 200 OK\r\nc4nary\x00: x\r\n\r\n",
    ],
    ids=["text", "no-status", "tls", "endless-line", "length", "chunk", "header"],
)
async def test_what_is_not_http_is_not_quoted(client: HttpClient, answer: bytes) -> None:
    async with raw_server(sending(answer)) as url:
        with pytest.raises(NoAnswer) as caught:
            await post(client, url)
        await client.close()
    assert "c4nary" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"Content-Length: 5\r\n\r\nhello",
        b"Connection: close\r\n\r\nhello",
    ],
    ids=["chunked", "length", "until-closed"],
)
async def test_ways_to_frame_an_answer(client: HttpClient, answer: bytes) -> None:
    async with raw_server(sending(b"HTTP/1.1 200 OK\r\n" + answer)) as url:
        assert await post(client, url) == b"hello"
        await client.close()


async def test_an_answer_without_a_length_is_bounded(client: HttpClient) -> None:
    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with raw_server(flood) as url:
        with pytest.raises(NoAnswer, match="answered more than 100000 bytes"):
            await post(client, url)
        await client.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(wire=Wire.HANG), id="hangs"),
        pytest.param(Answer(body=b"x" * 999, wire=Wire.TRICKLE, pause=0.02), id="trickles"),
    ],
)
async def test_no_server_outlasts_the_time_out(client: HttpClient, answer: Answer) -> None:
    with Server(Echo(answer)) as server:
        with pytest.raises(NoAnswer, match="did not answer in time") as caught:
            await post(client, server.url, seconds=0.2)
        assert await post(client, server.url) == b"hello"
    assert caught.value.kind == "timeout"


async def test_trickling_headers_do_not_outlast_the_time_out(client: HttpClient) -> None:
    async def trickle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not writer.is_closing():
            writer.write(b"H")
            await asyncio.sleep(0.02)

    async with raw_server(trickle) as url:
        with pytest.raises(NoAnswer) as caught:
            await post(client, url, seconds=0.2)
        await client.close()
    assert caught.value.kind == "timeout"


async def test_an_address_that_does_not_answer_is_given_up_soon(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:  # fill the queue of connections: the next one gets no answer
            one.setblocking(False)
            one.connect_ex(address)
        request = Request("GET", f"http://127.0.0.1:{address[1]}", connect_timeout=0.1)
        with pytest.raises(NoAnswer, match=r"cannot connect to .* in time") as caught:
            await client.send(request)
        for one in crowd:
            one.close()
    assert caught.value.kind == "unreachable"


async def test_a_refused_connection(client: HttpClient) -> None:
    url = unused_url()
    with pytest.raises(NoAnswer, match=f"cannot connect to {url}: Connection refused") as caught:
        await post(client, url)
    assert caught.value.kind == "unreachable"


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 64, "xn--a.invalid"])
async def test_a_name_that_does_not_resolve(client: HttpClient, host: str) -> None:
    with pytest.raises(NoAnswer, match=f"http://{re.escape(host)}") as caught:
        await post(client, f"http://{host}")
    assert caught.value.kind in ("unreachable", "malformed")


async def test_a_name_that_hangs_delays_no_other(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    class Silent(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            asked.set()

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Silent, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    monkeypatch.setattr(
        http,
        "AsyncResolver",
        lambda **options: AsyncResolver(**options, nameservers=["127.0.0.1"], udp_port=port),
    )
    hanging = [
        asyncio.create_task(post(client, f"http://host{number}.example", seconds=60))
        for number in range(40)
    ]
    await asked.wait()
    echo = Echo()
    with Server(echo) as server:
        assert await post(client, server.url.replace("127.0.0.1", "localhost")) == b"hello"
    assert not any(task.done() for task in hanging)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    transport.close()


async def test_connections_to_one_host_are_bounded() -> None:
    client = HttpClient(connections_per_host=2)
    echo = Echo(*[Answer(wire=Wire.HANG)] * 2)
    with Server(echo) as server, Server(Echo()) as other:
        first = [asyncio.create_task(post(client, server.url, seconds=30)) for _ in range(2)]
        while len(echo.requests) < 2:
            await asyncio.sleep(0.005)
        with pytest.raises(NoAnswer):
            await post(client, server.url, seconds=0.05)
        assert await post(client, other.url) == b"hello"
        assert len(echo.requests) == 2
        first[0].cancel()
        assert await post(client, server.url) == b"hello"
        first[1].cancel()
        await asyncio.gather(*first, return_exceptions=True)
    await client.close()


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\n", "ü", "\x00"])
async def test_a_value_cannot_add_a_header(client: HttpClient, value: str) -> None:
    echo = Echo()
    with Server(echo) as server:
        request = Request("GET", server.url, {"Authorization": f"c4nary{value}"})
        with pytest.raises(NoAnswer, match=f"{server.url} was not asked") as caught:
            await client.send(request)
    assert "c4nary" not in str(caught.value)
    assert echo.requests == []


@pytest.mark.parametrize(
    "url",
    ["http://h/a\r\nX: y", "http://h/a b", "http://h/ü", "http:///x", "nonsense", "http://h:x"],
)
async def test_a_url_that_is_none(client: HttpClient, url: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        await client.send(Request("GET", url))
    assert caught.value.kind in ("malformed", "unreachable")


async def test_a_closed_client_opens_again(client: HttpClient) -> None:
    with Server(Echo()) as server:
        await post(client, server.url)
        await client.close()
        await client.close()
        assert await post(client, server.url) == b"hello"


def test_nothing_that_was_sent_or_received_is_printed() -> None:
    printed = (
        f"{Request('GET', 'http://x', {'a': 'c4nary'}, b'c4nary')!r} {Reply(200, {}, b'c4nary')!r}"
    )
    printed += repr(Proxy("http://x", "Basic c4nary"))
    assert "c4nary" not in printed


# ---- TLS and proxies ---------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def trusting(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.write(tmp_path / "ca.pem")))


async def test_tls(client: HttpClient, authority: Authority, trusting: ssl.SSLContext) -> None:
    with Server(Echo(), tls=authority.server()) as server:
        assert await post(client, server.url, tls=trusting) == b"hello"
        await client.close()


@pytest.mark.parametrize("own", [True, False], ids=["context", "system"])
async def test_a_server_of_another_authority_gets_no_request(
    client: HttpClient, trusting: ssl.SSLContext, own: bool
) -> None:
    echo = Echo()
    mistrusted = pytest.raises(NoAnswer, match="has a certificate that is not trusted: ")
    with Server(echo, tls=Authority().server()) as server, mistrusted as caught:
        await post(client, server.url, tls=trusting if own else None)
    assert caught.value.kind == "untrusted"
    assert echo.requests == []


async def test_a_server_of_another_name_gets_no_request(
    client: HttpClient, trusting: ssl.SSLContext, authority: Authority
) -> None:
    echo = Echo()
    mistrusted = pytest.raises(NoAnswer, match="IP address mismatch")
    with Server(echo, host="127.0.0.2", tls=authority.server()) as server, mistrusted:
        await post(client, server.url, tls=trusting)
    assert echo.requests == []


async def test_a_server_without_tls(client: HttpClient, trusting: ssl.SSLContext) -> None:
    async with raw_server(sending(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as url:
        with pytest.raises(NoAnswer, match="no TLS with https") as caught:
            await post(client, url.replace("http:", "https:"), tls=trusting)
    assert caught.value.kind == "connection"


async def test_a_hand_shake_without_end(client: HttpClient, trusting: ssl.SSLContext) -> None:
    async def wait(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(10)

    async with raw_server(wait) as url:
        request = Request("GET", url.replace("http:", "https:"), connect_timeout=0.1)
        with pytest.raises(NoAnswer, match="in time") as caught:
            await client.send(request, tls=trusting)
    assert caught.value.kind == "unreachable"


LOGIN = "Basic dXNlcjpwQHNz"


@pytest.mark.parametrize("over_tls", [False, True], ids=["http-proxy", "https-proxy"])
async def test_https_goes_through_a_tunnel(
    client: HttpClient, authority: Authority, trusting: ssl.SSLContext, over_tls: bool
) -> None:
    tls = authority.server() if over_tls else None
    with Server(Echo(), tls=authority.server()) as server, running_proxy(tls) as proxy:
        way = Proxy(proxy.url, LOGIN)
        for _ in range(2):
            assert await post(client, server.url, tls=trusting, proxy=way) == b"hello"
        await client.close()
    assert proxy.seen == [f"CONNECT {server.url.removeprefix('https://')}"]
    assert proxy.authorizations == ["Basic dXNlcjpwQHNz"]


async def test_http_is_passed_on_by_the_proxy(client: HttpClient) -> None:
    echo = Echo()
    with Server(echo) as server, running_proxy() as proxy:
        for _ in range(2):
            assert await post(client, server.url, proxy=Proxy(proxy.url, LOGIN)) == b"hello"
        await client.close()
    assert proxy.seen == [f"POST {server.url}/"] * 2
    assert proxy.authorizations == ["Basic dXNlcjpwQHNz"] * 2
    assert echo.requests[0].headers["host"] == server.url.removeprefix("http://")


@pytest.mark.parametrize("status", [201, 204, 299])
async def test_every_2xx_answer_to_connect_is_a_success(
    client: HttpClient, authority: Authority, trusting: ssl.SSLContext, status: int
) -> None:
    with Server(Echo(), tls=authority.server()) as server, running_proxy(answer=status) as proxy:
        assert await post(client, server.url, tls=trusting, proxy=Proxy(proxy.url)) == b"hello"
        await client.close()


@pytest.mark.parametrize("status", [302, 407, 503])
async def test_a_proxy_that_refuses(client: HttpClient, status: int) -> None:
    with running_proxy(answer=status) as proxy:
        text = f"proxy {proxy.url}.*answer to CONNECT was {status}"
        with pytest.raises(NoAnswer, match=text) as caught:
            await post(client, "https://127.0.0.1:1", proxy=Proxy(proxy.url))
        await client.close()
    assert caught.value.kind == "connection"


@pytest.mark.parametrize(
    ("answer", "text", "kind"),
    [
        pytest.param(b"", "did not answer: it hung up", "connection", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH_9\r\n\r\n", "not HTTP", "malformed", id="another-protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" * 2000, "not HTTP", "malformed", id="no-end"),
    ],
)
async def test_a_proxy_that_answers_connect_with(
    client: HttpClient, trusting: ssl.SSLContext, answer: bytes, text: str, kind: str
) -> None:
    async with raw_server(sending(answer)) as url:
        with pytest.raises(NoAnswer, match=text) as caught:
            await post(client, "https://aws.example", tls=trusting, proxy=Proxy(url))
    assert caught.value.kind == kind


async def test_a_proxy_that_never_answers_connect(
    client: HttpClient, trusting: ssl.SSLContext
) -> None:
    async def wait(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(10)

    async with raw_server(wait) as url:
        request = Request("GET", "https://aws.example", connect_timeout=0.1)
        with pytest.raises(NoAnswer, match=f"through the proxy {url}.* in time") as caught:
            await client.send(request, tls=trusting, proxy=Proxy(url))
    assert caught.value.kind == "unreachable"


async def test_a_server_behind_a_proxy_must_be_trusted(
    client: HttpClient, trusting: ssl.SSLContext
) -> None:
    echo = Echo()
    with Server(echo, tls=Authority().server()) as server, running_proxy() as proxy:
        with pytest.raises(NoAnswer, match="certificate that is not trusted") as caught:
            await post(client, server.url, tls=trusting, proxy=Proxy(proxy.url))
        await client.close()
    assert caught.value.kind == "untrusted"
    assert echo.requests == []


async def test_a_proxy_that_is_not_there(client: HttpClient) -> None:
    url = unused_url()
    text = f"cannot connect to the proxy {url}: Connection refused"
    with pytest.raises(NoAnswer, match=text) as caught:
        await post(client, "https://aws.example", proxy=Proxy(url))
    assert caught.value.kind == "unreachable"


async def test_an_untrusted_proxy_gets_no_login(
    client: HttpClient, trusting: ssl.SSLContext
) -> None:
    with running_proxy(Authority().server()) as proxy:
        with pytest.raises(NoAnswer, match="not trusted"):
            await post(client, "https://aws.example", tls=trusting, proxy=Proxy(proxy.url, LOGIN))
        await client.close()
    assert proxy.seen == []
