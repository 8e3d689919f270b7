"""The HTTP client of the process: one aiohttp session for AWS, the Kubernetes API and the agent.

It does nothing on its own: no redirects, cookies, decompression, or settings from the environment.
Host names are resolved by c-ares on the loop, not in threads: a look-up that hangs delays nothing
but the requests to that host.
"""

import os
import ssl
from asyncio import timeout
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.resolver import AsyncResolver
from yarl import URL

from provider.runtime.transport import NoAnswer, Reply, Request

CONNECTIONS_PER_HOST = 24
"""More requests to one host wait for a connection. Each holds up to some 100 KiB with TLS."""
MAX_IDLE = 60.0
"""Seconds after which an idle connection is closed: a NAT gateway may have forgotten it."""
_NAME_TIMEOUT = 2.0
"""Seconds for one query of a name server, which is tried twice."""
_OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What aiohttp adds to each request unless it is asked not to."""
_CLOSED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
_FAILURES = (aiohttp.ClientError, OSError, ValueError)
"""All that aiohttp raises: OSError of sockets and TLS, ValueError of URLs and host names."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, as a URL without user and password, and its `Proxy-Authorization` header."""

    url: str
    authorization: str | None = field(default=None, repr=False)


class HttpClient:
    """Sends requests over kept connections. The session is opened on the loop that first sends."""

    def __init__(self, connections_per_host: int = CONNECTIONS_PER_HOST) -> None:
        self._connections_per_host = connections_per_host
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, request: Request, *, tls: ssl.SSLContext | None = None, proxy: Proxy | None = None
    ) -> Reply:
        """The whole answer to one request; raises `NoAnswer`.

        Without `tls` the system's authorities are trusted. `tls` is used for an https proxy too.
        Requests must be repeatable: one that meets a kept connection which the server has closed is
        sent again, once, and aiohttp itself sends a GET, PUT or DELETE again that is cut off.
        """
        url = _checked(request)
        with _translated(url, proxy):
            async with timeout(request.timeout):
                connection = SimpleNamespace(reused=False)
                try:
                    return await self._send(url, request, tls, proxy, connection)
                except aiohttp.ClientConnectorError:
                    raise
                except _CLOSED:
                    if not connection.reused:
                        raise
                return await self._send(url, request, tls, proxy, connection)

    async def close(self) -> None:
        """Close all connections. The client can be used again, also on another loop."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(
        self,
        url: URL,
        request: Request,
        tls: ssl.SSLContext | None,
        proxy: Proxy | None,
        connection: SimpleNamespace,
    ) -> Reply:
        options: dict[str, Any] = {"ssl": tls} if tls is not None else {}
        headers = dict(request.headers)
        if proxy is not None:
            options["proxy"] = proxy.url
            if proxy.authorization is not None:
                # An http proxy reads it in the request itself, a tunnel in that of CONNECT.
                for_proxy = {"Proxy-Authorization": proxy.authorization}
                options["proxy_headers"] = for_proxy if url.scheme == "https" else {}
                headers |= for_proxy if url.scheme == "http" else {}
        async with self._opened().request(
            request.method,
            url,
            headers=headers,
            data=request.body or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=request.connect_timeout),
            trace_request_ctx=connection,
            **options,
        ) as response:
            body = await _read(response, url, request.max_body)
            return Reply(response.status, _headers(response), body)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=AsyncResolver(timeout=_NAME_TIMEOUT, tries=2),
                    limit=0,
                    limit_per_host=self._connections_per_host,
                    keepalive_timeout=MAX_IDLE,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_OWN_HEADERS,
                trace_configs=[_tracing()],
            )
        return self._session


def _tracing() -> aiohttp.TraceConfig:
    """Notes in the `trace_request_ctx` of a request whether its connection was a kept one."""

    async def note_kept(_session: object, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.reused = True

    async def note_new(_session: object, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.reused = False

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(note_kept)
    tracing.on_connection_create_start.append(note_new)
    return tracing


def _checked(request: Request) -> URL:
    """The URL of a request that can be sent; tokens come from outside and may hold anything."""
    url = URL(request.url, encoded=True)
    try:
        origin = str(url.origin())
    except ValueError:
        raise NoAnswer("malformed", "the URL of a request is not one") from None
    if not (request.url.isascii() and request.url.isprintable() and " " not in request.url):
        raise NoAnswer("malformed", f"{origin} was not asked: no URL may hold such characters")
    for value in request.headers.values():
        if not (value.isascii() and value.isprintable()):
            raise NoAnswer("malformed", f"{origin} was not asked: no header may hold such a value")
    return url


async def _read(response: aiohttp.ClientResponse, url: URL, most: int) -> bytes:
    if (response.content_length or 0) > most:
        raise _too_long(url, most)
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > most:
            raise _too_long(url, most)
    return bytes(body)


def _too_long(url: URL, most: int) -> NoAnswer:
    return NoAnswer("malformed", f"{url.origin()} answered more than {most} bytes")


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for key, value in response.headers.items():
        name = key.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


@contextmanager
def _translated(url: URL, proxy: Proxy | None) -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        raise _no_answer(error, str(url.origin()), proxy) from error


def _no_answer(error: Exception, origin: str, proxy: Proxy | None) -> NoAnswer:
    """What is wrong, in our own words: the texts of aiohttp may quote the answer."""
    kind, text = next((kind, text) for class_, kind, text in _MEANINGS if isinstance(error, class_))
    via = f" (through the proxy {proxy.url})" if proxy else ""
    nearest = f"the proxy {proxy.url}" if proxy else origin
    text = text.format(server=f"{origin}{via}", nearest=nearest, reason=_reason(error))
    return NoAnswer(kind, text)


_MEANINGS: tuple[tuple[type[Exception], NoAnswer.Kind, str], ...] = (
    (aiohttp.ConnectionTimeoutError, "unreachable", "cannot connect to {server} in time"),
    (TimeoutError, "timeout", "{server} did not answer in time"),
    (
        aiohttp.ClientConnectorCertificateError,
        "untrusted",
        "{server} has a certificate that is not trusted: {reason}",
    ),
    (aiohttp.ClientSSLError, "connection", "no TLS with {server}: {reason}"),
    (aiohttp.ClientProxyConnectionError, "unreachable", "cannot connect to {nearest}: {reason}"),
    (aiohttp.ClientConnectorError, "unreachable", "cannot connect to {server}: {reason}"),
    # aiohttp takes nothing but 200 for a success of CONNECT, and no public API changes that.
    (aiohttp.ClientHttpProxyError, "connection", "{server}: the answer to CONNECT was {reason}"),
    (aiohttp.ClientPayloadError, "connection", "{server} broke off its answer"),
    (aiohttp.ServerDisconnectedError, "connection", "{server} did not answer: it hung up"),
    (aiohttp.ClientResponseError, "malformed", "{server} did not answer: not HTTP"),
    (OSError, "connection", "{server} did not answer: {reason}"),
    (Exception, "malformed", "{server} cannot be asked: {reason}"),
)
"""What each error means; the first that fits counts."""


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return getattr(error.certificate_error, "verify_message", "") or "no reason is known"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return str(error.status)
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, ssl.SSLError):
        return error.reason or type(error).__name__
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else error.strerror or type(error).__name__
    return type(error).__name__
