"""Bounds how often the periodic refreshes of one namespace call AWS.

An account has one quota for all its namespaces: 40 calls a second to Parameter Store. A namespace
gets half of that at most. What changes is read at once nevertheless.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from provider.runtime.lru import Lru

RATE = 20.0
"""Calls a second, in the long run."""
BURST = 600.0
"""Calls without a wait."""
REMEMBERED = 1000
"""Namespaces whose calls are counted: those that called last."""


@dataclass(slots=True)
class _Namespace:
    """Calls that are left at the time `at`, and until when the refreshes that wait have a turn."""

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

    def wait(self, namespace: str) -> float:
        """Seconds until a refresh may begin; 0: now. Those that wait get one turn after another."""
        known = self._known(namespace)
        if known.left > 0:
            return 0.0
        free_at = known.at + (1 - known.left) / RATE
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
