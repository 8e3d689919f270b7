"""Answers of HTTP/1.1 (RFC 9112), read strictly and within bounds.

`http.client` makes an e-mail of the headers, which costs as much CPU as all the rest of a call, and
its chunks may have a size below zero, which reads without end. Where two readings of an answer are
possible there is none here: what is left on a kept connection would be taken for the next answer.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

MAX_HEAD = 64 * 1024
MAX_HEADERS = 100
MAX_CHUNK_LINE = 1024
MAX_INTERIM = 8
"""Answers of the kind "100 Continue" before the real one."""

_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00-\x08\x0a-\x1f\x7f]*)")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_LENGTH = re.compile(r"[0-9]{1,15}")


class NotHttp(Exception):
    """What came in is no answer. The text is in our words: it quotes nothing of it."""


class BrokenOff(Exception):
    """The other side stopped in the middle of its answer."""


class NothingCame(ConnectionError):
    """The other side hung up instead of an answer."""


class TooLong(Exception):
    """The body is longer than is allowed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side said, whole."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By name, in small letters; of one that comes twice all values, with a comma between."""
    body: bytes = field(repr=False)


class Reader:
    """Reads one answer. `more` gives the next bytes, and none at the end."""

    __slots__ = ("_data", "_more", "reusable")

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more = more
        self._data = bytearray()
        self.reusable = False
        """Whether another answer may follow on the same connection."""

    def reply(self, max_body: int) -> Reply:
        """The whole answer; raises what is declared here, and what `more` raises."""
        minor, status, headers = self.head()
        body, has_end = self._body(minor, status, headers, max_body)
        self.reusable = has_end and not self._data and _stays_open(minor, headers)
        return Reply(status, headers, body)

    def head(self) -> tuple[str, int, dict[str, str]]:
        """The minor version, status and headers of the final answer."""
        for _ in range(MAX_INTERIM):
            self._check_start()
            lines = self._until(b"\r\n\r\n", MAX_HEAD).decode("latin-1").split("\r\n")
            found = _STATUS.fullmatch(lines[0])
            if found is None:
                raise NotHttp("status line")
            headers = _fields(lines[1:])
            status = int(found[2])
            if status >= 200:
                return found[1], status, headers
            if status == 101:
                raise NotHttp("another protocol")
        raise NotHttp("interim answers")

    def _check_start(self) -> None:
        """Tell soon what does not even start as an answer: it may never come to an end."""
        if not self._data:
            self._data += self._more()
        if not self._data:
            raise NothingCame("it closed the connection")
        if not self._data.startswith(b"HTTP/1."[: len(self._data)]):
            raise NotHttp("status line")

    def _body(
        self, minor: str, status: int, headers: Mapping[str, str], most: int
    ) -> tuple[bytes, bool]:
        """The body, and whether it has an end of its own (RFC 9112, section 6.3)."""
        encoding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if encoding is not None:
            if encoding.lower() != "chunked" or length is not None or minor == "0":
                raise NotHttp("Transfer-Encoding")
        elif length is not None and not _LENGTH.fullmatch(length):
            raise NotHttp("Content-Length")
        if status in (204, 304):
            return b"", True
        if encoding is not None:
            return self._chunks(most), True
        if length is None:
            return self._rest(most), False
        if int(length) > most:
            raise TooLong
        return self._exactly(int(length)), True

    def _chunks(self, most: int) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            if len(body) + size > most:
                raise TooLong
            body += self._exactly(size)
            if self._exactly(2) != b"\r\n":
                raise NotHttp("chunk")
        end = self._exactly(2)
        if end != b"\r\n":  # trailers, which nobody asked for
            rest = end + self._until(b"\r\n\r\n", MAX_HEAD)
            _fields(rest.decode("latin-1").split("\r\n"))
        return bytes(body)

    def _chunk_size(self) -> int:
        found = _CHUNK.fullmatch(self._until(b"\r\n", MAX_CHUNK_LINE))
        if found is None:
            raise NotHttp("chunk")
        return int(found[1], 16)

    def _rest(self, most: int) -> bytes:
        while piece := self._more():
            self._data += piece
            if len(self._data) > most:
                break
        if len(self._data) > most:
            raise TooLong
        return self._taken(len(self._data))

    def _exactly(self, count: int) -> bytes:
        while len(self._data) < count:
            self._fill()
        return self._taken(count)

    def _until(self, end: bytes, most: int) -> bytes:
        """What comes before `end`, which is taken too."""
        searched = 0
        while (at := self._data.find(end, searched)) < 0 and len(self._data) <= most:
            searched = max(0, len(self._data) - len(end) + 1)
            self._fill()
        if not 0 <= at <= most:
            raise NotHttp("a line or head without end")
        taken = self._taken(at)
        del self._data[: len(end)]
        return taken

    def _taken(self, count: int) -> bytes:
        taken = bytes(self._data[:count])
        del self._data[:count]
        return taken

    def _fill(self) -> None:
        piece = self._more()
        if not piece:
            raise BrokenOff
        self._data += piece


def _fields(lines: Sequence[str]) -> dict[str, str]:
    if len(lines) > MAX_HEADERS:
        raise NotHttp("too many headers")
    headers: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)  # a folded line has no name
        if found is None:
            raise NotHttp("header")
        name, value = found[1].lower(), found[2].strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _stays_open(minor: str, headers: Mapping[str, str]) -> bool:
    options = headers.get("connection", "").lower()
    return "close" not in options and (minor == "1" or "keep-alive" in options)
