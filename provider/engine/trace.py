"""The calls of one request, and how its values were found: for log and status only."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from provider.engine.model import Identity

Event = Literal["memory", "joined", "validated", "fetched", "missing"]
"""How a value was found: without a call, by another request's call, by asking for its version, by
reading it; or an optional ref does not exist."""


@dataclass(slots=True, eq=False)
class Trace:
    """Of one request. `calls` are the calls to AWS that were made for it."""

    identity: Identity | None = None
    calls: int = 0
    current_at: float | None = None
    """When the oldest of the values was last known to be current (`time.monotonic`)."""
    _events: Counter[Event] = field(default_factory=Counter, init=False)

    def value(self, how: Event, current_at: float) -> None:
        """A value was found, and was current at that moment (`time.monotonic`) at least."""
        self._events[how] += 1
        self.current_at = min(current_at, self.current_at or current_at)

    def counts(self) -> dict[str, int]:
        return {"calls": self.calls, **{how: self._events[how] for how in self._events}}
