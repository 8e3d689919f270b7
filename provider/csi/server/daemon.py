"""The daemon's life at its socket: start, look after the socket, drain."""

import asyncio
from time import monotonic

import grpc

from provider.csi.server import grpc_server
from provider.csi.server.barrier import Barrier
from provider.csi.server.probe import probe
from provider.csi.server.socket_file import SocketFile
from provider.runtime.log import fields, logger

QUIET_SECONDS = 0.2
"""After so long without a mount nobody is calling, and answers have left the process."""

LAST_ANSWERS_SECONDS = 5.0
"""The longest time for the answers at the end of a drain."""

STEP_SECONDS = 0.02

PROBE_SECONDS = 2.0
PROBE_HOLDS_SECONDS = 1.0
"""How long a result holds: any pod can ask for `/readyz`."""

STOPPED = "the provider is being stopped; the kubelet tries again"


class Daemon:
    """One daemon at one socket."""

    def __init__(self, socket_file: SocketFile, mounts: Barrier) -> None:
        self._socket_file = socket_file
        self._mounts = mounts
        self._server: grpc.aio.Server | None = None
        self._looking: asyncio.Task[None] | None = None
        self._old_servers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Serve at the socket, and make it again whenever it is gone; raises `StartFailed`."""
        await self._listen()
        self._looking = asyncio.create_task(self._socket_file.keep(self._listen))

    async def drain(self, timeout: float) -> None:
        """Leave the socket to others, let mounts finish for `timeout` seconds, answer the rest.

        The server is not stopped, because that would answer CANCELLED to a call that arrives now.
        The process has to end instead: a closed connection is retried by the driver.
        """
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        self._socket_file.give_up()
        await self._quiet(timeout)
        if self._mounts.idle_seconds() < QUIET_SECONDS:
            count = self._mounts.refuse_all(STOPPED)
            logger.warning("mounts cut short", extra=fields(mounts=count))
            await self._quiet(LAST_ANSWERS_SECONDS)

    async def _quiet(self, timeout: float) -> None:
        """Wait until nobody has called for a moment, `timeout` seconds at most."""
        until = monotonic() + timeout
        while self._mounts.idle_seconds() < QUIET_SECONDS and monotonic() < until:
            await asyncio.sleep(STEP_SECONDS)

    async def _listen(self) -> None:
        server = await grpc_server.make_server(self._mounts.mount)
        # A gRPC server cannot move to another socket: a new socket gets a new server.
        temporary = self._socket_file.bind(lambda path: server.add_insecure_port(f"unix:{path}"))
        await server.start()
        self._socket_file.put_in_place(temporary)
        if self._server is not None:
            self._retire(self._server)
        self._server = server

    def _retire(self, server: grpc.aio.Server) -> None:
        """Stop a server whose socket is gone, once its connections have ended."""

        async def stop_later() -> None:
            await asyncio.sleep(3 * grpc_server.CONNECTION_SECONDS)
            await server.stop(None)

        task = asyncio.create_task(stop_later())
        self._old_servers.add(task)
        task.add_done_callback(self._old_servers.discard)


class Readiness:
    """Whether the driver reaches this daemon, for `/readyz`."""

    def __init__(self, socket_file: SocketFile) -> None:
        self._socket_file = socket_file
        self._problem: str | None = None
        self._holds_until = 0.0
        self._lock = asyncio.Lock()

    async def problem(self) -> str | None:
        """What is wrong, in one line; None if the socket is ours and `Version` answers there."""
        async with self._lock:
            if monotonic() >= self._holds_until:
                self._problem = await self._check()
                self._holds_until = monotonic() + PROBE_HOLDS_SECONDS
            return self._problem

    async def _check(self) -> str | None:
        if not self._socket_file.is_ours():
            return "the socket is gone, or that of another daemon"
        return await asyncio.to_thread(probe, self._socket_file.path, PROBE_SECONDS)
