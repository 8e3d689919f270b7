"""The rows of a large cluster: memory for each object, and one busy namespace beside others."""

import time
from collections.abc import Iterator

from benchmarks.controller.memory import bytes_per_object
from benchmarks.controller.process import ControllerProcess
from benchmarks.controller.rows import (
    FREQUENT,
    NEW,
    QUIET,
    Bench,
    new,
    restart,
    set_interval,
    start,
    times_of_new,
)
from benchmarks.controller.watching import Watching
from benchmarks.figures import Figure

_COUNTED = 1000


def measured_large(bench: Bench, empty: float) -> Iterator[Figure]:
    """All figures; `empty` is the resident memory, in MiB, without any object."""
    yield Figure("empty.memory", "resident memory without any object", empty, "MiB")
    bytes_each = bytes_per_object(_COUNTED)
    yield Figure("object.counted", "memory of an object at rest, counted", bytes_each / 1024, "KiB")
    with Watching(bench.cluster.address, "/api/v1/secrets", metadata_only=True) as secrets:
        with bench.controller() as controller:
            yield from start(bench, controller)
            least = bench.cluster.shape.least_calls()
            yield Figure("start.floor", "… calls to AWS that are necessary", least, "calls")
            yield _resident(bench, "start", controller.memory() - empty)
            yield from new(bench, secrets)
            yield from _busy(bench, secrets)
            yield from _growth(bench, controller)
        with bench.controller() as controller:
            yield from restart(bench, controller, secrets)
            yield Figure("restart.memory", "… resident memory", controller.memory(), "MiB")
            yield _resident(bench, "restart", controller.memory() - empty)


def _growth(bench: Bench, controller: ControllerProcess) -> Iterator[Figure]:
    """Memory after many refreshes: those of a minute at 1 s are those of an hour at 1m."""
    set_interval(bench, "1s")
    time.sleep(bench.minute / 2)
    before, cpu, written = controller.memory(), controller.cpu(), bench.cluster.requests()
    time.sleep(bench.minute)
    more, cpu = (controller.memory() - before) * 1024, controller.cpu() - cpu
    written = bench.cluster.requests() - written
    refreshes = written["patch", "externalsecrets/status"]
    text = f"growth by refreshes of {FREQUENT} ExternalSecrets, as of an hour at 1m"
    yield Figure("growth.memory", text, max(more, 0.0), "KiB")
    yield Figure("growth.refreshes", "… refreshes", refreshes, "calls")
    yield Figure("growth.cpu", "… CPU of each", cpu * 1000 / max(refreshes, 1), "ms")
    set_interval(bench, "1h")
    time.sleep(QUIET)


def _resident(bench: Bench, name: str, more: float) -> Figure:
    each = more * 1024 / bench.size
    return Figure(f"{name}.object", "… resident memory for each object", each, "KiB")


def _busy(bench: Bench, secrets: Watching) -> Iterator[Figure]:
    """New ExternalSecrets of other namespaces while all of the hot one are due."""
    before = bench.cluster.hot_updates()
    bench.cluster.change_template("second")
    times = times_of_new(bench, secrets, NEW)
    updates = bench.cluster.hot_updates() - before
    hot = bench.cluster.shape.hot
    text = f"a new one's Secret while {hot} of another namespace are due"
    yield Figure.of("busy.wall", text, times, "s")
    yield Figure("busy.longest", "… the longest of all", max(times), "s")
    yield Figure("busy.updates", "… of these updated meanwhile", updates, "calls")
