"""Hours of refreshes, by a clock that the test moves, leave nothing behind."""

import gc
import sys
from itertools import pairwise

from provider.controller.scheduling.schedule import Item, Schedule
from provider.controller.watch.object_cache import ObjectKey
from tests.controller.reconcile.test_external_secret import START, World

MINUTE = 60
NAMES = ("db", "cache")


async def test_memory_does_not_grow_over_hours_of_refreshes() -> None:
    world, schedule = World(), Schedule(share=1, most=1)
    for name in NAMES:
        world.put(name, refreshInterval="1m")
        schedule.add(Item("ExternalSecret", "shop", name), START)
    held = []
    for half_hours in range(1, 6):
        await refresh(world, schedule, until=START + half_hours * 30 * MINUTE)
        held.append(blocks())
    # What leaks grows in each of them; Python's own caches do not.
    assert min(after - before for before, after in pairwise(held)) < 30 * len(NAMES)


async def refresh(world: World, schedule: Schedule, until: float) -> None:
    """Reconcile what is due and move the clock to what is due next; a value changes each time."""
    while world.now < until:
        while taken := schedule.take(world.now):
            item, _ = taken
            key = ObjectKey(item.namespace, item.name)
            world.values = {"a": str(world.now).encode()}
            after = await world.reconciler.reconcile(key)
            assert after is not None
            schedule.done(item, world.now + after)
            schedule.add(item, world.now + 2 * after)  # as triggers do, without effect
        due = schedule.next_due()
        assert due is not None
        world.now = due
        for log in (world.asked, world.also, world.patches, world.events, world.saved):
            log.clear()


def blocks() -> int:
    """Blocks of memory that Python holds."""
    gc.collect()
    return sys.getallocatedblocks()
