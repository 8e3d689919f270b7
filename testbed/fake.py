"""What every fake does with a call: inject faults, answer, add latency, keep a journal."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, Self, TypeVar

from testbed.faults import Faults, raise_first, spoil
from testbed.http import Reply
from testbed.http_server import Server
from testbed.journal import Call, Journal


class Refusal(Exception):
    """An error response of a service; each fake has a subclass and renders it in its own format."""


R = TypeVar("R", bound=Refusal)


@dataclass(slots=True)
class Asked:
    """One call; `identity` and `target` may be filled in only while it is answered."""

    service: str
    operation: str
    region: str = ""
    identity: str = ""
    target: str = ""


@dataclass(slots=True)
class Desk(Generic[R]):
    """Answers calls under the active faults. Every answer takes `latency` seconds."""

    refusal: type[R]
    latency: float = 0.0
    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)

    def serve(
        self, asked: Asked, answer: Callable[[], Reply], refuse: Callable[[R], Reply]
    ) -> Reply:
        """Returns the reply to one call, changed by the faults that apply to it."""
        effects = self.faults.drawn(asked.service, asked.operation, asked.region, asked.target)
        try:
            raise_first(effects)
            reply = answer()
        except self.refusal as error:
            reply = refuse(error)
        self.journal.record(
            Call(
                asked.service,
                asked.operation,
                asked.region,
                asked.identity,
                asked.target,
                reply.status,
                time.monotonic(),
            )
        )
        if self.latency:
            reply = replace(reply, delay=reply.delay + self.latency)
        return spoil(reply, effects) if effects else reply


class Listening:
    """Servers that start and stop together."""

    def __init__(self, *servers: Server) -> None:
        self._servers = servers

    def start(self) -> Self:
        """Listen."""
        for server in self._servers:
            server.start()
        return self

    def stop(self) -> None:
        """Stop listening and drop every connection; `start` takes the same port again."""
        for server in self._servers:
            server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
