"""Goals for the figures, what is possible at all, and the figures of the reference.

The reference is AWS's Go provider 3.1.1 with `driver-writes-secrets=true --qps=1000 --burst=1000`.
These figures of it were measured on a machine of the same kind and on the same work: fake AWS and
fake Kubernetes API, both with TLS, every call answered after 20 ms. `--reference` measures it anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.figures import Figure

USUAL_LATENCY = 20.0
"""Milliseconds of every call for which goals and known figures hold."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Numbers in the unit of the figure. A figure should be at most `goal`, and cannot be below
    `limit`."""

    goal: float | None = None
    limit: float | None = None
    reference: float | None = None


GOALS: Mapping[str, Goal] = {
    "start.wall": Goal(400, reference=40),
    "start.limited": Goal(9),
    "mount.first.1": Goal(limit=60, reference=72),
    "mount.first.5": Goal(limit=60, reference=159),
    "mount.first.20": Goal(76, limit=60, reference=482),
    "mount.next.1": Goal(limit=20, reference=72),
    "mount.next.5": Goal(limit=20, reference=159),
    "mount.next.20": Goal(32, limit=20, reference=485),
    "node.start": Goal(420, reference=620),
    "node.start.sts": Goal(30, limit=30, reference=110),
    "node.start.kubernetes": Goal(30, limit=30, reference=110),
    "node.start.fetches": Goal(150, limit=150, reference=550),
    "node.again.asked": Goal(250, reference=620),
    "node.again.asked.describe": Goal(150),
    "node.again.asked.fetches": Goal(0, limit=0, reference=550),
    "node.again.memory": Goal(120, reference=620),
    "node.again.memory.aws": Goal(0, limit=0, reference=660),
    "cpu.new": Goal(2.4, reference=8.3),
    "cpu.new.pod-identity": Goal(reference=5.3),
    "cpu.asked": Goal(2.2, reference=8.3),
    "cpu.memory": Goal(0.8, reference=8.3),
    "memory.idle": Goal(58, reference=29),
    "memory.after": Goal(70, reference=88),
    "memory.threads": Goal(16, reference=8),
    "hour.default.calls": Goal(4600, reference=16500),
    "hour.asked.calls": Goal(26000),
    "hour.default.failed": Goal(0),
    "hour.asked.failed": Goal(0),
    "hour.disturbed.failed": Goal(0),
    "disturbed.failed": Goal(0),
}
"""By the name of the figure, for calls of 20 ms."""

NO_GOAL = Goal()


def reference_of(figure: Figure, *, latency_is_usual: bool = True) -> float | None:
    """The reference's figure on the same work: of this run, else the known one."""
    if figure.reference is not None or not latency_is_usual:
        return figure.reference
    return GOALS.get(figure.name, NO_GOAL).reference
