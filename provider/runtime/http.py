"""The HTTP client of the process: one aiohttp session for AWS, the Kubernetes API and the agent.

It does nothing on its own: no redirects, cookies, decompression, or settings from the environment.
Host names are resolved by c-ares on the loop, not in threads: a look-up that hangs delays nothing
but the requests to that host.
"""

import ssl
from asyncio import timeout
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import aiohttp
from aiohttp.resolver import AsyncResolver
from yarl import URL

from provider.runtime.http_errors import FAILURES, no_answer
from provider.runtime.http_tunnel import TunnelConnector
from provider.runtime.transport import AnswerTooLong, NoAnswer, Reply, Request

CONNECTIONS_PER_HOST = 96
"""More requests to one host wait for a connection. It is more than the calls that may be in flight
to one region: where one host serves all regions, a region that hangs leaves some to the others."""
MAX_IDLE = 60.0
"""Seconds after which an idle connection is closed: a NAT gateway may have forgotten it."""
_NAME_TIMEOUT = 2.0
"""Seconds for one query of a name server, which is tried twice."""
_OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What aiohttp adds to each request unless it is asked not to."""
_MOST_URLS = 128
"""Parsed URLs that are kept: a process asks few, again and again."""
_CLOSED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, as a URL without user and password, and its `Proxy-Authorization` header."""

    url: str
    authorization: str | None = field(default=None, repr=False)


class HttpClient:
    """Sends requests over kept connections, on the loop that first opens it or sends."""

    def __init__(self, connections_per_host: int = CONNECTIONS_PER_HOST) -> None:
        self._connections_per_host = connections_per_host
        self._session: aiohttp.ClientSession | None = None
        self._resolver: AsyncResolver | None = None

    async def send(
        self, request: Request, *, tls: ssl.SSLContext | None = None, proxy: Proxy | None = None
    ) -> Reply:
        """The whole answer to one request; raises `NoAnswer`.

        Without `tls` the system's authorities are trusted. `tls` is used for an https proxy too.
        Requests must be repeatable: one that meets a connection which the server closes, as it does
        with kept ones, is sent again, once.
        """
        url = checked(request)

        async def attempt() -> Reply:
            async with await self._begin(url, request, tls, proxy) as response:
                body = await _read(response, url, request.max_body)
                return Reply(response.status, response.headers, body)

        try:
            async with timeout(request.timeout):
                try:
                    return await attempt()
                except _CLOSED as error:
                    if isinstance(error, aiohttp.ClientConnectorError):
                        raise
                return await attempt()
        except FAILURES as error:
            raise no_answer(error, url, proxy.url if proxy else None) from error

    async def close(self) -> None:
        """Close all connections. The client can be used again, also on another loop."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        resolver, self._resolver = self._resolver, None
        if resolver is not None:
            await resolver.close()

    async def _begin(
        self, url: URL, request: Request, tls: ssl.SSLContext | None, proxy: Proxy | None
    ) -> aiohttp.ClientResponse:
        """The answer up to its body."""
        options: dict[str, Any] = {"ssl": tls} if tls is not None else {}
        headers = request.headers
        if proxy is not None:
            options["proxy"] = proxy.url
            if proxy.authorization is not None:
                # An http proxy reads it in the request itself, a tunnel in that of CONNECT.
                for_proxy = {"Proxy-Authorization": proxy.authorization}
                if url.scheme == "https":
                    options["proxy_headers"] = for_proxy
                else:
                    headers = {**headers, **for_proxy}
        return await self.open().request(
            request.method,
            url,
            headers=headers,
            data=request.body or None,
            allow_redirects=False,
            timeout=_connect_timeout(request.connect_timeout),
            **options,
        )

    def open(self) -> aiohttp.ClientSession:
        """The session. Made here or by the first request, with the thread of the resolver."""
        if self._session is None:
            self._resolver = AsyncResolver(timeout=_NAME_TIMEOUT, tries=2)
            self._session = aiohttp.ClientSession(
                connector=TunnelConnector(
                    resolver=self._resolver,
                    limit=0,
                    limit_per_host=self._connections_per_host,
                    keepalive_timeout=MAX_IDLE,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_OWN_HEADERS,
            )
        return self._session


def checked(request: Request) -> URL:
    """The URL of a request that can be sent; tokens come from outside and may hold anything."""
    url = _parsed(request.url)
    values = "".join(request.headers.values())
    if not (values.isascii() and values.isprintable()):
        text = f"{url.origin()} was not asked: no header may hold such a value"
        raise NoAnswer("malformed", text)
    return url


@lru_cache(_MOST_URLS)
def _parsed(text: str) -> URL:
    try:
        url = URL(text, encoded=True)
        str(url.origin())  # which reads all of it
    except ValueError:
        raise NoAnswer("malformed", "the URL of a request is not valid") from None
    if not (text.isascii() and text.isprintable() and " " not in text):
        reason = f"{url.origin()} was not asked: no URL may hold such characters"
        raise NoAnswer("malformed", reason)
    return url


@cache
def _connect_timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=seconds)


async def _read(response: aiohttp.ClientResponse, url: URL, most: int) -> bytes:
    if (response.content_length or 0) > most:
        raise AnswerTooLong(url.origin(), most)
    body = bytearray()
    while not response.content.at_eof():
        body += await response.content.readany()
        if len(body) > most:
            raise AnswerTooLong(url.origin(), most)
    return bytes(body)
