"""How often an object is looked at when others change without end."""

from provider.controller.scheduling.schedule import Item
from provider.controller.scheduling.trigger_limits import BURST, REFILL, TriggerLimits

DB, OTHER = (Item("ExternalSecret", "shop", name) for name in ("db", "other"))


class World:
    """A clock, and what was added: the object and when it is due."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[Item, float]] = []
        self.limits = TriggerLimits(
            lambda item, seconds: self.due.append((item, self.now + seconds)), lambda: self.now
        )

    def trigger(self, item: Item = DB, times: int = 1) -> list[float]:
        """When it is due, by each of these triggers."""
        self.due.clear()
        for _ in range(times):
            self.limits.add(item, 0.0)
        return [moment for _, moment in self.due]


def test_a_burst_is_worked_on_at_once_and_what_follows_once_a_second() -> None:
    world = World()
    assert world.trigger(times=BURST) == [100.0] * BURST
    assert world.trigger(times=50) == [100.0 + REFILL] * 50, "all of them are one look"
    world.now += REFILL
    assert world.trigger(times=3) == [101.0 + REFILL] * 3
    world.now += 3 * REFILL
    assert world.trigger() == [104.0]


def test_after_a_quiet_time_all_is_at_once_again_and_others_never_wait() -> None:
    world = World()
    world.trigger(times=100)
    assert world.trigger(OTHER) == [100.0]
    world.now += 2 * BURST * REFILL
    assert world.trigger(times=BURST) == [world.now] * BURST


def test_what_is_due_later_anyway_is_passed_on() -> None:
    world = World()
    world.limits.add(DB, 300.0)
    assert world.due == [(DB, 400.0)]
