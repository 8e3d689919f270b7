"""From the start of the process to its first answer."""

from collections.abc import Iterator

from benchmarks.cgroup import NoCgroup, limited_to
from benchmarks.figures import Figure
from benchmarks.stage import Stage

CHART_LIMIT = 0.05
"""Cores that the reference's chart gives its container: 50m."""


def row(stage: Stage) -> Iterator[Figure]:
    """Wall time and CPU until Version answers, with all the machine."""
    walls, cpus = [], []
    with stage.fakes(identities=1) as fakes:
        for _ in stage.times(9):
            with stage.daemon(fakes) as daemon:
                walls.append(daemon.ready_after * 1000)
                cpus.append(daemon.ready_cpu * 1000)
    yield Figure.of("start.wall", "start until Version answers", walls, "ms")
    yield Figure.of("start.cpu", "… CPU", cpus, "ms")


def limited(stage: Stage) -> Iterator[Figure]:
    """The same within 5 ms of CPU in every 100."""
    text = "… within 50m of CPU"
    try:
        with (
            limited_to(CHART_LIMIT) as prefix,
            stage.fakes(identities=1) as fakes,
            stage.daemon(fakes, prefix=prefix) as daemon,
        ):
            yield Figure("start.limited", text, daemon.ready_after, "s")
    except NoCgroup as reason:
        stage.left_out[text] = str(reason)
