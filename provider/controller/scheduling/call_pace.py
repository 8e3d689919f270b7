"""Bounds how often the ExternalSecrets of one namespace call AWS.

An account has one quota for all its namespaces: 40 calls a second to Parameter Store. A namespace
gets half of that in the long run. What is new or changed is read at once, unless it changes again
and again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from provider.runtime.lru import Lru

RATE = 20.0
"""Calls a second, in the long run."""
BURST = 600.0
"""Calls of periodic refreshes without a wait."""
DEBT = 6000.0
"""Calls that changes may make beyond: thousands of new ExternalSecrets are read at once."""
REMEMBERED = 1000
"""Namespaces whose calls are counted: those that called last."""


@dataclass(slots=True)
class _Namespace:
    """Calls that are left at the time `at`, and until when those that wait have a turn."""

    left: float
    at: float
    taken_until: float = 0.0


class CallPace:
    """Calls are counted when they were made, so a namespace may have used more than it has."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._namespaces: Lru[str, _Namespace] = Lru(REMEMBERED)

    def spend(self, namespace: str, calls: int) -> None:
        """Count calls."""
        if calls:
            self._known(namespace).left -= calls

    def wait(self, namespace: str, *, is_periodic: bool) -> float:
        """Seconds until a sync may begin; 0: now. Those that wait get one turn after another."""
        known = self._known(namespace)
        left = known.left if is_periodic else known.left + DEBT
        if left > 0:
            return 0.0
        free_at = known.at + (1 - left) / RATE
        turn = max(free_at, known.taken_until)
        known.taken_until = turn + 1 / RATE
        return turn - known.at

    def _known(self, namespace: str) -> _Namespace:
        now = self._clock()
        known = self._namespaces.get(namespace) or _Namespace(BURST, now)
        self._namespaces.put(namespace, known)
        known.left = min(BURST, known.left + (now - known.at) * RATE)
        known.at = now
        return known
