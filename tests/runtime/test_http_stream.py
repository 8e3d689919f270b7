"""Answers that are read line by line while they come."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from provider.runtime.http_stream import StreamingClient
from provider.runtime.transport import AnswerTooLong, NoAnswer, Request
from testbed.http import Outlet, Reply, Wire
from testbed.http import Request as Received
from testbed.http_server import Server


@pytest.fixture
async def client() -> AsyncIterator[StreamingClient]:
    one = StreamingClient()
    yield one
    await one.close()


def streaming(write: Callable[[Outlet], None]) -> Server:
    def answer(_request: Received) -> Reply:
        return Reply(200, headers=(("X-Kind", "watch"),), stream=write)

    return Server(answer)


async def read(
    client: StreamingClient, url: str, *, idle: float = 5.0, max_line: int = 1000
) -> list[bytes]:
    request = Request("GET", f"{url}/", timeout=5.0)
    async with client.stream(request, idle=idle, max_line=max_line) as answer:
        return [line async for line in answer.lines()]


def sends(*chunks: bytes) -> Callable[[Outlet], None]:
    def write(outlet: Outlet) -> None:
        for chunk in chunks:
            outlet.send(chunk)
        outlet.end()

    return write


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ((b"a\nb\n",), [b"a", b"b"]),
        ((b"a", b"b\nc", b"d\n"), [b"ab", b"cd"]),
        ((b"a\n\nb",), [b"a", b"", b"b"]),
        ((b"x" * 1000 + b"\n", b"y\n"), [b"x" * 1000, b"y"]),
        ((), []),
    ],
    ids=["one chunk", "in pieces", "no end of line", "longest", "empty"],
)
async def test_lines_are_put_together(
    client: StreamingClient, chunks: tuple[bytes, ...], lines: list[bytes]
) -> None:
    with streaming(sends(*chunks)) as server:
        assert await read(client, server.url) == lines


async def test_a_line_is_there_before_the_answer_ends(client: StreamingClient) -> None:
    outlets: list[Outlet] = []

    def write(outlet: Outlet) -> None:
        outlets.append(outlet)
        outlet.send(b"first\n")

    with streaming(write) as server:
        request = Request("GET", f"{server.url}/", timeout=5.0)
        async with client.stream(request, idle=20.0, max_line=100) as answer:
            assert (answer.status, answer.headers["x-kind"]) == (200, "watch")
            lines = answer.lines()
            assert await anext(lines) == b"first"
            outlets[0].send(b"second\n")
            assert await anext(lines) == b"second"


@pytest.mark.parametrize("chunks", [(b"x" * 1001 + b"\n",), (b"x" * 600, b"x" * 600)])
async def test_a_long_line_is_refused(client: StreamingClient, chunks: tuple[bytes, ...]) -> None:
    with (
        streaming(sends(*chunks)) as server,
        pytest.raises(AnswerTooLong, match="more than 1000 bytes"),
    ):
        await read(client, server.url)


async def test_silence_is_bounded(client: StreamingClient) -> None:
    with streaming(lambda outlet: outlet.send(b"a\n")) as server:
        with pytest.raises(NoAnswer, match=r"sent nothing for 0\.05 s") as caught:
            await read(client, server.url, idle=0.05)
        assert caught.value.kind == "timeout"


async def test_a_broken_connection_is_no_end(client: StreamingClient) -> None:
    def write(outlet: Outlet) -> None:
        outlet.send(b"a\n")
        outlet.abort()

    with streaming(write) as server, pytest.raises(NoAnswer) as caught:
        await read(client, server.url)
    assert caught.value.kind == "connection"


async def test_an_answer_that_never_begins_is_bounded(client: StreamingClient) -> None:
    with Server(lambda _: Reply(wire=Wire.HANG)) as server:
        request = Request("GET", f"{server.url}/", timeout=0.05)
        with pytest.raises(NoAnswer, match="in time"):
            async with client.stream(request, idle=5.0, max_line=10):
                pass


async def test_nothing_listens(client: StreamingClient) -> None:
    with pytest.raises(NoAnswer, match="cannot connect"):
        await read(client, "http://127.0.0.1:1")


async def test_an_answer_can_be_read_whole_within_a_limit(client: StreamingClient) -> None:
    with Server(lambda _: Reply(410, b"gone")) as server:
        request = Request("GET", f"{server.url}/")
        async with client.stream(request, idle=5.0, max_line=10) as answer:
            assert (answer.status, await answer.read(4)) == (410, b"gone")
        async with client.stream(request, idle=5.0, max_line=10) as answer:
            with pytest.raises(AnswerTooLong):
                await answer.read(3)


async def test_errors_of_the_reader_are_its_own(client: StreamingClient) -> None:
    with streaming(sends(b"a\n")) as server:
        request = Request("GET", f"{server.url}/")
        with pytest.raises(ValueError, match="mine"):
            async with client.stream(request, idle=5.0, max_line=10):
                raise ValueError("mine")


async def test_a_stream_that_is_left_closes_its_connection(client: StreamingClient) -> None:
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def note_close() -> None:
        loop.call_soon_threadsafe(closed.set)

    def write(outlet: Outlet) -> None:
        outlet.on_close = note_close
        outlet.send(b"a\n")

    with streaming(write) as server:
        request = Request("GET", f"{server.url}/")
        async with client.stream(request, idle=5.0, max_line=10) as answer:
            assert await anext(answer.lines()) == b"a"
        async with asyncio.timeout(10):
            await closed.wait()
