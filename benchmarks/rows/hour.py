"""An hour of rotation on a full node, simulated at speed: what it asks, costs, and how soon it
notices.

Every time that matters is divided by the speed: the interval, and the 60 to 90 seconds after which
the driver comes again for each volume. Calls and costs then come out as those of the hour; look-ups
in Kubernetes and credentials do not, since their ages are not scaled, and are left out. The fakes
answer without latency, which the speed would multiply.
"""

import heapq
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.daemon import Daemon
from benchmarks.figures import Figure
from benchmarks.rows.node import IDENTITIES, PODS, SECRETS, calls_of
from benchmarks.stage import Stage
from testbed.fakes_process import FakesProcess
from testbed.samples import Sample

HOUR, MONTH = 3600.0, 730
"""Seconds of the one, hours of the other."""
REMOUNT = (60.0, 90.0)
INTERVAL = 120.0
ROTATIONS = 12
"""Of one identity's secrets each, spread over the hour."""
PRICE = 0.05 / 10_000
"""Dollars for a call to Secrets Manager."""
SHARE = 0.01
MOST_SKIPPED = 0.02
"""Share of remounts from which an hour was none: fewer of them ask for less."""


def default(stage: Stage) -> Iterator[Figure]:
    """At the default interval."""
    yield from _figures(stage, "default", "hour, default interval", INTERVAL)


def asked(stage: Stage) -> Iterator[Figure]:
    """Where every remount asks."""
    yield from _figures(stage, "asked", "hour, interval 0s", 0.0)


def disturbed(stage: Stage) -> Iterator[Figure]:
    """At the default interval, with one call in a hundred throttled or dropped."""
    yield from _figures(stage, "disturbed", "hour, 1 % throttled or dropped", INTERVAL, SHARE)


def _figures(
    stage: Stage, name: str, text: str, interval: float, share: float = 0.0
) -> Iterator[Figure]:
    flag = f"--rotation-poll-interval={interval / stage.speed:.6f}s"
    with stage.fakes(latency_ms=0) as fakes, stage.daemon(fakes, flag) as daemon:
        hour = Hour(daemon, fakes, stage.pods.node(PODS, IDENTITIES, SECRETS), stage.speed)
        if share:
            fakes.disturb(share)
        hour.run()
        calls = calls_of(hour.calls, "secretsmanager")
    if hour.skipped > MOST_SKIPPED * hour.mounts:
        stage.left_out[text] = (
            f"{hour.skipped} remounts fell due while the one before was still going on: this is "
            f"too fast for the machine, choose less than --speed {stage.speed:g}"
        )
        return
    name = f"hour.{name}"
    yield Figure(f"{name}.calls", f"{text}: Secrets Manager", calls, "calls")
    yield Figure(f"{name}.cost", "… a month", calls * MONTH * PRICE, "$")
    yield Figure(f"{name}.remounts", "… remounts", hour.mounts, "calls")
    yield Figure.of(f"{name}.arrival", "… a new value arrives after", hour.arrivals, "s")
    yield Figure(f"{name}.latest", "… at the latest", max(hour.arrivals), "s")
    yield Figure(f"{name}.cpu", "… CPU of the hour", hour.cpu, "s")
    yield Figure(f"{name}.memory", "… memory at its end", hour.memory[-1], "MiB")
    yield Figure(f"{name}.creep", "… grown since its first quarter", hour.creep, "MiB")
    failed = len(hour.failures) + len(hour.awaited)
    yield Figure(f"{name}.failed", "… mounts that failed or never got it", failed, "mounts")


@dataclass(slots=True)
class Hour:
    """The driver's calls for a node of pods, one after the other as they fall due.

    Times are the hour's own seconds; `arrivals` from a rotation to its value in each pod.
    """

    daemon: Daemon
    fakes: FakesProcess
    requests: Sequence[bytes]
    speed: float
    mounts: int = 0
    skipped: int = 0
    cpu: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    awaited: dict[int, tuple[bytes, float]] = field(default_factory=dict)
    """By pod, the value that it has not got yet, and when that was made."""
    _begun: float = 0.0
    _busy: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def creep(self) -> float:
        """MiB that the last three quarters have added."""
        return max(0.0, self.memory[-1] - self.memory[0])

    def run(self) -> None:
        """Mount all, then live through the hour."""
        chance = random.Random(0)
        self.daemon.caller.burst(self.requests, may_fail=True)
        self.fakes.clear()
        cpu = self.daemon.cpu()
        self._begun = time.perf_counter()
        # A kubelet looks at each of its pods at a moment of that pod's own.
        due = [(chance.uniform(0, REMOUNT[1]), pod) for pod in range(len(self.requests))]
        heapq.heapify(due)
        rotations = [(number + 0.25) * HOUR / ROTATIONS for number in range(ROTATIONS)]
        quarters = [HOUR / 4, HOUR / 2, HOUR * 3 / 4]
        while due[0][0] < HOUR:
            at, pod = due[0]
            self._wait_until(at)
            if quarters and at >= quarters[0]:
                quarters.pop(0)
                self.memory.append(self.daemon.memory())
            if rotations and at >= rotations[0]:
                self._rotate((ROTATIONS - len(rotations)) * 2 % IDENTITIES)
                rotations.pop(0)
            self._remount(pod)
            heapq.heapreplace(due, (at + chance.uniform(*REMOUNT), pod))
        self._wait_until(HOUR)
        self._drain()
        self.cpu = self.daemon.cpu() - cpu
        self.memory.append(self.daemon.memory())
        self.calls = self.fakes.calls()

    def _now(self) -> float:
        return (time.perf_counter() - self._begun) * self.speed

    def _wait_until(self, at: float) -> None:
        while (left := at - self._now()) > 0:
            time.sleep(left / self.speed)

    def _rotate(self, identity: int) -> None:
        generation = self.fakes.rotate(identity)
        value = f"{Sample().secret(identity, 0)}#{generation}.".encode()
        with self._lock:
            for pod in range(identity, len(self.requests), IDENTITIES):
                self.awaited[pod] = value, self._now()

    def _remount(self, pod: int) -> None:
        with self._lock:
            if pod in self._busy:  # kubelet waits for a volume's answer before it asks again
                self.skipped += 1
                return
            self._busy.add(pod)
        self.mounts += 1
        self.daemon.caller.start(self.requests[pod], lambda answer, _: self._note(pod, answer))

    def _note(self, pod: int, answer: bytes | None) -> None:
        with self._lock:
            self._busy.discard(pod)
            if answer is None:
                self.failures.append(pod)
            elif pod in self.awaited and self.awaited[pod][0] in answer:
                self.arrivals.append(self._now() - self.awaited.pop(pod)[1])

    def _drain(self) -> None:
        until = time.perf_counter() + 30
        while self._busy and time.perf_counter() < until:
            time.sleep(0.01)
