"""Bounds how often the ExternalSecrets of one namespace call AWS.

An account has one quota for all its namespaces: 40 calls a second to Parameter Store. A namespace
gets half of that in the long run. What is new or changed is read at once, unless it changes again
and again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from time import monotonic

from provider.runtime.log import fields, logger
from provider.runtime.lru import Lru

RATE = 20.0
"""Calls a second, in the long run."""
BURST = 600.0
"""Calls of periodic refreshes without a wait."""
DEBT = 6000.0
"""Calls that changes may make beyond: thousands of new ExternalSecrets are read at once."""
REMEMBERED = 1000
"""Namespaces whose calls are counted: those that called last."""
LONG_WAIT = 30.0
"""Seconds. A sync that waits longer is reported by an Event."""
WARN_SECONDS = 600.0
"""Seconds between two warnings for a namespace."""

CAUSE = (
    f"the ExternalSecrets of the namespace make more than {RATE:.0f} calls to AWS a second, and "
    "all namespaces share the quotas of an account. Use a longer refreshInterval, or fewer "
    "ExternalSecrets with more keys each, and allow secretsmanager:BatchGetSecretValue"
)
"""Why syncs are put off, and what to do."""


@dataclass(slots=True)
class _Waiting:
    """Since when one waits, and when it is its turn to ask again: as a refresh, or as a change.

    It keeps its turn when it asks before, as after each change of its store.
    """

    since: float
    turns: dict[bool, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Namespace:
    """Calls that are left at the time `at`.

    `next_try` says when the next periodic refresh, and the next change, may ask again.
    """

    left: float
    at: float
    waiting: dict[str, _Waiting] = field(default_factory=dict)
    next_try: dict[bool, float] = field(default_factory=dict)
    warned_at: float = -inf


class CallPace:
    """Calls are counted when they were made, so a namespace may have used more than it has.

    Those that wait longest are first: each second adds to what they may use, so all have their
    turn. `put_off` counts the syncs that wait.
    """

    def __init__(
        self,
        put_off: Callable[[], object] = lambda: None,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._put_off = put_off
        self._clock = clock
        self._namespaces: Lru[str, _Namespace] = Lru(REMEMBERED)

    def spend(self, namespace: str, calls: int) -> None:
        """Count calls."""
        if calls:
            self._known(namespace).left -= calls

    def wait(self, namespace: str, name: str, *, is_periodic: bool) -> float:
        """Seconds until an ExternalSecret asks again whether its sync may begin; 0: now."""
        known = self._known(namespace)
        waiting = known.waiting.get(name)
        waited = known.at - waiting.since if waiting else 0.0
        left = known.left + RATE * waited + (0.0 if is_periodic else DEBT)
        if left > 0:
            known.waiting.pop(name, None)
            return 0.0
        if waiting is None:
            waiting = known.waiting[name] = _Waiting(known.at)
            self._put_off()
            _warn(known, namespace)
        if waiting.turns.get(is_periodic, 0.0) <= known.at:
            next_try = max(known.at + (1 - left) / (2 * RATE), known.next_try.get(is_periodic, 0.0))
            known.next_try[is_periodic] = next_try + 1 / RATE
            waiting.turns[is_periodic] = next_try
        return waiting.turns[is_periodic] - known.at

    def waits_long(self, namespace: str, name: str) -> bool:
        """Whether the turn of an ExternalSecret is more than `LONG_WAIT` after it was put off."""
        known = self._namespaces.get(namespace)
        waiting = known.waiting.get(name) if known else None
        return waiting is not None and max(waiting.turns.values()) - waiting.since > LONG_WAIT

    def forget(self, namespace: str, name: str) -> None:
        """An ExternalSecret does not wait any more."""
        if known := self._namespaces.get(namespace):
            known.waiting.pop(name, None)

    def _known(self, namespace: str) -> _Namespace:
        now = self._clock()
        known = self._namespaces.get(namespace) or _Namespace(BURST, now)
        self._namespaces.put(namespace, known)
        known.left = min(BURST, known.left + (now - known.at) * RATE)
        known.at = now
        return known


def _warn(known: _Namespace, namespace: str) -> None:
    if known.at - known.warned_at >= WARN_SECONDS:
        known.warned_at = known.at
        logger.warning(f"syncs are put off: {CAUSE}", extra=fields(namespace=namespace))
