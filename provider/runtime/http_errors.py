"""What the failures of aiohttp mean, in our own words: its texts may quote the answer."""

import os
import ssl

import aiohttp
from yarl import URL

from provider.runtime.transport import NoAnswer

FAILURES = (aiohttp.ClientError, OSError, ValueError)
"""All that aiohttp raises: OSError of sockets and TLS, ValueError of URLs and host names."""


def no_answer(error: Exception, url: URL, proxy_url: str | None = None) -> NoAnswer:
    """What one of `FAILURES`, raised for a request to `url`, means."""
    origin = str(url.origin())
    kind, text = next((kind, text) for class_, kind, text in _MEANINGS if isinstance(error, class_))
    via = f" (through the proxy {proxy_url})" if proxy_url else ""
    nearest = f"the proxy {proxy_url}" if proxy_url else origin
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
