"""HTTP to the two small servers that tell who a pod is: the Kubernetes API and the EKS Pod
Identity agent. AWS has a path of its own (`aws/transport.py`), made for many calls.

Never through a proxy: both are the cluster's own and reached from every node directly, while the
proxy variables are set for the way out, often without these addresses in `NO_PROXY`.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from provider.deadline import Deadline
from provider.http.connection import Connection, Dropped, NoAnswer, Request, open_connection
from provider.http.idle import Idle
from provider.http.names import Names
from provider.http.origin import parse_origin
from provider.http.response import Reply

MAX_IDLE = 32

Method = Literal["GET", "POST", "PATCH"]


class SiteUnavailable(Exception):
    """No usable answer came. The text says where from and why; nothing that was sent is in it."""


class Unreachable(SiteUnavailable):
    """No connection came about: perhaps there is no such server."""


class Untrusted(SiteUnavailable):
    """The server's certificate is not signed by whom we trust."""


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
        self._origin = parse_origin(url)
        self._limits = limits
        self._tls = tls
        self._idle = Idle(MAX_IDLE)
        self._names = Names()

    def get(self, path: str, headers: Mapping[str, str], deadline: Deadline) -> Reply:
        """Ask once; raises `SiteUnavailable`."""
        return self.send("GET", path, headers, deadline)

    def send(
        self,
        method: Method,
        path: str,
        headers: Mapping[str, str],
        deadline: Deadline,
        body: bytes = b"",
    ) -> Reply:
        """Send once; raises `SiteUnavailable`."""
        try:
            request = Request(method, path, headers, body)
        except ValueError as error:
            raise SiteUnavailable(f"{self.url} was not asked: {error}") from None
        limit = deadline.within(self._limits.request)
        kept = self._idle.take(self._origin)
        try:
            if kept is not None:
                try:
                    return self._ask(kept, request, limit)
                except Dropped:
                    if method != "GET":  # it may have been carried out
                        raise
            return self._ask(self._open(limit), request, limit)
        except NoAnswer as failure:
            raise SiteUnavailable(
                self._late if failure.kind == "timeout" else str(failure)
            ) from failure

    def _ask(self, over: Connection, request: Request, limit: Deadline) -> Reply:
        try:
            return over.ask(request, limit, self._limits.body)
        finally:
            self._idle.put(over)

    def _open(self, limit: Deadline) -> Connection:
        soon = limit.within(self._limits.connect)
        try:
            new = open_connection(self._origin, None, self._names, self._tls, soon)
        except NoAnswer as failure:
            if isinstance(failure.__cause__, ssl.SSLCertVerificationError):
                why = failure.__cause__.verify_message
                text = f"{self.url} has a certificate that is not trusted: {why}"
                raise Untrusted(text) from failure
            if failure.kind == "timeout":
                raise Unreachable(self._late) from failure
            cause = failure.__cause__
            why = (isinstance(cause, OSError) and cause.strerror) or str(failure)
            raise Unreachable(f"{self.url} cannot be reached: {why}") from failure
        new.patience = self._limits.request
        return new

    @property
    def _late(self) -> str:
        return f"{self.url} did not answer in time"
