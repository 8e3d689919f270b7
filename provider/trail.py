"""What one mount leaves behind on its way: as whom it asked, by how many calls, how old its values
are. For log and status; nothing in the engine decides by it.
"""

from collections import Counter
from dataclasses import dataclass, replace
from threading import Lock
from typing import Literal

from provider.credentials import Credentials, CredentialSource, Identity, Principal
from provider.deadline import Deadline

Event = Literal["memory", "joined", "validated", "fetched", "missing"]
"""How a ref came to its value: by no call, by somebody else's, by a cheap one, by a fetch; or that
there is none for an optional one, be it asked for or remembered."""


class Trail:
    """Thread-safe: the calls of a mount run side by side, and may outlast it."""

    def __init__(self) -> None:
        self.identity: Identity | None = None
        self._calls = 0
        self._events: Counter[Event] = Counter()
        self._current_at: float | None = None
        self._lock = Lock()

    def call(self) -> None:
        """A call to AWS is made for this mount; others may profit from it."""
        with self._lock:
            self._calls += 1

    def value(self, how: Event, current_at: float) -> None:
        """A value has come, which was current at that time (`time.monotonic`) at least."""
        with self._lock:
            self._events[how] += 1
            self._current_at = min(current_at, self._current_at or current_at)

    def principal(self, principal: Principal) -> Principal:
        """The same principal, whose requests for credentials leave a trace."""
        self.identity = principal.identity
        return replace(principal, source=_Counted(principal.source, self))

    @property
    def current_at(self) -> float | None:
        """When the oldest of the values was last known to be current; None before there is any."""
        return self._current_at

    def counts(self) -> dict[str, int]:
        """Calls made for this mount, and how often values came in which way."""
        with self._lock:
            return {"calls": self._calls, **{how: self._events[how] for how in self._events}}


@dataclass(frozen=True, slots=True)
class _Counted:
    """A source of credentials that counts how often it is asked."""

    source: CredentialSource
    trail: Trail

    def fetch(self, deadline: Deadline) -> Credentials:
        """As the source itself."""
        self.trail.call()
        return self.source.fetch(deadline)
