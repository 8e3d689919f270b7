"""Which calls are tried again, and after how long: the SDKs' standard retry mode.

("Retry behavior", AWS SDKs and Tools Reference Guide; the numbers are botocore's.) The quota of
each namespace keeps many failing calls from becoming three times as many for a service in trouble.
"""

import random
from collections.abc import Callable, Mapping

from provider.aws.faults import PROVIDER_NOT_READY, Fault

CAPACITY = 500
COST = 14
THROTTLED_COST = 5
REFUND = 1
MAX_DELAY = 20.0
MAX_EXTRA = 5.0
"""Seconds that the header `x-amz-retry-after` may add to a delay."""


def max_attempts(environment: Mapping[str, str]) -> int:
    """`AWS_MAX_ATTEMPTS`, by default 3; raises ValueError if it is not a positive number."""
    text = environment.get("AWS_MAX_ATTEMPTS") or "3"
    if not (text.isdecimal() and text.isascii() and int(text) > 0):
        raise ValueError("AWS_MAX_ATTEMPTS: must be a whole number above 0")
    return int(text)


def cost(fault: Fault) -> int:
    """What a retry after `fault` takes from the quota.

    Nothing if the fault is about one caller's token: its retries must not use up the others'.
    """
    if fault.code in PROVIDER_NOT_READY:
        return 0
    return THROTTLED_COST if fault.is_throttling else COST


def delay(fault: Fault, attempt: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait after `attempt` (from 1) failed: exponential, with full jitter."""
    slow = fault.is_throttling or fault.code in PROVIDER_NOT_READY
    wait = chance() * min((1.0 if slow else 0.05) * 2.0 ** (attempt - 1), MAX_DELAY)
    if fault.retry_after is None:
        return wait
    return max(wait, min(fault.retry_after, wait + MAX_EXTRA))


class Quota:
    """Retries left for one endpoint and namespace."""

    def __init__(self) -> None:
        self._left = CAPACITY

    def take(self, amount: int) -> bool:
        if amount > self._left:
            return False
        self._left -= amount
        return True

    def give(self, amount: int) -> None:
        self._left = min(CAPACITY, self._left + amount)
