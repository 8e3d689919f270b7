"""Which service accounts have an EKS Pod Identity association, as the agent last answered.

For classes with `auth: auto`. An association is noticed when credentials are fetched. That a
service account has none is remembered for a minute, so that not every mount asks the agent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from provider.runtime.lru import Lru

HOLDS_SECONDS = 60.0
"""The same as for the roles of service accounts."""
CAPACITY = 1000

ServiceAccount = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class _Known:
    has_one: bool
    since: float


class Associations:
    """A bounded memory; one for the process."""

    def __init__(self, capacity: int = CAPACITY, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._known: Lru[ServiceAccount, _Known] = Lru(capacity)

    def has_none(self, account: ServiceAccount) -> bool:
        """Whether in the last minute the agent said so, or was not there."""
        known = self._known.get(account)
        if known is None or known.has_one:
            return False
        return self._clock() < known.since + HOLDS_SECONDS

    def had_one(self, account: ServiceAccount) -> bool:
        """Whether the agent gave credentials when it was last asked."""
        known = self._known.get(account)
        return known is not None and known.has_one

    def note(self, account: ServiceAccount, *, has_one: bool) -> None:
        """Remember the answer of the agent."""
        self._known.put(account, _Known(has_one, self._clock()))
