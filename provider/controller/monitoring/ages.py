"""How old the values of ExternalSecrets are, for metrics."""

import asyncio
from collections.abc import Callable, Iterable
from time import time
from typing import NamedTuple

from provider.controller.resources.objects import ExternalSecret
from provider.controller.watch.informer import Informer
from provider.controller.watch.watched import WatchedExternalSecret, readable

LOOK_SECONDS = 30.0


class Ages(NamedTuple):
    """The largest of all ExternalSecrets that are refreshed periodically, in seconds."""

    since_refresh: float = 0.0
    overdue: float = 0.0
    """Seconds since a refresh was due."""


def oldest(
    found: Iterable[ExternalSecret], is_foreign: Callable[[ExternalSecret], bool], now: float
) -> Ages:
    """The ages at `now`, in seconds since 1970, without those that are for other controllers.

    One that was never refreshed has no age: its condition is not Ready.
    """
    ages = Ages()
    for one in found:
        spec, refreshed = one.spec, one.status.refresh_time
        if spec is None or refreshed is None or not spec.is_periodic:
            continue
        age = now - refreshed
        is_older = age > ages.since_refresh or age - spec.refresh_interval > ages.overdue
        if is_older and not is_foreign(one):
            overdue = max(ages.overdue, age - spec.refresh_interval)
            ages = Ages(max(ages.since_refresh, age), overdue)
    return ages


class OldestExternalSecrets:
    """The largest ages of all known ExternalSecrets, measured from time to time."""

    def __init__(
        self,
        known: Informer[WatchedExternalSecret],
        is_foreign: Callable[[ExternalSecret], bool],
    ) -> None:
        self._known = known
        self._is_foreign = is_foreign
        self.ages = Ages()

    async def run(self) -> None:
        """Measure again and again, in a thread, until cancelled."""
        while True:
            self.ages = await asyncio.to_thread(self._look)
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> Ages:
        found = (readable(one) for _, one in self._known.items())
        objects = (one.object for one in found if one is not None)
        return oldest(objects, self._is_foreign, time())
