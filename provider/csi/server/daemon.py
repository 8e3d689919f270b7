"""The daemon's life: start, main loop, shutdown."""

import gc
from collections.abc import Callable
from time import monotonic
from typing import Protocol

import grpc

from provider import signals
from provider.runtime.log import fields, logger
from provider.csi.server.grpc_server import CONNECTION_SECONDS
from provider.csi.server.socket_file import Holder, SocketFile, StartFailed

LOOK_SECONDS = 0.05
"""How often the main loop looks after the socket.

The driver gives up 1.6 seconds after it found none, and gRPC connects but once or twice meanwhile.
"""

QUIET_SECONDS = 0.2
"""Without a mount for so long, nobody is calling."""

CUT_SECONDS = 0.5
"""Time for the answers to mounts that a drain cuts short to get out."""

STEP_SECONDS = 0.02

STOPPED = "the provider is being stopped"


class Traffic(Protocol):
    """What a shutdown waits for, and ends when it has waited long enough."""

    def idle_seconds(self) -> float:
        """How long there has been no mount; 0 while there is one."""
        ...

    def cut_short(self, text: str) -> int:
        """Answer all mounts with a failure; how many were under way."""
        ...


class Beside(Protocol):
    """What serves as long as the daemon does, but must not keep it from serving."""

    def start(self) -> None:
        """The daemon serves."""
        ...

    def stop(self) -> None:
        """The daemon has done its work."""
        ...


class Daemon:
    """One daemon at one socket.

    `make_server` makes a gRPC server with all its handlers, not yet started: a new one for every
    socket. The garbage collector may be off until it serves.
    """

    def __init__(
        self,
        socket_file: SocketFile,
        make_server: Callable[[], grpc.Server],
        mounts: Traffic,
        *,
        drain_timeout: float,
        beside: Beside,
    ) -> None:
        self._socket_file = socket_file
        self._make_server = make_server
        self._mounts = mounts
        self._drain_timeout = drain_timeout
        self._beside = beside
        self._server: grpc.Server | None = None
        self._retired: list[tuple[float, grpc.Server]] = []
        self._was_taken_over = False
        self._last_problem = ""

    def run(self) -> int:
        """Serve until a signal comes; the exit code. Raises `StartFailed`."""
        self._start()
        self._beside.start()
        self._main_loop()
        exit_code = self._shut_down()
        self._beside.stop()
        return exit_code

    def _start(self) -> None:
        self._listen()
        gc.freeze()  # what is there now stays: the collector need not look at it ever again
        gc.enable()
        logger.info("serving", extra=fields(socket=str(self._socket_file.path)))

    def _main_loop(self) -> None:
        while (signal_ := signals.next_within(LOOK_SECONDS)) is None:
            self._look_after_socket()
            self._stop_retired()
        logger.info("stopping", extra=fields(signal=signal_.name))

    def _shut_down(self) -> int:
        """Leave the path to others, let mounts finish, answer those that do not."""
        self._socket_file.give_up()
        until = monotonic() + self._drain_timeout
        while self._mounts.idle_seconds() < QUIET_SECONDS and monotonic() < until:
            if second := signals.next_within(STEP_SECONDS):
                logger.warning("stopping at once", extra=fields(signal=second.name))
                return 128 + second
        if self._mounts.idle_seconds() == 0 and (count := self._mounts.cut_short(STOPPED)):
            logger.warning("mounts cut short", extra=fields(mounts=count))
            signals.next_within(CUT_SECONDS)
        # The server is not stopped: that would answer CANCELLED to a call that comes right now. The
        # process ends, and the driver takes a closed connection for what it is and tries again.
        logger.info("stopped")
        return 0

    def _listen(self) -> None:
        """Serve at a new socket. The old server, if any, serves on till its connections end."""
        server = self._make_server()
        try:
            self._socket_file.claim(lambda path: _bind(server, path))
        except (StartFailed, OSError):
            server.stop(None)
            raise
        if self._server is not None:
            self._retired.append((monotonic() + 3 * CONNECTION_SECONDS, self._server))
        self._server = server

    def _stop_retired(self) -> None:
        while self._retired and monotonic() > self._retired[0][0]:
            self._retired.pop(0)[1].stop(self._drain_timeout)

    def _look_after_socket(self) -> None:
        holder = self._socket_file.holder()
        if holder is Holder.NOBODY:
            self._make_again()
        elif holder is Holder.OTHERS and not self._was_taken_over:
            # A rolling update: the newer one has it, and we finish what is asked of us still.
            logger.warning("another daemon has taken the socket over")
        self._was_taken_over = holder is Holder.OTHERS

    def _make_again(self) -> None:
        try:
            self._listen()
        except (StartFailed, OSError) as error:
            if str(error) != self._last_problem:
                logger.error("cannot make the socket again", extra=fields(error=str(error)))
            self._last_problem = str(error)
        else:
            self._last_problem = ""
            logger.warning("the socket was gone and has been made again")


def _bind(server: grpc.Server, path: str) -> None:
    """Bind and start, so that the socket answers from the moment it has its name."""
    server.add_insecure_port(f"unix:{path}")
    server.start()
