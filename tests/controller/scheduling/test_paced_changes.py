"""Changes of one namespace take a twentieth of the event loop at most, a slice at a time."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat

from provider.controller.scheduling.paced_changes import SHARE, SLICE, PacedChanges


class World:
    """A clock that goes on while changes are handled, and what waits for later."""

    def __init__(self, steps: int = 1, took: float = SLICE / 2) -> None:
        self.now = 100.0
        self.steps = steps
        self.took = took
        self.handled: list[tuple[str, list[str]]] = []
        self.timers: list[tuple[float, Callable[[str], object], str]] = []
        self.changes = PacedChanges(self.handle, clock=lambda: self.now, later=self.later)

    def handle(self, namespace: str, changed: Sequence[tuple[str, str]]) -> Iterator[None]:
        for _ in range(self.steps):
            self.handled.append((namespace, [name for _, name in changed]))
            self.now += self.took
            yield

    def later(self, seconds: float, call: Callable[[str], object], namespace: str, /) -> None:
        self.timers.append((seconds, call, namespace))

    def wait(self) -> None:
        """Let the next timer end."""
        seconds, call, namespace = self.timers.pop(0)
        self.now += seconds
        call(namespace)


def test_the_next_look_into_a_namespace_waits_for_as_long_as_it_may() -> None:
    world = World()
    for name in ("a", "b", "b", "c"):
        world.changes.add("ConfigMap", "greedy", name)
    world.changes.add("ConfigMap", "honest", "x")
    assert world.handled == [("greedy", ["a"]), ("honest", ["x"])]
    assert [round(seconds, 6) for seconds, _, _ in world.timers] == [SHARE * SLICE / 2] * 2
    world.wait()
    assert world.handled[2:] == [("greedy", ["b", "c"])]


def test_a_long_look_is_done_in_slices_and_what_comes_meanwhile_is_looked_at_after_it() -> None:
    world = World(steps=5, took=2 * SLICE)
    world.changes.add("Secret", "shop", "a")
    assert len(world.handled) == 1
    world.changes.add("Secret", "shop", "b")
    while world.timers:
        world.wait()
        assert len(world.timers) <= 1
    assert world.handled == [("shop", ["a"])] * 5 + [("shop", ["b"])] * 5


def test_after_a_quiet_time_a_change_counts_at_once() -> None:
    world = World()
    world.changes.add("Secret", "shop", "a")
    world.wait()
    assert (len(world.handled), world.timers) == (1, [])
    world.changes.add("Secret", "shop", "a")
    assert len(world.handled) == 2


async def test_the_event_loop_goes_on_with_what_is_left() -> None:
    done = asyncio.Event()
    times = chain([0.0, SLICE], repeat(0.0))  # the first step takes a slice, and no pause follows

    def handle(_namespace: str, _changed: Sequence[tuple[str, str]]) -> Iterator[None]:
        yield
        done.set()

    PacedChanges(handle, clock=times.__next__).add("Secret", "shop", "a")
    assert not done.is_set()
    await asyncio.wait_for(done.wait(), 30)
