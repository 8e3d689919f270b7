"""Which service accounts have an EKS Pod Identity association, as the agent last answered.

For classes with `auth: auto`. An association is noticed when credentials are fetched. That a
service account has none is remembered for a minute, so that not every mount asks the agent.
"""

from collections.abc import Callable
from operator import itemgetter
from time import monotonic

from provider.kube.lookups import ServiceAccount
from provider.runtime.lru import FairLru

HOLDS_SECONDS = 60.0
"""The same as for the roles of service accounts."""
CAPACITY = 1000


class Associations:
    """A bounded memory; one for the process."""

    def __init__(self, capacity: int = CAPACITY, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lacks_since: FairLru[ServiceAccount, float | None]
        self._lacks_since = FairLru(capacity, itemgetter(0))
        """When the agent said that there is none; None: it gave credentials."""

    def has_none(self, account: ServiceAccount) -> bool:
        """Whether in the last minute the agent said so, or was not there."""
        since = self._lacks_since.get(account)
        return since is not None and self._clock() < since + HOLDS_SECONDS

    def had_one(self, account: ServiceAccount) -> bool:
        """Whether the agent gave credentials when it was last asked."""
        return account in self._lacks_since and self._lacks_since[account] is None

    def note(self, account: ServiceAccount, *, has_one: bool) -> None:
        self._lacks_since.put(account, None if has_one else self._clock())
