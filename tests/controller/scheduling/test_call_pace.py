"""How often the ExternalSecrets of a namespace call AWS."""

import heapq
from itertools import pairwise

import pytest

from provider.controller.scheduling.call_pace import BURST, DEBT, RATE, WARN_SECONDS, CallPace


class World:
    """A clock, and syncs that make some calls each."""

    def __init__(self) -> None:
        self.now = 100.0
        self.put_off = 0
        self.pace = CallPace(self.count, clock=lambda: self.now)

    def count(self) -> None:
        self.put_off += 1

    def sync(
        self, name: str = "db", calls: int = 1, *, periodic: bool = True, namespace: str = "shop"
    ) -> float:
        """Seconds that it has to wait; 0 if it has made its calls."""
        wait = self.pace.wait(namespace, name, is_periodic=periodic)
        if not wait:
            self.pace.spend(namespace, calls)
        return wait

    def longest_gap(self, calls: int, *, number: int, seconds: float) -> float:
        """Syncs that are always due come back when they may: the longest time without one."""
        due = [(self.now, name) for name in map(str, range(number))]
        synced = dict.fromkeys((name for _, name in due), self.now)
        end, gap = self.now + seconds, 0.0
        while self.now < end:
            self.now, name = heapq.heappop(due)
            wait = self.sync(name, calls)
            if not wait:
                gap, synced[name] = max(gap, self.now - synced[name]), self.now
            heapq.heappush(due, (self.now + max(wait, 1.0), name))
        return max(gap, *(self.now - at for at in synced.values()))


def test_a_burst_is_free_and_what_follows_waits_and_tries_one_after_another() -> None:
    world = World()
    assert not any(world.sync() for _ in range(int(BURST)))
    waits = [world.sync(str(number)) for number in range(5)]
    assert 0 < waits[0] <= 1 / RATE
    gaps = [later - sooner for sooner, later in pairwise(waits)]
    assert gaps == pytest.approx([1 / RATE] * 4)
    assert world.sync(namespace="other") == 0, "other namespaces do not wait"
    world.now += 1 / RATE
    again = [world.sync(str(number)) for number in range(5)]
    assert (again[0], again[-1] > 0) == (0, True)
    assert world.put_off == 5, "each is counted once"


@pytest.mark.parametrize("calls", [1, 5])
def test_all_have_their_turn_whatever_they_cost(calls: int) -> None:
    fair = 50 * calls / RATE
    assert World().longest_gap(calls, number=50, seconds=3000) < BURST / RATE + 2 * fair


def test_changes_without_end_do_not_keep_refreshes_waiting_for_ever() -> None:
    world = World()
    refreshed = []
    for _ in range(int(3 * DEBT / RATE)):
        while not world.sync("changed", 10, periodic=False):
            pass
        if not world.sync("refreshed"):
            refreshed.append(world.now)
        world.now += 1
    gaps = [later - sooner for sooner, later in pairwise(refreshed)]
    assert 0 < max(gaps) < 1.2 * DEBT / RATE


def test_those_who_wait_go_before_those_who_come() -> None:
    world = World()
    world.sync("costly", int(BURST + 10 * RATE))
    assert world.sync("first")
    world.now += 6
    assert world.sync("second")
    assert world.sync("first") == 0


@pytest.mark.parametrize("periodic", [True, False])
def test_those_who_ask_before_their_turn_keep_it(periodic: bool) -> None:
    """A store that changes has all who use it ask, as often as it changes."""
    world = World()
    world.sync("costly", int(BURST + DEBT + 60 * RATE))
    names = list(map(str, range(50)))
    first = [world.sync(name, periodic=periodic) for name in names]
    for _ in range(100):
        world.now += 0.1
        again = [world.sync(name, periodic=periodic) for name in names]
    assert again == pytest.approx([wait - 10 for wait in first])
    world.now += again[0]
    assert world.sync(names[0], periodic=periodic) == 0


def test_one_that_is_changed_while_it_waits_has_the_turn_of_a_change() -> None:
    world = World()
    world.sync("costly", int(BURST + DEBT + 60 * RATE))
    refresh = world.sync()
    assert world.sync(periodic=False) < refresh / 2


def test_who_was_forgotten_waits_anew() -> None:
    world = World()
    world.sync("costly", int(BURST + 10 * RATE))
    assert world.sync("first")
    world.pace.forget("shop", "first")
    world.now += 6
    assert world.sync("first")


def test_no_more_is_saved_than_a_burst() -> None:
    world = World()
    world.now += 3600
    assert not any(world.sync() for _ in range(int(BURST)))
    assert world.sync()


def test_changes_are_read_at_once_until_they_have_cost_much() -> None:
    world = World()
    assert world.sync(calls=int(BURST)) == 0
    assert world.sync(calls=int(DEBT), periodic=False) == 0
    assert world.sync("refreshed") > 60
    assert 0 < world.sync(periodic=False) <= 1 / RATE


def test_a_sync_without_a_call_costs_nothing() -> None:
    world = World()
    assert not any(world.sync(calls=0) for _ in range(int(BURST) * 2))


def test_a_warning_says_what_waits_and_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    for seconds in (0.0, WARN_SECONDS - 1, 1.0):
        world.now += seconds
        world.sync("costly", int(2 * BURST))
        for name in ("a", "b"):
            assert world.sync(name)
            world.pace.forget("shop", name)
    assert len(caplog.records) == 2, "one at most in ten minutes"
    [first, _] = caplog.records
    assert "longer refreshInterval" in first.message
    assert (first.levelname, first.__dict__["fields"]["namespace"]) == ("WARNING", "shop")
