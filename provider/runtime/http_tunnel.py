"""Tunnels through an HTTP proxy: `CONNECT`, then TLS with the server.

aiohttp counts nothing but 200 as the success of `CONNECT`; HTTP counts any 2xx. A subclass of a
connector overrides `_create_connection`: despite its underscore it is the method that aiohttp's
client reference documents for this.
"""

import asyncio
import re
import ssl
from typing import cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

_LONGEST_HEAD = 16 * 1024
"""Bytes of status line and headers in the answer to `CONNECT`."""


class TunnelConnector(aiohttp.TCPConnector):
    """Connects as TCPConnector does, and through any proxy that answers `CONNECT` with 2xx."""

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        if req.proxy is None or not req.is_ssl():
            return await super()._create_connection(req, traces, timeout)
        loop = asyncio.get_running_loop()
        to_proxy = aiohttp.ClientRequest("CONNECT", req.proxy, loop=loop, ssl=req.ssl)
        try:
            proxied = await super()._create_connection(to_proxy, traces, timeout)
        except aiohttp.ClientSSLError:
            raise
        except aiohttp.ClientConnectorError as error:
            raise aiohttp.ClientProxyConnectionError(req.connection_key, error.os_error) from error
        transport = cast("asyncio.Transport", proxied.transport)
        try:
            async with asyncio.timeout(timeout.sock_connect):
                await _connect(transport, req)
                return await _start_tls(transport, req)
        except BaseException:
            transport.abort()
            raise


async def _connect(transport: asyncio.Transport, req: aiohttp.ClientRequest) -> None:
    """Make `transport`, which ends at the proxy, a tunnel to the server of `req`."""
    reader = asyncio.StreamReader(limit=_LONGEST_HEAD)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    host = f"[{req.host}]" if ":" in req.host else req.host
    lines = [f"CONNECT {host}:{req.port} HTTP/1.1", f"Host: {host}:{req.port}"]
    lines += [f"{name}: {value}" for name, value in (req.proxy_headers or {}).items()]
    transport.write("\r\n".join([*lines, "", ""]).encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        raise aiohttp.ServerDisconnectedError from None
    except asyncio.LimitOverrunError:
        head = b""
    status = re.match(rb"HTTP/1\.[01] (\d{3})[ \r]", head)
    if status is None:
        raise aiohttp.ClientResponseError(req.request_info, ())
    if not status[1].startswith(b"2"):
        raise aiohttp.ClientHttpProxyError(req.request_info, (), status=int(status[1]))


async def _start_tls(transport: asyncio.Transport, req: aiohttp.ClientRequest) -> ResponseHandler:
    loop = asyncio.get_running_loop()
    handler = ResponseHandler(loop)
    context = req.ssl if isinstance(req.ssl, ssl.SSLContext) else ssl.create_default_context()
    try:
        secured = await loop.start_tls(transport, handler, context, server_hostname=req.host)
    except ssl.SSLCertVerificationError as error:
        raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
    except ssl.SSLError as error:
        raise aiohttp.ClientConnectorSSLError(req.connection_key, error) from error
    except TimeoutError:
        raise
    except OSError as error:
        raise aiohttp.ClientConnectorError(req.connection_key, error) from error
    if secured is None:
        raise aiohttp.ServerDisconnectedError
    handler.connection_made(secured)
    return handler
