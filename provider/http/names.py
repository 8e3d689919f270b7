"""Host names to addresses, within a deadline.

The system's resolver keeps time limits of its own (with the search domains of a pod a minute and
more), and nobody can call a thread back from it. So each look-up has a thread that does nothing
else, all who want a name share one look-up, and whoever waits leaves when its time is up.
"""

import socket
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any

from provider.deadline import Deadline

MOST = 32
"""Look-ups under way; a node asks for four names or so. Regions are named by class authors."""

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


class Unresolved(TimeoutError):
    """The resolver did not answer in time."""


class Names:
    """Thread-safe; remembers nothing: that is the resolver's own business."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], Future[Sequence[Address]]] = {}
        self._lock = Lock()

    def addresses(self, host: str, port: int, deadline: Deadline) -> Sequence[Address]:
        """All addresses of a host, best first; raises OSError, such as `Unresolved`."""
        try:
            return _look_up(host, port, socket.AI_NUMERICHOST)
        except socket.gaierror:  # a name, then
            answer = self._ask(host, port)
        try:
            return answer.result(deadline.remaining())
        except TimeoutError:
            raise Unresolved from None

    def __len__(self) -> int:
        """How many look-ups are under way."""
        return len(self._asked)

    def _ask(self, host: str, port: int) -> Future[Sequence[Address]]:
        with self._lock:
            if (answer := self._asked.get((host, port))) is not None:
                return answer
            if len(self._asked) >= MOST:
                raise OSError(None, "too many names are being resolved")
            answer = Future()
            look_up = Thread(
                target=self._answer, args=(host, port, answer), name="resolve", daemon=True
            )
            try:
                look_up.start()
            except RuntimeError as error:
                raise OSError(None, "no thread to resolve its name in") from error
            self._asked[host, port] = answer  # its thread waits for the lock before it removes it
            return answer

    def _answer(self, host: str, port: int, answer: Future[Sequence[Address]]) -> None:
        outcome: Sequence[Address] | Exception
        try:
            outcome = _look_up(host, port)
        except Exception as error:  # noqa: BLE001 - waiters must wake, whatever it was
            outcome = error
        with self._lock:
            del self._asked[host, port]
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)


def _look_up(host: str, port: int, flags: int = 0) -> Sequence[Address]:
    # As bytes: text would be put through IDNA, whose tables nothing else needs.
    name = host.encode("ascii")
    return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
