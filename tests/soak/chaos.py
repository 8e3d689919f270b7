"""What happens to a node in a bad week, in minutes: drawn by a seed."""

import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from random import Random
from threading import Thread
from time import monotonic

from testbed import faults
from testbed.aws.errors import throttled
from testbed.faults import Effect, Faults
from tests.e2e.world import World
from tests.soak.truth import Truth

EFFECTS: dict[str, Effect] = {
    "reset": faults.reset(),
    "closed": faults.closed(),
    "truncated": faults.truncated(),
    "garbage": faults.garbage(),
    "huge": faults.huge(9 * 2**20),
    "500": faults.failing(500),
    "429": faults.failing(429),
    "401": faults.failing(401),
    "hang": faults.hang(),
    "trickle": faults.trickle(0.05),
    "late": faults.late(0.3),
}
RECOVERY = 3.0
"""Seconds after a killed daemon serves again in which gRPC may still wait to connect."""

DELETION_PAUSE = 3.0
"""Seconds between two deletions of the socket. gRPC connects at once and a second later, and the
driver gives up after 1.6 s: no daemon can make up for a second deletion in that time."""


class Chaos:
    """Disturbs the world; every disturbance ends by itself. Used by one thread."""

    def __init__(self, world: World, truth: Truth, random: Random) -> None:
        self.world = world
        self.worlds = [world]
        self.events: Counter[str] = Counter()
        self._truth = truth
        self._random = random
        self._endings: list[tuple[float, Callable[[], None]]] = []
        self._kills: list[tuple[float, float]] = []
        self._deleted = 0.0
        self._stops: list[Thread] = []
        self._harmless: dict[Callable[[], str], int] = {
            self._rotate: 30,
            self._new_token: 2,
            self._delete_socket: 2,
            self._take_over: 1,
        }
        self._all: dict[Callable[[], str], int] = self._harmless | {
            self._fault: 12,
            self._revoke: 6,
            self._expire: 3,
            self._outage: 3,
            self._kill: 1,
        }

    def step(self, *, lull: bool) -> None:
        """End what is due, and let one thing happen: in a lull one that no mount may fail of."""
        self._end(monotonic())
        events = self._harmless if lull else self._all
        [event] = self._random.choices(list(events), list(events.values()))
        self.events[event()] += 1

    def end(self) -> None:
        """All is well again."""
        self._end(float("inf"))
        for stop in self._stops:
            stop.join()

    def was_killed(self, start: float, end: float) -> bool:
        """Whether a daemon was dead in this time, or had just been."""
        return any(begun <= end and start <= over for begun, over in list(self._kills))

    def _end(self, now: float) -> None:
        due = [one for one in self._endings if one[0] <= now]
        self._endings = [one for one in self._endings if one[0] > now]
        for _, ending in due:
            ending()

    def _later(self, ending: Callable[[], None], *, most: float) -> None:
        self._endings.append((monotonic() + self._random.uniform(0.1, most), ending))

    def _rotate(self) -> str:
        self._truth.rotate(self._random.choice(self._truth.pick(self._random).names()))
        return "rotation"

    def _revoke(self) -> str:
        account = self._truth.pick(self._random)
        self._truth.permit(account, allowed=False)
        self._later(lambda: self._truth.permit(account, allowed=True), most=2)
        return "revocation"

    def _fault(self) -> str:
        name = self._random.choice(list(EFFECTS))
        world = self.world
        where = [world.aws.faults, world.aws.faults, world.agent.faults, world.kubernetes.faults]
        share = self._random.choice((0.2, 1.0))
        self._inject(self._random.choice(where), EFFECTS[name], probability=share)
        return f"fault: {name}"

    def _outage(self) -> str:
        region = self._random.choice(self._truth.regions)
        effect = self._random.choice((faults.hang(), faults.reset(), throttled()))
        self._inject(self.world.aws.faults, effect, region=region)
        return "outage of a region"

    def _inject(
        self, where: Faults, effect: Effect, *, region: str | None = None, probability: float = 1.0
    ) -> None:
        self._truth.trouble(+1)
        where.inject(effect, region=region, probability=probability)

        def end() -> None:
            where.clear()  # of them all: what others order ends early
            self._truth.trouble(-1)

        self._later(end, most=1.5)

    def _expire(self) -> str:
        self._truth.trouble(+1)  # twice within one mount is more than it makes up for
        self.world.aws.cloud.expire_sessions()
        self._later(lambda: self._truth.trouble(-1), most=0.2)
        return "expiry of all sessions"

    def _new_token(self) -> str:
        token = f"token-{self._random.getrandbits(32)}"
        self.world.kubernetes.token = token
        (self.world.folder / "token").write_text(token)
        return "new token of the daemon"

    def _delete_socket(self) -> str:
        if monotonic() - self._deleted < DELETION_PAUSE:
            return self._rotate()
        self._deleted = monotonic()
        with suppress(FileNotFoundError):  # it may have been made again this very moment
            self.world.socket.unlink()
        return "deleted socket"

    def _take_over(self) -> str:
        old, new = self.world, self._successor()
        new.start()
        old.signal(signal.SIGTERM)
        stop = Thread(target=old.ended, args=(60,))
        stop.start()
        self._stops.append(stop)
        return "rolling update"

    def _kill(self) -> str:
        begun = monotonic()
        self._kills.append((begun, float("inf")))
        self._truth.trouble(+1)
        old, new = self.world, self._successor()
        old.signal(signal.SIGKILL)
        old.ended()
        new.start()
        self._kills[-1] = (begun, monotonic() + RECOVERY)
        self._endings.append((monotonic() + RECOVERY, lambda: self._truth.trouble(-1)))
        return "killed daemon"

    def _successor(self) -> World:
        self.world = replace(self.world)
        self.worlds.append(self.world)
        return self.world
