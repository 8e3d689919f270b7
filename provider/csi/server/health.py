"""Whether the driver reaches this daemon, for `/readyz`."""

import asyncio
from time import monotonic

from provider.csi.server.probe import probe
from provider.csi.server.socket_file import SocketFile

VERSION_SECONDS = 2.0
HOLDS_SECONDS = 1.0
"""How long a result holds, so that frequent probes cost no more."""


class Readiness:
    """Checks that the socket is ours, and that `Version` answers through it."""

    def __init__(self, socket_file: SocketFile) -> None:
        self._socket_file = socket_file
        self._problem: str | None = None
        self._holds_until = 0.0
        self._lock = asyncio.Lock()

    async def problem(self) -> str | None:
        """What is wrong, in one line; None if the daemon is ready."""
        async with self._lock:
            if monotonic() >= self._holds_until:
                self._problem = await self._check()
                self._holds_until = monotonic() + HOLDS_SECONDS
            return self._problem

    async def _check(self) -> str | None:
        if not self._socket_file.is_ours():
            return "the socket is gone, or that of another daemon"
        return await asyncio.to_thread(probe, self._socket_file.path, VERSION_SECONDS)
