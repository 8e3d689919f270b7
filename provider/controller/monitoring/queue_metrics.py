"""The metrics of queue and reconciles, under the names that controller-runtime gives them.

Dashboards and alerts for Go's controllers, External Secrets Operator among them, read these names.
"""

from collections.abc import Iterable
from functools import partial

from prometheus_client import Counter, Histogram

from provider.runtime.metrics import BUCKETS, Metrics


def controller_of(kind: str) -> str:
    """The label of a kind, as controller-runtime writes it."""
    return kind.lower()


class QueueMetrics:
    """Of all kinds that are reconciled; every series exists from the start."""

    def __init__(self, metrics: Metrics, kinds: Iterable[str]) -> None:
        counter = partial(Counter, registry=metrics.registry)
        histogram = partial(Histogram, registry=metrics.registry, buckets=BUCKETS)
        reconcile, by_kind = "controller_runtime_reconcile", ("controller",)
        self._reconciles = counter(reconcile, "Reconciles that ended.", (*by_kind, "result"))
        self._errors = counter(f"{reconcile}_errors", "Reconciles that failed.", by_kind)
        self._durations = histogram(f"{reconcile}_time_seconds", "Duration of reconciles.", by_kind)
        self._waits = histogram(
            "workqueue_queue_duration_seconds",
            "Time from when an object is due until its reconcile begins.",
            ("name",),
        )
        for controller in map(controller_of, kinds):
            for result in ("success", "error"):
                self._reconciles.labels(controller, result)
            for one in (self._errors, self._durations, self._waits):
                one.labels(controller)

    def reconciled(self, kind: str, *, waited: float, took: float, failed: bool) -> None:
        controller = controller_of(kind)
        self._reconciles.labels(controller, "error" if failed else "success").inc()
        self._errors.labels(controller).inc(failed)
        self._durations.labels(controller).observe(took)
        self._waits.labels(controller).observe(waited)
