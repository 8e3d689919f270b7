"""The socket of `secrets-provider-aws status`: every connection gets one JSON document.

Nothing is read from a caller. The socket is beside the driver's, for root only, under a name that
no SecretProviderClass can have as its provider. A newer daemon takes it over as it does the
driver's.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from provider.csi.server.socket_file import SocketFile
from provider.runtime.document_server import DocumentServer
from provider.runtime.log import fields, logger
from provider.runtime.process import StartFailed


class StatusSocket:
    """Serves `document`. A daemon that cannot have the socket serves mounts all the same."""

    def __init__(self, path: Path, document: Callable[[], Awaitable[bytes]]) -> None:
        self._file = SocketFile(path)
        self._documents = DocumentServer(document)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Serve, and make the socket again whenever it is gone."""
        try:
            await self._listen()
        except (StartFailed, OSError) as error:
            logger.warning("the status socket is not available", extra=fields(error=str(error)))
        self._file.keep(self._listen)

    async def close(self) -> None:
        """Accept no more callers, and remove the socket if it is ours."""
        await self._file.give_up()
        if self._server is not None:
            self._server.close()

    async def _listen(self) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            temporary = self._file.bind(listener.bind)
            server = await self._documents.listen(listener)
            self._file.put_in_place(temporary)
        except (StartFailed, OSError):
            listener.close()
            raise
        if self._server is not None:
            self._server.close()
        self._server = server
