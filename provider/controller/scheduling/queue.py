"""Reconciles objects when they are due, in bounded numbers, with back-off after failures.

Each object is reconciled once at a time. All changes before its turn lead to one reconcile, and all
changes during it to one more. Namespaces take turns, and each may have only a share of the objects
under way, so that a busy or hanging namespace does not hold up the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import random
from time import monotonic
from typing import Protocol

from provider.controller.scheduling.schedule import FIRSTS, Item, Schedule
from provider.errors import KubernetesThrottled, ObjectConflict, ProviderError
from provider.runtime.log import fields, logger

FIRST_PAUSE = 1.0
MAX_PAUSE = 300.0
"""Seconds after an error: from the first doubled up to the most, less up to a fifth at random."""
LEAST = 1.0
"""Seconds until an object is due again by itself, whatever interval it asks for."""
CONFLICTS = 3
"""Conflicts in a row that are tried again at once: the object has changed in between."""

Reconcile = Callable[[Item], Awaitable[float | None]]
"""Returns seconds until the object is due again; None: when something changes. Raises to retry,
`PutOff` if it has not begun."""


class PutOff(Exception):
    """It is not the turn of an object: it is due again after `seconds`, and backs off as before."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


Explain = Callable[[Item, Exception], Awaitable[object]]
"""Reports on the object that its reconcile failed because of a bug. May raise the API's errors."""


class Observe(Protocol):
    """Counts one reconcile in the metrics."""

    def __call__(
        self, item: Item, /, *, waited: float, took: float, error: Exception | None
    ) -> object:
        """`waited` seconds since it was due, `took` seconds; `error` if it failed."""
        ...


class Queue:
    """The work of one controller: `concurrent` objects at a time."""

    def __init__(  # noqa: PLR0913 (all by name)
        self,
        reconcile: Reconcile,
        *,
        concurrent: int,
        observe: Observe,
        explain: Explain,
        clock: Callable[[], float] = monotonic,
        random: Callable[[], float] = random,
    ) -> None:
        self._reconcile = reconcile
        self._observe = observe
        self._explain = explain
        self._clock = clock
        self._random = random
        self._schedule = Schedule(share=max(1, concurrent // 4), most=concurrent)
        self.most_running = concurrent * FIRSTS
        self._failures: dict[Item, int] = {}
        self._wake = asyncio.Event()

    def add(self, item: Item) -> None:
        """Reconcile an object now; one under way once more afterwards."""
        self.add_after(item, 0.0)

    def add_after(self, item: Item, seconds: float) -> None:
        """Reconcile an object after so many seconds, or when it is due if that is earlier."""
        self._schedule.add(item, self._clock() + seconds)
        self._wake.set()

    @property
    def depth(self) -> int:
        """Objects that are due and wait for their turn."""
        self._schedule.advance(self._clock())
        return self._schedule.ready

    def depths(self) -> dict[str, int]:
        """Objects that are due and wait for their turn, by their kind."""
        self._schedule.advance(self._clock())
        return self._schedule.ready_by_kind()

    def due_in(self, item: Item) -> float | None:
        """Seconds until an object is due; None for one that is due or not scheduled."""
        due = self._schedule.due(item)
        return None if due is None else max(0.0, due - self._clock())

    @property
    def running(self) -> int:
        """Objects that are being reconciled."""
        return self._schedule.running

    def running_by_kind(self) -> dict[str, int]:
        """Objects that are being reconciled, by their kind."""
        return self._schedule.running_by_kind()

    @property
    def scheduled(self) -> int:
        """Objects that are due later."""
        self._schedule.advance(self._clock())
        return self._schedule.waiting

    def oldest(self) -> float:
        """Seconds for which an object has waited for its turn, the most of all."""
        now = self._clock()
        self._schedule.advance(now)
        since = self._schedule.oldest()
        return 0.0 if since is None else now - since

    async def run(self) -> None:
        """Reconcile until cancelled; all reconciles have ended when this does."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                self._start_ready(tasks)
                await self._wait()

    def _start_ready(self, tasks: asyncio.TaskGroup) -> None:
        while (taken := self._schedule.take(now := self._clock())) is not None:
            item, since = taken
            tasks.create_task(self._one(item, now - since))

    async def _wait(self) -> None:
        """Return when there may be something to start."""
        due = self._schedule.next_due()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else due - self._clock()):
                await self._wake.wait()

    async def _one(self, item: Item, waited: float) -> None:
        began = self._clock()
        error: Exception | None = None
        due: float | None = began  # after a cancellation from within
        try:
            after = await self._attempt(item)
            self._failures.pop(item, None)
            due = None if after is None else self._clock() + max(after, LEAST)
        except PutOff as put_off:
            due = self._clock() + max(put_off.seconds, LEAST)
        except Exception as caught:  # noqa: BLE001 (the door's barrier: one object fails alone)
            error = caught
            due = self._clock() + self._pause(item, caught)
        finally:
            self._schedule.done(item, due)
            self._wake.set()
        self._observe(item, waited=waited, took=self._clock() - began, error=error)

    async def _attempt(self, item: Item) -> float | None:
        """Reconcile once. A bug is logged, explained on the object, and raised."""
        try:
            return await self._reconcile(item)
        except (ProviderError, PutOff):
            raise
        except Exception as bug:
            logger.exception("a reconcile failed", extra=fields(item="/".join(item)))
            await self._explain(item, bug)
            raise

    def _pause(self, item: Item, error: Exception) -> float:
        """Seconds until an object that has failed is tried again."""
        self._failures[item] = failures = self._failures.get(item, 0) + 1
        if isinstance(error, ObjectConflict) and failures <= CONFLICTS:
            return 0.0
        pause = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 20), MAX_PAUSE)
        pause *= 1 - self._random() / 5
        if isinstance(error, KubernetesThrottled):
            pause = max(pause, error.retry_after * (1 + self._random() / 5))
        return pause
