"""How often the periodic refreshes of a namespace call AWS."""

import pytest

from provider.controller.scheduling.call_pace import BURST, DEBT, RATE, CallPace


class World:
    """A clock, and refreshes that make some calls each."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pace = CallPace(lambda: self.now)

    def refresh(
        self, namespace: str = "shop", calls: int = 1, *, is_periodic: bool = True
    ) -> float:
        """Seconds that it has to wait; 0 if it has made its calls."""
        wait = self.pace.wait(namespace, is_periodic=is_periodic)
        if not wait:
            self.pace.spend(namespace, calls)
        return wait


def test_a_burst_is_free_and_what_follows_has_one_turn_after_another() -> None:
    world = World()
    assert not any(world.refresh() for _ in range(int(BURST)))
    waits = [world.refresh() for _ in range(5)]
    assert waits == pytest.approx([number / RATE for number in range(1, 6)])
    world.now += waits[0]
    assert [world.refresh(), world.refresh() > 0] == [0, True]
    assert world.refresh("other") == 0, "other namespaces do not wait"


def test_calls_of_one_refresh_are_paid_afterwards() -> None:
    world = World()
    assert world.refresh(calls=int(BURST + 10 * RATE)) == 0
    assert world.refresh() == pytest.approx(10 + 1 / RATE)
    world.now += 3600
    assert not any(world.refresh() for _ in range(int(BURST))), "no more is saved than a burst"
    assert world.refresh() > 0


def test_changes_are_read_at_once_until_they_have_cost_much() -> None:
    world = World()
    assert world.refresh(calls=int(BURST)) == 0
    assert world.refresh(calls=int(DEBT), is_periodic=False) == 0
    assert world.refresh(is_periodic=False) == pytest.approx(1 / RATE)
    assert world.refresh() > DEBT / RATE


def test_a_refresh_without_a_call_costs_nothing() -> None:
    world = World()
    assert not any(world.refresh(calls=0) for _ in range(int(BURST) * 2))
