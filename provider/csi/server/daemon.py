"""The daemon's life at its socket: start, look after the socket, drain."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import grpc

from provider.csi.server import grpc_server
from provider.csi.server.admission import Admission
from provider.csi.server.barrier import Barrier
from provider.csi.server.probe import probe
from provider.csi.server.socket_file import SocketFile
from provider.engine.single_flight import SingleFlight
from provider.runtime.log import fields, logger

QUIET_SECONDS = 0.2
"""Time without a mount after which no caller waits, and all answers have left the process."""

LAST_ANSWERS_SECONDS = 5.0
"""The longest time for the answers at the end of a drain."""

OLD_MOUNTS_SECONDS = 3600.0
"""The longest time for the mounts of a server whose socket is gone. Each has its own deadline."""

STEP_SECONDS = 0.02

PROBE_SECONDS = 2.0
"""For each step of a readiness probe."""

STOPPED = "the provider is being stopped; the kubelet tries again"


class Daemon:
    """One daemon at one socket."""

    def __init__(self, socket_file: SocketFile, barrier: Barrier, admission: Admission) -> None:
        self._socket_file = socket_file
        self._barrier = barrier
        self._admission = admission
        self._server: grpc.aio.Server | None = None
        self._old_servers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Serve at the socket, and make it again whenever it is gone; raises `StartFailed`."""
        await self._listen()
        self._socket_file.keep(self._listen)

    async def drain(self, timeout: float) -> None:
        """Leave the socket to others, let mounts finish for `timeout` seconds, answer the rest.

        The server is not stopped, because that would answer CANCELLED to a call that arrives now.
        The process has to end instead: a closed connection is retried by the driver.
        """
        await self._socket_file.give_up()
        if not await self._is_quiet_within(timeout):
            count = self._barrier.refuse_all(STOPPED)
            logger.warning("mounts cut short", extra=fields(mounts=count))
            await self._is_quiet_within(LAST_ANSWERS_SECONDS)

    async def _is_quiet_within(self, timeout: float) -> bool:
        """Whether there was no mount for a moment; waits for that, `timeout` seconds at most."""
        until = monotonic() + timeout
        while self._admission.idle_seconds() < QUIET_SECONDS:
            if monotonic() >= until:
                return False
            await asyncio.sleep(STEP_SECONDS)
        return True

    async def _listen(self) -> None:
        server = await grpc_server.make_server(self._barrier.mount)
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
            await server.stop(OLD_MOUNTS_SECONDS)

        task = asyncio.create_task(stop_later())
        self._old_servers.add(task)
        task.add_done_callback(self._old_servers.discard)


def readiness(socket_file: SocketFile) -> Callable[[], Awaitable[str | None]]:
    """What says in one line why the driver does not reach this daemon; None if it does."""
    checks: SingleFlight[None, str | None] = SingleFlight()

    async def check() -> str | None:
        if not socket_file.is_ours():
            return "the socket is gone, or that of another daemon"
        return await asyncio.to_thread(probe, socket_file.path, PROBE_SECONDS)

    return lambda: checks.run(None, check)
