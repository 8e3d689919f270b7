"""The HTTP paths of the controller: probes, and metrics with gauges that are read at a scrape."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import TypeVar

from provider.controller.config import Config
from provider.controller.controller import Controller
from provider.controller.monitoring.queue_metrics import controller_of
from provider.controller.replica import Replica
from provider.runtime import pages
from provider.runtime.metrics import Metrics

T = TypeVar("T")

_GAUGES: tuple[tuple[str, str, Callable[[Controller], float]], ...] = (
    (
        "objects_waiting",
        "Objects that are due and wait for their turn.",
        lambda one: one.queue.depth,
    ),
    ("objects_in_progress", "Objects that are worked on.", lambda one: one.queue.running),
    (
        "oldest_wait_seconds",
        "Time for which an object has waited for its turn, the longest of all.",
        lambda one: one.queue.oldest(),
    ),
    (
        "stalest_external_secret_age_seconds",
        "Time since the last periodic refresh of an ExternalSecret, the longest of all.",
        lambda one: one.oldest.ages.since_refresh,
    ),
    (
        "external_secret_overdue_seconds",
        "Time since the periodic refresh of an ExternalSecret was due, the longest of all.",
        lambda one: one.oldest.ages.overdue,
    ),
)
"""Name, meaning and value."""
_BY_CONTROLLER: tuple[tuple[str, str, str, Callable[[Controller], Mapping[str, int]]], ...] = (
    (
        "workqueue_depth",
        "Objects that are due and wait for their turn.",
        "name",
        lambda one: one.queue.depths(),
    ),
    (
        "controller_runtime_active_workers",
        "Objects that are worked on.",
        "controller",
        lambda one: one.queue.running_by_kind(),
    ),
    (
        "controller_runtime_max_concurrent_reconciles",
        "Objects of all kinds that are worked on at a time, at most.",
        "controller",
        lambda one: dict.fromkeys(one.kinds, one.queue.most_running),
    ),
)
"""Name, meaning, label and values by kind, under the names that controller-runtime gives them."""


async def serve_pages(
    config: Config, metrics: Metrics, replica: Replica, stack: AsyncExitStack
) -> None:
    """Serve the pages until the stack closes; raises `StartFailed`."""
    probes, metrics_page = pages.probes(replica.problem), pages.scrape(metrics)
    await pages.serve("--live-addr", config.live_addr, probes, stack)
    await pages.serve("--metrics-addr", config.metrics_addr, metrics_page, stack)


def watch_leader(metrics: Metrics, replica: Replica) -> None:
    """Add gauges of the leader's queue and informers: 0 while another replica is the leader."""

    def of(read: Callable[[Controller], T], otherwise: T) -> Callable[[], T]:
        def value() -> T:
            return otherwise if replica.controller is None else read(replica.controller)

        return value

    metrics.watch(
        "leading", "1 if this replica is the leader.", lambda: float(replica.is_leading())
    )
    for name, meaning, read in _GAUGES:
        metrics.watch(name, meaning, of(read, 0.0))
    for name, meaning, label, numbers in _BY_CONTROLLER:
        metrics.watch(name, meaning, of(_of_all_kinds(numbers), {}), label, prefix="")
    metrics.watch("informer_objects", "Objects that are known.", of(_known, {}), "kind")


def _of_all_kinds(
    numbers: Callable[[Controller], Mapping[str, int]],
) -> Callable[[Controller], dict[str, float]]:
    """The numbers by the label of each kind, 0 for those without one."""

    def read(controller: Controller) -> dict[str, float]:
        found = numbers(controller)
        return {controller_of(kind): found.get(kind, 0) for kind in controller.kinds}

    return read


def _known(controller: Controller) -> dict[str, float]:
    return {one.selection.kind.name: len(one) for one in controller.informers.all()}
