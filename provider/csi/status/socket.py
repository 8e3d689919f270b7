"""The socket that `secrets-provider-aws status` asks: who connects is written one JSON document.

Nothing is ever read from a caller, so there is nothing to parse and nothing to abuse. It stands
beside the driver's socket, for root alone, under a name that no class can name as its provider. A
newer daemon takes it over as it does the driver's.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from provider.runtime.log import fields, logger
from provider.server.callers import Callers, caller
from provider.csi.server.socket_file import Holder, SocketFile, StartFailed

LOOK_SECONDS = 1.0
SEND_SECONDS = 5.0
"""Callers are served one after the other: who does not read makes nobody wait for long."""


class StatusSocket:
    """Serves in a thread of its own. Not having it is no reason to fail: mounts need it not."""

    def __init__(self, path: Path, callers: Callers, document: Callable[[], bytes]) -> None:
        self._file = SocketFile(path)
        self._callers = callers
        self._document = document
        self._listener: socket.socket | None = None
        self._stopped = threading.Event()
        self._last_problem = ""

    def start(self) -> None:
        """Listen, and serve from now on."""
        self._listen()
        threading.Thread(target=self._serve, name="status", daemon=True).start()

    def stop(self) -> None:
        """Take no more callers, and leave the path to others."""
        self._stopped.set()
        self._file.give_up()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            if self._file.holder() is Holder.NOBODY:
                self._listen()
            if self._listener is None:
                self._stopped.wait(LOOK_SECONDS)
            else:
                self._answer_next(self._listener)
        if self._listener is not None:
            self._listener.close()

    def _listen(self) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.settimeout(LOOK_SECONDS)

        def bind(path: str) -> None:
            listener.bind(path)
            listener.listen(8)

        try:
            self._file.claim(bind)
        except (StartFailed, OSError) as error:
            listener.close()
            if str(error) != self._last_problem:
                logger.warning("status cannot be asked for", extra=fields(error=str(error)))
            self._last_problem = str(error)
            return
        self._last_problem = ""
        if self._listener is not None:
            self._listener.close()
        self._listener = listener

    def _answer_next(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            return
        except OSError as error:  # out of descriptors, or the caller has gone
            logger.debug("cannot accept", extra={"error": error})
            self._stopped.wait(0.05)
            return
        with connection:
            self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(SEND_SECONDS)
            who = caller(connection)
            if not self._callers.admit(who):
                logger.warning("refused to tell the status", extra=fields(uid=who.uid, pid=who.pid))
                return
            connection.sendall(self._document())
            with suppress(OSError):  # it need not wait for the end
                connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            logger.debug("a request for the status broke", extra={"error": error})
        except Exception as error:  # noqa: BLE001 - the barrier of this door
            logger.error("cannot tell the status", extra={"error": error})
