"""What answers are read, and what is refused; `http.client` is the oracle where both accept."""

import socket
from collections.abc import Iterator, Sequence
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.http import response
from provider.http.response import BrokenOff, NothingCame, NotHttp, Reader, Reply, TooLong

MOST = 1000
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def reader(*pieces: bytes) -> Reader:
    coming: Iterator[bytes] = iter([piece for piece in pieces if piece])
    return Reader(lambda: next(coming, b""))


def read(*pieces: bytes) -> Reply:
    return reader(*pieces).reply(MOST)


@pytest.mark.parametrize(
    ("answer", "body", "reusable"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
        (OK + b"Content-Length: 5\r\nConnection: Close\r\n\r\nhello", b"hello", False),
        (OK + b"\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
        (
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi",
            b"hi",
            True,
        ),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b"", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", True),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"hello", True),
        (CHUNKED + b"1;a=b\r\nh\r\n0004\r\nello\r\n0\r\nA: b\r\nC: d\r\n\r\n", b"hello", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", b"hi", True),
        (b"HTTP/1.1 103 Early\r\nA: b\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", b"hi", True),
        (OK + b"Content-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n\r\n", b"hi", False),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi", b"", False),
    ],
    ids=[
        "length",
        "closing",
        "until closed",
        "HTTP/1.0",
        "HTTP/1.0 kept",
        "no reason",
        "204",
        "304",
        "chunks",
        "extension and trailers",
        "100",
        "103",
        "more than was asked for",
        "204 with a body",
    ],
)
def test_what_is_read(answer: bytes, body: bytes, reusable: bool) -> None:
    whole = reader(answer)
    assert whole.reply(MOST).body == body
    assert whole.reusable == reusable
    assert read(*(answer[at : at + 1] for at in range(len(answer)))).body == body


def test_headers_are_named_in_small_letters_and_joined() -> None:
    reply = read(OK + b"A:  x \r\nB:\r\na: y\r\nContent-Length: 0\r\n\r\n")
    assert reply.headers == {"a": "x, y", "b": "", "content-length": "0"}


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage",
        b"\x16\x03\x01\x00\x02\x02\x50",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2_0 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * (response.MAX_INTERIM + 1),
        OK + b"A: b\r\n folded\r\n\r\n",
        OK + b"A b: c\r\n\r\n",
        OK + b"A : c\r\n\r\n",
        OK + b": c\r\n\r\n",
        OK + b"nothing\r\n\r\n",
        OK + b"A: \0\r\n\r\n",
        OK + b"A: b\rC: d\r\n\r\n",
        OK + b"A: b\nC: d\r\n\r\n",
        OK + b"A: b\r\n" * (response.MAX_HEADERS + 1) + b"\r\n",
        OK + b"A: " + b"b" * response.MAX_HEAD + b"\r\n\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"Content-Length: -1\r\n\r\nhi",
        OK + b"Content-Length: +1\r\n\r\nhi",
        OK + b"Content-Length: 1_0\r\n\r\nhi",
        OK + b"Content-Length: \xb2\r\n\r\nhi",
        OK + b"Content-Length:\r\n\r\nhi",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"-1\r\n" + b"x" * 99,
        CHUNKED + b"0x2\r\nhi\r\n0\r\n\r\n",
        CHUNKED + b"2\nhi\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nhiXX0\r\n\r\n",
        CHUNKED + b"\r\n",
        CHUNKED + b"1;" + b"a" * response.MAX_CHUNK_LINE + b"\r\nh\r\n0\r\n\r\n",
        CHUNKED + b"0\r\nnothing\r\n\r\n",
        CHUNKED + b"0\r\n" + b"a: b\r\n" * 20_000,
    ],
    ids=lambda answer: repr(answer[-40:]),
)
def test_what_is_refused(answer: bytes) -> None:
    with pytest.raises(NotHttp):
        read(answer)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 1001\r\n\r\n",
        CHUNKED + b"3e9\r\n",
        CHUNKED + b"ffffffff\r\n",
        OK + b"\r\n" + b"x" * 1001,
    ],
    ids=["length", "chunk", "most that a chunk can be", "until closed"],
)
def test_no_more_is_read_than_allowed(answer: bytes) -> None:
    with pytest.raises(TooLong):
        read(answer)


@pytest.mark.parametrize(
    "answer",
    [OK + b"A: b\r\nContent-Length: 5\r\n\r\nhello", CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\n\r\n"],
    ids=["length", "chunks"],
)
def test_an_answer_that_breaks_off_anywhere_is_none(answer: bytes) -> None:
    with pytest.raises(NothingCame):
        read()
    for end in range(1, len(answer)):
        with pytest.raises(BrokenOff):
            read(answer[:end])


# ---- against http.client -----------------------------------------------------------


class _Said:
    """All that `HTTPResponse` wants of a socket."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    def makefile(self, _mode: str) -> BytesIO:
        return BytesIO(self._said)


def by_http_client(answer: bytes) -> tuple[Reply, bool] | None:
    theirs = HTTPResponse(cast("socket.socket", _Said(answer)))
    try:
        theirs.begin()
        body = theirs.read(MOST + 1)
    except (HTTPException, ValueError, OSError):
        return None
    names = {name.lower() for name in theirs.headers}
    headers = {
        name: ", ".join(value.strip(" \t") for value in theirs.headers.get_all(name, []))
        for name in names
    }
    if theirs.length or len(body) > MOST:
        return None
    return Reply(theirs.status, headers, body), theirs.isclosed() and not theirs.will_close


def by_us(pieces: Sequence[bytes]) -> tuple[Reply, bool] | None:
    ours = reader(*pieces)
    try:
        return ours.reply(MOST), ours.reusable
    except (NotHttp, BrokenOff, NothingCame, TooLong):
        return None


def cut(answer: bytes, size: int) -> list[bytes]:
    return [answer[at : at + size] for at in range(0, len(answer), size)]


names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True).filter(
    lambda name: name.lower() not in ("connection", "content-length", "transfer-encoding")
)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
headers = st.lists(st.tuples(names, values), max_size=5)
bodies = st.binary(max_size=200)
sizes = st.integers(1, 40)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Such as a server sends."""
    version = draw(st.sampled_from(["1.0", "1.1"]))
    framings = ["length", "closed", *(["chunked"] if version == "1.1" else [])]
    framing, body = draw(st.sampled_from(framings)), draw(bodies)
    fields = [f"{name}: {value}" for name, value in draw(headers)]
    fields += draw(st.sampled_from([[], ["Connection: close"], ["connection: Keep-Alive"]]))
    content = body
    if framing == "length":
        fields.append(f"Content-Length: {len(body)}")
    elif framing == "chunked":
        fields.append("transfer-encoding: Chunked")
        pieces = [*cut(body, draw(sizes)), b""]
        content = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    else:
        fields.append("Connection: close")
    status = draw(st.sampled_from([200, 201, 302, 400, 403, 503]))
    head = "\r\n".join([f"HTTP/{version} {status} Some Reason", *draw(st.permutations(fields))])
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"]))
    return interim + head.encode() + b"\r\n\r\n" + content


@given(answers(), sizes)
def test_answers_are_read_as_http_client_reads_them(answer: bytes, size: int) -> None:
    ours = by_us(cut(answer, size))
    assert ours is not None
    assert ours == by_http_client(answer)


SPOILT = (
    b"\0", b"\r", b"\n", b"\r\n", b" ", b":", b"-", b"_", b"0", b"9", b"f", b";", b"\xb2", b"\xff",
    b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n\r\n",
)  # fmt: skip


@given(answers(), sizes, st.data())
def test_a_spoilt_answer_is_refused_or_read_as_http_client_reads_it(
    answer: bytes, size: int, data: st.DataObject
) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(answer)))
        cutting = data.draw(st.integers(0, 3))
        spoilt = data.draw(st.sampled_from(SPOILT))
        answer = answer[:at] + spoilt + answer[at + cutting :]
    ours = by_us(cut(answer, size))
    theirs = by_http_client(answer)
    if ours is None or theirs is None:
        return
    if ours[0].status in (204, 304) or 100 <= theirs[0].status < 200:
        return  # http.client reads bodies where there are none, and takes 102 for the last word
    assert (ours[0].status, ours[0].body) == (theirs[0].status, theirs[0].body)
    assert theirs[1] or not ours[1]


@given(st.binary(max_size=300), sizes)
def test_nothing_that_comes_in_is_a_surprise(garbage: bytes, size: int) -> None:
    by_us(cut(garbage, size))
    by_us(cut(OK + garbage, size))
    by_us(cut(CHUNKED + garbage, size))
