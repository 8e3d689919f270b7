"""The gauges of the process, which are read at every scrape."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from provider.controller.controller import Controller
from provider.controller.monitoring.queue_metrics import controller_of
from provider.controller.pages import Readiness
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


def watch_leader(metrics: Metrics, readiness: Readiness, is_leading: Callable[[], bool]) -> None:
    """Add gauges of the leader's queue and informers: 0 while another replica is the leader."""

    def of(read: Callable[[Controller], T], otherwise: T) -> Callable[[], T]:
        def value() -> T:
            return otherwise if readiness.controller is None else read(readiness.controller)

        return value

    metrics.watch("leading", "1 if this replica is the leader.", lambda: float(is_leading()))
    for name, meaning, read in _GAUGES:
        metrics.watch(name, meaning, of(read, 0.0))
    for name, meaning, label, read_all in _BY_CONTROLLER:
        metrics.watch(name, meaning, of(read_all, {}), label, prefix="")
    metrics.watch("informer_objects", "Objects that are known.", of(_object_counts, {}), "kind")


def _depths(controller: Controller) -> dict[str, float]:
    return _of_all_kinds(controller, controller.queue.depths())


def _running(controller: Controller) -> dict[str, float]:
    return _of_all_kinds(controller, controller.queue.running_by_kind())


def _concurrent(controller: Controller) -> dict[str, float]:
    return _of_all_kinds(controller, dict.fromkeys(controller.kinds, controller.queue.concurrent))


def _of_all_kinds(controller: Controller, numbers: Mapping[str, int]) -> dict[str, float]:
    return {controller_of(kind): numbers.get(kind, 0) for kind in controller.kinds}


def _object_counts(controller: Controller) -> dict[str, float]:
    return {one.selection.kind.name: len(one) for one in controller.informers.all()}


_BY_CONTROLLER: tuple[tuple[str, str, str, Callable[[Controller], Mapping[str, float]]], ...] = (
    ("workqueue_depth", "Objects that are due and wait for their turn.", "name", _depths),
    ("controller_runtime_active_workers", "Objects that are worked on.", "controller", _running),
    (
        "controller_runtime_max_concurrent_reconciles",
        "Objects of all kinds that are worked on at a time, at most.",
        "controller",
        _concurrent,
    ),
)
"""Name, meaning, label and values by kind, under the names that controller-runtime gives them."""
