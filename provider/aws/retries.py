"""When to ask again, and when to let it be: the SDKs' standard retry mode.

("Retry behavior", AWS SDKs and Tools Reference Guide; the numbers are botocore's.) The quota is
what keeps a daemon full of failing calls from asking thrice as much of a service in trouble.
"""

import random
from collections.abc import Callable, Mapping
from threading import Lock

from provider.aws.faults import Fault

CAPACITY = 500
COST = 14
THROTTLED_COST = 5
REFUND = 1
MAX_DELAY = 20.0
MAX_EXTRA = 5.0
"""Seconds that AWS's own wish (`x-amz-retry-after`) may add to a delay."""


def max_attempts(environment: Mapping[str, str]) -> int:
    """`AWS_MAX_ATTEMPTS`, by default 3; `ValueError` where it is no positive number."""
    text = environment.get("AWS_MAX_ATTEMPTS") or "3"
    if not (text.isdecimal() and text.isascii() and int(text) > 0):
        raise ValueError("AWS_MAX_ATTEMPTS: not a positive number")
    return int(text)


def cost(fault: Fault) -> int:
    """What a retry after `fault` takes from the quota."""
    return THROTTLED_COST if fault.is_throttling else COST


def delay(fault: Fault, attempt: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait after `attempt` (from 1) failed: exponential, with full jitter."""
    scale = 1.0 if fault.is_throttling else 0.05
    wait = chance() * min(scale * 2.0 ** (attempt - 1), MAX_DELAY)
    if fault.retry_after is None:
        return wait
    return max(wait, min(fault.retry_after, wait + MAX_EXTRA))


class Quota:
    """Retries left for one endpoint. Thread-safe."""

    def __init__(self) -> None:
        self._left = CAPACITY
        self._lock = Lock()

    def take(self, amount: int) -> bool:
        """Whether there was that much; then it is gone."""
        with self._lock:
            if amount > self._left:
                return False
            self._left -= amount
            return True

    def give(self, amount: int) -> None:
        """A call has succeeded."""
        if self._left < CAPACITY:
            with self._lock:
                self._left = min(CAPACITY, self._left + amount)
