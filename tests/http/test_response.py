"""Heads of answers: read as `http.client` reads them, or refused."""

import io
from http.client import HTTPException, HTTPResponse
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.http.response import MAX_HEADERS, Response


class Wire:
    """All that a response wants of a socket."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._sent)


def read(kind: type[HTTPResponse], sent: bytes) -> tuple[int, bytes, bool]:
    """Status, body, and whether the connection ends with it."""
    response = kind(cast("Any", Wire(sent)), method="POST")
    try:
        response.begin()
        body = response.read(1 << 20)
        return response.status, body, bool(response.will_close)
    finally:
        response.close()


ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "until the end": b"HTTP/1.1 200 OK\r\n\r\nhi",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "HTTP/1.0 kept": b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
    "closing": b"HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
    "nothing": b"HTTP/1.1 204 Nothing\r\n\r\n",
    "continued": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "bare line ends": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "capitals": b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH: 2\r\nconnection: CLOSE\r\n\r\nhi",
}


@pytest.mark.parametrize("sent", ANSWERS.values(), ids=ANSWERS)
def test_answers_are_read_as_http_client_reads_them(sent: bytes) -> None:
    assert read(Response, sent) == read(HTTPResponse, sent)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/2 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (MAX_HEADERS + 1) + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
    ],
    ids=lambda sent: sent[:50].decode("latin-1"),
)
def test_what_makes_no_sense_is_refused(sent: bytes) -> None:
    with pytest.raises(HTTPException):
        read(Response, sent)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [b"HTTP/1.1 200 OK", b"\r\n", b"\n", b"Content-Length: 2", b": ", b"hi"]
            ),
            st.sampled_from([b"Transfer-Encoding: chunked", b"Connection: close", b"2\r\nhi\r\n0"]),
            st.binary(max_size=6),
        ),
        max_size=12,
    ).map(b"".join)
)
def test_whatever_comes_is_read_alike_or_refused(sent: bytes) -> None:
    sent = b"HTTP/1.1 200 OK\r\n" + sent
    try:
        ours = read(Response, sent)
    except (HTTPException, ValueError):
        return
    assert ours == read(HTTPResponse, sent)
