"""The rows of the table, measured one after the other on one cluster."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.controller.aws import AwsProcess
from benchmarks.controller.cluster import GROUP, Cluster, counted, written
from benchmarks.controller.process import ControllerProcess
from benchmarks.controller.watching import Watching, is_ready
from benchmarks.figures import Figure

FREQUENT = 40
"""ExternalSecrets that are refreshed every 10 seconds, in the steady minute: all of some
namespaces, ten in each if there are 500 in 50."""
NEW = 9
"""ExternalSecrets that are made one by one."""
MOST_NEW = 2 * NEW + 1
"""All that are made, also for other rows."""
APART = 0.5
"""Seconds between two of them."""
QUIET = 3.0
"""Seconds for Events to be written, after which the requests of a row are counted."""
QUIET_AFTER_START = 15.0
"""The same after a start, which makes a hundred Events at once: they are written slowly."""
LONGEST = 180.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What the rows share. Of AWS's secrets, those from the size on are for new ExternalSecrets."""

    cluster: Cluster
    aws: AwsProcess
    folder: Path
    minute: float
    """Seconds that stand for a minute."""
    is_verbose: bool = False

    @property
    def size(self) -> int:
        """ExternalSecrets from the start."""
        return self.cluster.shape.size

    def controller(self) -> ControllerProcess:
        """Not started yet."""
        return ControllerProcess(self.folder, self.cluster, self.aws.account.url)

    def note(self, text: str, counts: Mapping[Any, int]) -> None:
        """Print counts, if that is wanted."""
        if self.is_verbose:
            rest = ", ".join(f"{key} {number}" for key, number in sorted(counts.items(), key=str))
            sys.stderr.write(f"{text}: {rest}\n")


def measured(bench: Bench) -> Iterator[Figure]:
    """All figures; a figure's name is in `goals`."""
    with Watching(bench.cluster.address, "/api/v1/secrets", metadata_only=True) as secrets:
        with bench.controller() as controller:
            yield from start(bench, controller)
            yield from _minute(bench, controller, "idle", "an idle minute")
            yield from new(bench, secrets)
            set_interval(bench, "10s")
            time.sleep(12)
            yield from _minute(bench, controller, "steady", f"a steady minute, {FREQUENT} at 10s")
            set_interval(bench, "1h")
            time.sleep(QUIET)
        with bench.controller() as controller:
            yield from restart(bench, controller, secrets)


def start(bench: Bench, controller: ControllerProcess) -> Iterator[Figure]:
    """From the start of the controller until all ExternalSecrets are Ready."""
    path = f"{GROUP}/externalsecrets"
    with Watching(bench.cluster.address, path, is_ready) as ready:
        last = ready.wait_for(bench.size, LONGEST + bench.size / 10)
    seconds, cpu = last - controller.started, controller.cpu()
    time.sleep(QUIET_AFTER_START)
    requests, calls = bench.cluster.requests(), bench.aws.calls()
    bench.note("start: calls", calls)
    bench.note("start: requests", requests)
    yield Figure("start.wall", f"all {bench.size} Ready after a start", seconds, "s")
    yield Figure("start.calls", "… calls to AWS (data and STS)", sum(calls.values()), "calls")
    yield Figure("start.requests", "… requests to the API", counted(requests), "calls")
    yield Figure("start.writes", "… of them writes", written(requests), "calls")
    yield Figure("start.cpu", "… CPU", cpu, "s")
    yield Figure("start.memory", "… resident memory", controller.memory(), "MiB")


def _minute(bench: Bench, controller: ControllerProcess, name: str, text: str) -> Iterator[Figure]:
    """What a minute costs, from what the shorter time that stands for it does."""
    scale = 60 / bench.minute
    before, cpu = bench.cluster.requests(), controller.cpu()
    bench.aws.clear()
    time.sleep(bench.minute)
    requests, calls = bench.cluster.requests() - before, bench.aws.calls()
    cpu = controller.cpu() - cpu
    bench.note(f"{name}: calls", calls)
    bench.note(f"{name}: requests", requests)
    yield Figure(f"{name}.calls", f"{text}: calls to AWS", sum(calls.values()) * scale, "calls")
    number = counted(requests) * scale
    yield Figure(f"{name}.requests", "… requests, without watches and Lease", number, "calls")
    yield Figure(f"{name}.cpu", "… CPU", cpu * scale, "s")


def new(bench: Bench, secrets: Watching) -> Iterator[Figure]:
    """From the request that makes an ExternalSecret until its Secret is seen."""
    times = times_of_new(bench, secrets, 0)
    yield Figure.of("new.wall", "a new ExternalSecret's Secret exists after", times, "s")


def times_of_new(bench: Bench, secrets: Watching, skipped: int) -> Sequence[float]:
    """Seconds until each of some ExternalSecrets, made one by one, has its Secret."""
    times = []
    for number in _numbers(bench, skipped, NEW):
        time.sleep(APART)
        started = time.perf_counter()
        namespace = bench.cluster.external_secret(number)
        times.append(secrets.moment_of(namespace, f"es-{number}", LONGEST) - started)
    return times


def restart(bench: Bench, controller: ControllerProcess, secrets: Watching) -> Iterator[Figure]:
    """All at rest; one ExternalSecret is made while the controller starts."""
    before = bench.cluster.requests()
    bench.aws.clear()
    (number,) = _numbers(bench, MOST_NEW - 1, 1)
    namespace = bench.cluster.external_secret(number)
    seconds = secrets.moment_of(namespace, f"es-{number}", LONGEST) - controller.started
    time.sleep(QUIET)
    requests, calls = bench.cluster.requests() - before, bench.aws.calls()
    bench.note("restart: calls", calls)
    bench.note("restart: requests", requests)
    yield Figure("restart.wall", "restart at rest: a new one's Secret after", seconds, "s")
    yield Figure("restart.calls", "… calls to AWS", sum(calls.values()), "calls")
    yield Figure(
        "restart.writes", "… writes, with those of the new one", written(requests), "calls"
    )
    yield Figure("restart.cpu", "… CPU", controller.cpu(), "s")


def set_interval(bench: Bench, interval: str) -> None:
    """Change how often some ExternalSecrets are refreshed."""
    by_namespace = sorted(range(bench.size), key=bench.cluster.shape.place_of)
    for number in by_namespace[:FREQUENT]:
        bench.cluster.external_secret(number, interval)


def _numbers(bench: Bench, skipped: int, number: int) -> Sequence[int]:
    """Of ExternalSecrets that are not there yet."""
    return range(bench.size + skipped, bench.size + skipped + number)
