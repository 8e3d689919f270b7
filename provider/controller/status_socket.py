"""The socket of `secrets-provider-aws status`: every connection gets one JSON document.

It is a Unix socket of the abstract namespace, which takes no file: the file system of the container
is read-only. Other containers of the pod could connect, and with `hostNetwork` every process of the
node; only root and the controller's own user are answered. Nothing is read from a caller.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable

from provider.runtime.document_server import DocumentServer
from provider.runtime.log import fields, logger

_CREDENTIALS = struct.Struct("3i")
"""Credentials of the peer of a Unix socket: pid, uid, gid."""


class StatusSocket:
    """Serves `document` under `name`, which begins with `@`."""

    def __init__(self, name: str, document: Callable[[], Awaitable[bytes]]) -> None:
        self._name = name
        self._documents = DocumentServer(document, _may_ask)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Serve. Without the socket, the controller works as well."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(address_of(self._name))
            self._server = await self._documents.listen(listener)
        except OSError as error:
            listener.close()
            about = fields(name=self._name, error=error.strerror or str(error))
            logger.warning("the status socket is not available", extra=about)

    async def close(self) -> None:
        """Accept no more callers."""
        if self._server is not None:
            self._server.close()


def address_of(name: str) -> str:
    """The address of a socket of the abstract namespace."""
    return "\0" + name.removeprefix("@")


def _may_ask(connection: socket.socket) -> bool:
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(found)
    return uid in (0, os.geteuid())
