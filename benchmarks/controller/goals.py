"""Goals for the figures, what is possible at all, and the figures of External Secrets Operator.

Those of the operator (2.9, with one worker and with ten) were measured on a machine of the same
kind on the same work: 500 ExternalSecrets in 50 namespaces, every call to AWS takes 20 ms.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.controller.shape import USUAL

LATENCY_MS = 20.0
"""For which the goals hold, with `shape.USUAL`."""


@dataclass(frozen=True, slots=True)
class Goal:
    """In the unit of the figure, which should be at most `goal`; `operator` and `floor` as text."""

    goal: float | None = None
    operator: str = ""
    floor: str = ""


GOALS: Mapping[str, Goal] = {
    "start.wall": Goal(4, "46.8 s / 20.6 s", "1.5 s"),
    "start.calls": Goal(90, "1300", str(USUAL.least_calls())),
    "start.requests": Goal(1700, "4720", "1000"),
    "start.writes": Goal(None, "2564", "1000"),
    "start.cpu": Goal(6, "8.5 s"),
    "start.memory": Goal(110, "150 MiB"),
    "idle.calls": Goal(0, "0", "0"),
    "idle.requests": Goal(0, "", "0"),
    "idle.cpu": Goal(0.3, "0.3 s"),
    "steady.calls": Goal(60, "600"),
    "steady.requests": Goal(300, "1080"),
    "new.wall": Goal(0.12, "0.11 s", "0.05 s"),
    "restart.wall": Goal(1.5, "3.1–6.9 s"),
    "restart.calls": Goal(3, "31"),
}
"""By the name of the figure."""

LARGE_GOALS: Mapping[str, Goal] = {
    "start.wall": Goal(60),
    "object.counted": Goal(6),
    "restart.object": Goal(6),
    "restart.calls": Goal(3),
    "busy.wall": Goal(1),
}
"""Of the large cluster."""
