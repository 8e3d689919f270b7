"""Which service accounts have an EKS Pod Identity association, as the agent last said.

For classes with `auth: auto`. That there is one shows whenever credentials are fetched; that there
is none is remembered for a minute, so that not every mount asks twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from provider.runtime.lru import Lru

HOLDS = 60.0
"""Seconds; the same as for the roles of service accounts."""
CAPACITY = 1000

ServiceAccount = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class _Known:
    has_one: bool
    since: float


class Associations:
    """Thread-safe LRU; one for the process."""

    def __init__(self, capacity: int = CAPACITY, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._known: Lru[ServiceAccount, _Known] = Lru(capacity)
        self._lock = Lock()

    def has_none(self, account: ServiceAccount) -> bool:
        """Whether the agent said so within the last minute, or was not there."""
        known = self._known.get(account)
        return known is not None and not known.has_one and self._clock() < known.since + HOLDS

    def had_one(self, account: ServiceAccount) -> bool:
        """Whether the agent gave credentials when it was last asked."""
        known = self._known.get(account)
        return known is not None and known.has_one

    def note(self, account: ServiceAccount, *, has_one: bool) -> None:
        """The agent's word on this account."""
        with self._lock:
            self._known.put(account, _Known(has_one, self._clock()))
