"""Changes of one namespace take a twentieth of the event loop at most."""

from collections.abc import Callable, Sequence

from provider.controller.scheduling.paced_changes import SHARE, PacedChanges


class World:
    """A clock that goes on while changes are handled, and what waits for later."""

    def __init__(self) -> None:
        self.now = 100.0
        self.handled: list[tuple[str, list[str]]] = []
        self.timers: list[tuple[float, Callable[[str], object], str]] = []
        self.changes = PacedChanges(self.handle, clock=lambda: self.now, later=self.later)

    def handle(self, namespace: str, changed: Sequence[tuple[str, str]]) -> None:
        self.handled.append((namespace, [name for _, name in changed]))
        self.now += 0.25

    def later(self, seconds: float, call: Callable[[str], object], namespace: str, /) -> None:
        self.timers.append((seconds, call, namespace))


def test_the_next_look_into_a_namespace_waits_for_as_long_as_it_may() -> None:
    world = World()
    for name in ("a", "b", "b", "c"):
        world.changes.add("ConfigMap", "greedy", name)
    world.changes.add("ConfigMap", "honest", "x")
    assert world.handled == [("greedy", ["a"]), ("honest", ["x"])]
    ((seconds, call, namespace),) = world.timers
    assert seconds == SHARE * 0.25
    world.now += seconds
    call(namespace)
    assert world.handled[2:] == [("greedy", ["b", "c"])]


def test_after_a_quiet_time_a_change_counts_at_once() -> None:
    world = World()
    world.changes.add("Secret", "shop", "a")
    world.now += SHARE * 0.25
    world.changes.add("Secret", "shop", "a")
    assert (len(world.handled), world.timers) == (2, [])
