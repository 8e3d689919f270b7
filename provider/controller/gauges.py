"""The gauges of the process, which are read at every scrape."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from provider.controller.controller import Controller
from provider.controller.monitoring.queue_metrics import controller_of
from provider.controller.pages import Readiness
from provider.runtime.metrics import Metrics

T = TypeVar("T")


def watch_leader(metrics: Metrics, readiness: Readiness, is_leading: Callable[[], bool]) -> None:
    """Add gauges of the leader's queue and informers: 0 while another replica is the leader."""

    def of(read: Callable[[Controller], T], otherwise: T) -> Callable[[], T]:
        def value() -> T:
            return otherwise if readiness.controller is None else read(readiness.controller)

        return value

    watch = metrics.watch
    watch("leading", "1 if this replica is the leader.", lambda: float(is_leading()))
    watch(
        "objects_waiting",
        "Objects that are due and wait for their turn.",
        of(lambda one: one.queue.depth, 0),
    )
    watch(
        "objects_in_progress", "Objects that are worked on.", of(lambda one: one.queue.running, 0)
    )
    watch(
        "oldest_wait_seconds",
        "Time for which an object has waited for its turn, the longest of all.",
        of(lambda one: one.queue.oldest(), 0.0),
    )
    watch(
        "stalest_external_secret_age_seconds",
        "Time since the last periodic refresh of an ExternalSecret, the longest of all.",
        of(lambda one: one.oldest.ages.since_refresh, 0.0),
    )
    watch(
        "external_secret_overdue_seconds",
        "Time since the periodic refresh of an ExternalSecret was due, the longest of all.",
        of(lambda one: one.oldest.ages.overdue, 0.0),
    )
    metrics.watch_by(
        "workqueue_depth",
        "Objects that are due and wait for their turn.",
        "name",
        of(_depths, {}),
        prefix="",
    )
    metrics.watch_by(
        "controller_runtime_active_workers",
        "Objects that are worked on.",
        "controller",
        of(_running, {}),
        prefix="",
    )
    metrics.watch_by(
        "controller_runtime_max_concurrent_reconciles",
        "Objects of all kinds that are worked on at a time, at most.",
        "controller",
        of(_concurrent, {}),
        prefix="",
    )
    metrics.watch_by(
        "informer_objects",
        "Objects that are known.",
        "kind",
        of(_object_counts, {}),
    )


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
