"""HTTP to the two small servers that tell who a pod is: the Kubernetes API and the EKS Pod
Identity agent. AWS has a path of its own (`aws/transport.py`), made for many calls.

Never through a proxy: both are the cluster's own and reached from every node directly, while the
proxy variables are set for the way out, often without these addresses in `NO_PROXY`.
"""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as AnyTimeout

from provider.deadline import Deadline

MAX_IDLE = 32

Method = Literal["GET", "POST", "PATCH"]


class NoAnswer(Exception):
    """No usable answer came. The text says where from and why; nothing that was sent is in it."""


class Unreachable(NoAnswer):
    """No connection came about: perhaps there is no such server."""


class Untrusted(NoAnswer):
    """The server's certificate is not signed by whom we trust."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole, whatever its status; redirects too. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect and for one whole request, and bytes of the answer."""

    connect: float
    request: float
    body: int


class Site:
    """One server, over kept connections. Thread-safe. `url` is scheme, host and port."""

    def __init__(self, url: str, limits: Limits, tls: ssl.SSLContext | None = None) -> None:
        self.url = url
        self._limits = limits
        if url.startswith("https:"):
            self._pool = urllib3.connection_from_url(url, maxsize=MAX_IDLE, ssl_context=tls)
        else:
            self._pool = urllib3.connection_from_url(url, maxsize=MAX_IDLE)

    def get(self, path: str, headers: Mapping[str, str], deadline: Deadline) -> Reply:
        """Ask once; raises `NoAnswer`."""
        return self.send("GET", path, headers, deadline)

    def send(
        self,
        method: Method,
        path: str,
        headers: Mapping[str, str],
        deadline: Deadline,
        body: bytes | None = None,
    ) -> Reply:
        """Send once; raises `NoAnswer`."""
        for value in headers.values():
            # http.client would quote the value, which may be a token.
            if not (value.isascii() and value.isprintable()):
                raise NoAnswer(f"{self.url} was not asked: a header holds what no header may hold")
        limit = deadline.within(self._limits.request)
        try:
            return self._send(method, path, headers, limit, body)
        except (HTTPError, OSError) as error:
            raise self._failure(error) from error

    def _send(
        self,
        method: Method,
        path: str,
        headers: Mapping[str, str],
        limit: Deadline,
        body: bytes | None,
    ) -> Reply:
        left = limit.remaining()
        if left <= 0:
            raise TimeoutError
        response = self._pool.urlopen(
            method,
            path,
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            preload_content=False,
            timeout=urllib3.Timeout(connect=min(self._limits.connect, left), read=left),
        )
        try:
            answer = self._read(response, limit)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, answer)

    def _failure(self, error: HTTPError | OSError) -> NoAnswer:
        """Why, in the system's words: urllib3's own texts are made of addresses of objects."""
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                text = f"{self.url} has a certificate that is not trusted: {cause.verify_message}"
                return Untrusted(text)
        kind = NoAnswer
        if any(isinstance(cause, NewConnectionError | ConnectTimeoutError) for cause in causes):
            kind = Unreachable
        for cause in causes:
            if isinstance(cause, OSError) and cause.strerror:
                return kind(f"{self.url} cannot be reached: {cause.strerror}")
        if any(isinstance(cause, AnyTimeout | TimeoutError) for cause in causes):
            return kind(f"{self.url} did not answer in time")
        name = type(causes[-1]).__name__
        return NoAnswer(f"{self.url} broke off or did not speak HTTP ({name})")

    def _read(self, response: urllib3.BaseHTTPResponse, limit: Deadline) -> bytes:
        body = bytearray()
        while chunk := response.read1(64 * 1024):
            body += chunk
            if len(body) > self._limits.body:
                raise NoAnswer(f"{self.url} answered more than {self._limits.body} bytes")
            if limit.passed:  # a time-out bounds a single read only
                raise TimeoutError
        return bytes(body)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(8):
        if error is None:
            return
        yield error
        inner = error.args[-1] if error.args else None
        error = error.__cause__ or (inner if isinstance(inner, BaseException) else None)
