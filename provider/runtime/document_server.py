"""Answers connections to a Unix socket with one document each. Nothing is read from a caller."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from provider.runtime.log import logger

SEND_SECONDS = 10.0
"""The longest time for one caller."""
MAX_CALLERS = 8
"""Callers at a time; others are turned away."""


class DocumentServer:
    """`may_ask` decides by the connection whether a caller is answered."""

    def __init__(
        self,
        document: Callable[[], Awaitable[bytes]],
        may_ask: Callable[[socket.socket], bool] = lambda _connection: True,
    ) -> None:
        self._document = document
        self._may_ask = may_ask
        self.callers = 0
        """Callers that are connected now."""

    async def listen(self, listener: socket.socket) -> asyncio.Server:
        """Serve on a socket that is bound; raises OSError."""
        return await asyncio.start_unix_server(self._answer, sock=listener, backlog=8)

    async def _answer(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.callers += 1
        try:
            if self.callers <= MAX_CALLERS and self._may_ask(writer.get_extra_info("socket")):
                async with asyncio.timeout(SEND_SECONDS):
                    writer.write(await self._document())
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            logger.debug("a request for the status failed", extra={"error": error})
        finally:
            self.callers -= 1
            writer.transport.abort()
