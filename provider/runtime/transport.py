"""The boundary to every HTTP server: one request in, one whole answer out.

A `Transport` is one coroutine function, and so is a fake of it. `HttpClient.send` is the real one.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Literal

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    `timeout` is for all of it, `connect_timeout` for opening a connection to one address, both in
    seconds; `max_body` bounds the answer in bytes.
    """

    method: Method
    url: str
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes = field(repr=False, default=b"")
    timeout: float = 30.0
    connect_timeout: float = 3.0
    max_body: int = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer, whatever its status. Look headers up by names in lower case; of one that
    came twice there is the first value."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def sent_at(self) -> float | None:
        """Seconds of Unix time by the clock of the server; None if it does not say."""
        try:
            return parsedate_to_datetime(self.headers.get("date", "")).timestamp()
        except (ValueError, OverflowError):
            return None


class NoAnswer(Exception):
    """No usable answer came; the text says from where and why, and nothing that was sent.

    `kind`: `timeout`; `connection` (it broke, or could not be opened); `unreachable` (nothing
    listens there); `untrusted` (the certificate is not signed by an authority that we trust);
    `malformed` (not HTTP, or a body over the limit).
    """

    Kind = Literal["timeout", "connection", "unreachable", "untrusted", "malformed"]

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class AnswerTooLong(NoAnswer):
    """The answer, or one line of it, has more than `most` bytes."""

    def __init__(self, origin: object, most: int) -> None:
        super().__init__("malformed", f"{origin} answered more than {most} bytes")


Transport = Callable[[Request], Awaitable[Reply]]
"""Sends one request; raises `NoAnswer`."""
