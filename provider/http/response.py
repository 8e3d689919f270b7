"""The head of an answer: `http.client`'s, but for headers that are plain texts by name.

Stricter where the standard wants it (RFC 9112): no folded lines, no two lengths, no head that
breaks off.
"""

from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from typing import BinaryIO, cast

MAX_LINE = 65536
MAX_HEADERS = 100
MAX_INTERIM = 8
"""Answers of the kind "100 Continue" before the real one."""


class Response(HTTPResponse):
    """What `read` and `isclosed` of `HTTPResponse` need, and nothing more."""

    fields: Mapping[str, str]
    """Headers by name, in small letters."""
    chunked: bool
    chunk_left: int | None
    length: int | None
    will_close: bool

    def begin(self) -> None:
        """Read status line and headers; raises `HTTPException`."""
        for _ in range(MAX_INTERIM):
            version, status, reason = self._read_status()  # type: ignore[attr-defined]  # as in http.client
            fields = read_fields(cast("BinaryIO", self.fp))
            if status >= 200:
                break
        else:
            raise HTTPException("no end of interim answers")
        if not version.startswith("HTTP/1."):
            raise HTTPException("not HTTP/1")
        self.code = self.status = status
        self.reason = reason.strip()
        self.version = 10 if version == "HTTP/1.0" else 11
        self.fields = self.headers = fields  # type: ignore[assignment]  # all that is asked of it is get
        self.chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else self._length(fields)
        closes = self._check_close()  # type: ignore[attr-defined]  # as in http.client
        # Without a length the end of the connection ends the body.
        self.will_close = closes or (not self.chunked and self.length is None)

    def _length(self, fields: Mapping[str, str]) -> int | None:
        if self.status in (204, 304) or self._method in ("HEAD", "CONNECT"):  # type: ignore[attr-defined]
            return 0
        text = fields.get("content-length")
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 20):
            raise HTTPException("a length that is no number")
        return int(text)


def read_fields(lines: BinaryIO) -> Mapping[str, str]:
    """Headers up to the empty line; of one that comes twice the last."""
    fields: dict[str, str] = {}
    for _ in range(MAX_HEADERS + 1):
        line = lines.readline(MAX_LINE + 1)
        if line in (b"\r\n", b"\n"):
            return fields
        if len(line) > MAX_LINE or not line.endswith(b"\n"):
            raise HTTPException("a header that does not end")
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip() or b" " in name:
            raise HTTPException("a header without a name")
        key, text = name.decode("latin-1").lower(), value.strip().decode("latin-1")
        if key == "content-length" and fields.get(key, text) != text:
            raise HTTPException("two lengths")
        fields[key] = text
    raise HTTPException("too many headers")
