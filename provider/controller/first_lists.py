"""Waits for the first lists of all objects, without which nothing is worked on."""

import asyncio
from math import inf
from time import monotonic
from typing import Protocol

from provider.runtime.log import fields, logger

CHECK = 0.02
"""Seconds between looks at whether all are there."""
SLOW = 5.0
"""Seconds after which the log says which are not."""


class Lists(Protocol):
    """`informers.Informers`."""

    def missing(self) -> list[str]:
        """What is not known yet."""
        ...


async def wait_for(lists: Lists, *, slow: float = SLOW) -> None:
    """Return when all objects are known."""
    slow_at = monotonic() + slow
    while missing := lists.missing():
        if monotonic() >= slow_at:
            slow_at = inf
            text = "the API server has not answered these lists yet: nothing is worked on before"
            logger.warning(text, extra=fields(lists=", ".join(missing), seconds=slow))
        await asyncio.sleep(CHECK)
