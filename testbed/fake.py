"""What every fake does with a call: faults first, then the answer, then a line in the journal."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

from testbed.faults import Faults, raise_first, spoil
from testbed.http import Reply, Server
from testbed.journal import Call, Journal


class Refusal(Exception):
    """A service says no; each fake has its own kind and renders it in its own way."""


R = TypeVar("R", bound=Refusal)


@dataclass(slots=True)
class Asked:
    """One call on its way; `identity` and `target` may become known only as it is answered."""

    service: str
    operation: str
    region: str = ""
    identity: str = ""
    target: str = ""


@dataclass(slots=True)
class Desk(Generic[R]):
    """Carries calls out under the faults in force."""

    refusal: type[R]
    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)

    def serve(
        self, asked: Asked, answer: Callable[[], Reply], refuse: Callable[[R], Reply]
    ) -> Reply:
        """The reply to one call, spoilt where a fault says so."""
        effects = self.faults.drawn(asked.service, asked.operation, asked.region)
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
