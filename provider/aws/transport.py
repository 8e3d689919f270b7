"""Requests to AWS over kept connections, with one bound on how many are in flight.

A request that meets a connection which the other side has closed is sent again on a new one. That
is safe: every call of this daemon may be repeated.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from provider.aws.network import Proxies, tls_context
from provider.deadline import Deadline
from provider.errors import OutOfTime
from provider.http.connection import (
    READ_TIMEOUT,
    Connection,
    Dropped,
    NoAnswer,
    Request,
    open_connection,
)
from provider.http.idle import Idle
from provider.http.names import Names
from provider.http.origin import Origin
from provider.http.response import Reply
from provider.slots import Slots


class Transport:
    """Thread-safe; one for the process."""

    def __init__(self, *, tls: ssl.SSLContext, proxies: Proxies, max_in_flight: int) -> None:
        self._tls = tls
        self._proxies = proxies
        self._names = Names()
        self._slots = Slots(max_in_flight)
        self._ahead = Slots(max(1, max_in_flight // 4))
        self._idle = Idle(max_in_flight)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], max_in_flight: int) -> "Transport":
        """With proxies and CA bundle as `environment` says; `ValueError` if they are unusable."""
        tls = tls_context(environment)
        return cls(tls=tls, proxies=Proxies(environment), max_in_flight=max_in_flight)

    def post(self, origin: Origin, request: Request, deadline: Deadline) -> Reply:
        """Send one request and read its whole answer, whatever its status; redirects too.

        Raises `NoAnswer`, and `OutOfTime` when all slots stay taken until the deadline.
        """
        if not self._slots.take(deadline.remaining()):
            raise OutOfTime("too many requests to AWS are in flight. Try again later.")
        try:
            kept = self._idle.take(origin)
            if kept is not None:
                try:
                    return self._ask(kept, request, deadline)
                except Dropped:
                    pass
            proxy = self._proxies.proxy_for(origin)
            new = open_connection(origin, proxy, self._names, self._tls, deadline)
            return self._ask(new, request, deadline)
        finally:
            self._slots.give_back()

    def begin(self, origin: Origin, request: Request, deadline: Deadline) -> "Sending | None":
        """Send one request if that takes no time: on an open connection, within the bound.

        Only a quarter of all may be sent ahead. A region that hangs holds on to these, and to those
        of its lane, and must leave some to the others. The answer has as long as any other from now
        on, however late it is read.
        """
        if not self._ahead.take():
            return None
        if self._slots.take():
            kept = self._idle.take(origin)
            if kept is not None:
                try:
                    kept.send(request, deadline)
                except NoAnswer:
                    kept.close()
                else:
                    return Sending(kept, deadline.within(READ_TIMEOUT), self._end)
            self._slots.give_back()
        self._ahead.give_back()
        return None

    def close(self) -> None:
        """Close what is idle."""
        self._idle.close()

    def _ask(self, connection: Connection, request: Request, deadline: Deadline) -> Reply:
        try:
            return connection.ask(request, deadline)
        finally:
            self._idle.put(connection)

    def _end(self, connection: Connection) -> None:
        self._idle.put(connection)
        self._slots.give_back()
        self._ahead.give_back()


@dataclass(frozen=True, slots=True)
class Sending:
    """A request that was sent; `reply` must be called once."""

    connection: Connection
    deadline: Deadline
    end: Callable[[Connection], None]

    def reply(self) -> Reply:
        """The whole answer; raises `NoAnswer`."""
        try:
            return self.connection.receive(self.deadline)
        finally:
            self.end(self.connection)
