"""Waits for the first lists of all objects: nothing is reconciled before they are complete."""

import asyncio
from math import inf
from time import monotonic
from typing import Protocol

from provider.runtime.log import fields, logger

CHECK = 0.02
"""Seconds between two checks whether all lists are complete."""
SLOW = 5.0
"""Seconds after which the log names the lists that are not complete."""


class Lists(Protocol):
    """`informers.Informers`."""

    def missing(self) -> list[str]:
        """The lists that are not complete yet."""
        ...


async def wait_for(lists: Lists, *, slow: float = SLOW) -> None:
    """Wait until all lists are complete; after `slow` seconds, log which are not."""
    slow_at = monotonic() + slow
    while missing := lists.missing():
        if monotonic() >= slow_at:
            slow_at = inf
            text = "the API server has not answered these lists yet: no object is reconciled before"
            logger.warning(text, extra=fields(lists=", ".join(missing), seconds=slow))
        await asyncio.sleep(CHECK)
