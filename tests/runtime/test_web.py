"""The HTTP port, which every pod of the cluster can reach."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from provider.runtime import web
from provider.runtime.web import Page, WebServer, listen

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
HANG = GET.replace(b"/healthz", b"/hanging")


async def healthz() -> Page:
    return Page(b"ok\n")


async def broken() -> Page:
    raise ValueError("canary")


PAGES = {"/healthz": healthz, "/broken": broken}


@pytest.fixture
async def calls() -> asyncio.Queue[str]:
    """What happens to the page `/hanging`."""
    return asyncio.Queue()


@pytest.fixture
async def server(calls: asyncio.Queue[str]) -> AsyncIterator[WebServer]:
    async def hanging() -> Page:
        calls.put_nowait("began")
        try:
            await asyncio.Event().wait()
        finally:
            calls.put_nowait("ended")
        raise AssertionError

    one = WebServer(listen("127.0.0.1", 0), {**PAGES, "/hanging": hanging})
    await one.start()
    yield one
    await one.close()


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Closes the sockets of a test."""
    with ExitStack() as stack:
        yield stack


async def ask(server: WebServer, *parts: bytes) -> bytes:
    """The whole answer to a request that is sent in these parts."""
    host, _, port = server.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.001)
        return await reader.read()
    finally:
        writer.close()


async def connect(
    server: WebServer, clients: ExitStack, source: str = "127.0.0.1"
) -> socket.socket:
    """A connection that sends nothing."""
    host, _, port = server.address.rpartition(":")
    client = clients.enter_context(socket.socket())
    client.setblocking(False)
    client.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(client, (host, int(port)))
    return client


async def is_closed(client: socket.socket) -> bool:
    """Whether the server has dropped the connection; waits for it."""
    try:
        return await asyncio.get_running_loop().sock_recv(client, 1) == b""
    except ConnectionResetError:
        return True


async def test_a_page(server: WebServer) -> None:
    answer = await ask(server, b"GET /healthz?verbose HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 3\r\n" in answer
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nok\n")


async def test_head_has_the_same_headers_and_no_body(server: WebServer) -> None:
    answer = await ask(server, b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 3\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /../healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"405"),
        (b"GET /healthz FTP/1.0\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x00\xff\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 3000, b"400"),
        (b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 60, b"400"),
        (b"GET /" + b"x" * 3000, b"400"),
        (b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n", b"500"),
    ],
    ids=[
        "unknown",
        "dots",
        "post",
        "not HTTP",
        "tls",
        "long header",
        "many headers",
        "long line",
        "broken page",
    ],
)
async def test_every_other_request_is_refused(
    server: WebServer, request_: bytes, status: bytes
) -> None:
    answer = await ask(server, request_)
    assert answer.split(b" ")[1] == status
    assert b"canary" not in answer


async def test_a_request_in_pieces(server: WebServer) -> None:
    answer = await ask(server, b"GET /hea", b"lthz HTTP/1.1\r", b"\nHost: x\r\n\r\n")
    assert b"200 OK" in answer


async def test_a_body_is_not_waited_for(server: WebServer, clients: ExitStack) -> None:
    client = await connect(server, clients)
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    await asyncio.get_running_loop().sock_sendall(client, head)
    assert b"200 OK" in await asyncio.get_running_loop().sock_recv(client, 1024)


@pytest.mark.parametrize(
    "request_",
    [b"\x16\x03\x01\x00\xff\r\n\r\n", b"GET /" + b"x" * 3000],
    ids=["tls", "long line"],
)
async def test_garbage_does_not_fill_the_log(
    server: WebServer, caplog: pytest.LogCaptureFixture, request_: bytes
) -> None:
    await ask(server, request_)
    assert caplog.records == []


async def test_a_page_is_cancelled_when_its_connection_ends(
    server: WebServer, clients: ExitStack, calls: asyncio.Queue[str]
) -> None:
    client = await connect(server, clients)
    await asyncio.get_running_loop().sock_sendall(client, HANG)
    assert await calls.get() == "began"
    client.close()
    async with asyncio.timeout(5):
        assert await calls.get() == "ended"


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /healthz HTTP/1.1\r\n", b"GET /hanging HTTP/1.1\r\nHost: x\r\n\r\n"],
    ids=["silent", "half a request", "page hangs"],
)
async def test_a_connection_is_bounded_in_time(
    server: WebServer, clients: ExitStack, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(web, "CONNECTION_SECONDS", 0.05)
    client = await connect(server, clients)
    await asyncio.get_running_loop().sock_sendall(client, sent)
    assert await is_closed(client)


async def test_200_silent_connections_do_not_keep_a_probe_out(
    server: WebServer, clients: ExitStack
) -> None:
    for _ in range(200):
        await connect(server, clients)
    async with asyncio.timeout(web.CONNECTION_SECONDS / 2):
        assert b"200 OK" in await ask(server, GET)


async def test_silent_connections_of_many_peers_do_not_keep_a_probe_out(
    server: WebServer, clients: ExitStack
) -> None:
    for number in range(200):
        await connect(server, clients, source=f"127.0.0.{2 + number}")
    async with asyncio.timeout(web.CONNECTION_SECONDS / 2):
        assert b"200 OK" in await ask(server, GET)


async def test_a_peer_gives_way_to_itself_before_others_do(
    server: WebServer, clients: ExitStack
) -> None:
    other = await connect(server, clients, source="127.0.0.2")
    first = await connect(server, clients)
    for _ in range(web.MAX_CONNECTIONS_OF_A_PEER):
        await connect(server, clients)
    assert await is_closed(first)
    await asyncio.get_running_loop().sock_sendall(other, GET)
    assert b"200 OK" in await asyncio.get_running_loop().sock_recv(other, 1024)


async def test_beyond_the_total_the_peer_with_most_connections_gives_way(
    server: WebServer, clients: ExitStack
) -> None:
    single = await connect(server, clients, source="127.0.0.2")
    peers = web.MAX_CONNECTIONS // web.MAX_CONNECTIONS_OF_A_PEER
    greedy = [
        [
            await connect(server, clients, source=f"127.0.0.{3 + peer}")
            for _ in range(web.MAX_CONNECTIONS_OF_A_PEER)
        ]
        for peer in range(peers)
    ]
    assert await is_closed(greedy[0][0])
    await asyncio.get_running_loop().sock_sendall(single, GET)
    assert b"200 OK" in await asyncio.get_running_loop().sock_recv(single, 1024)


async def test_connections_that_ended_are_not_counted(
    server: WebServer, clients: ExitStack
) -> None:
    first = await connect(server, clients)
    for _ in range(2 * web.MAX_CONNECTIONS_OF_A_PEER):
        await ask(server, GET)
    await asyncio.get_running_loop().sock_sendall(first, GET)
    assert b"200 OK" in await asyncio.get_running_loop().sock_recv(first, 1024)


async def test_an_empty_host_means_all_addresses() -> None:
    one = WebServer(listen("", 0), PAGES)
    await one.start()
    _, _, port = one.address.rpartition(":")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(GET)
    assert b"200 OK" in await reader.read()
    writer.close()
    await one.close()


async def test_closing_ends_every_connection(clients: ExitStack) -> None:
    one = WebServer(listen("127.0.0.1", 0), PAGES)
    await one.start()
    silent = await connect(one, clients)
    await ask(one, GET)
    await one.close()
    assert await is_closed(silent)
    with pytest.raises(OSError, match="Bad file descriptor"):
        await connect(one, clients)
