"""The metrics of queue and reconciles, under the names that controller-runtime gives them.

Dashboards and alerts for Go's controllers, External Secrets Operator among them, read these names.
"""

from collections.abc import Iterable

from prometheus_client import Counter, Histogram

from provider.runtime.metrics import BUCKETS, Metrics


def controller_of(kind: str) -> str:
    """The label of a kind, as controller-runtime writes it."""
    return kind.lower()


class QueueMetrics:
    """Of all kinds that are reconciled; every series exists from the start."""

    def __init__(self, metrics: Metrics, kinds: Iterable[str]) -> None:
        registry = metrics.registry
        self._reconciles = Counter(
            "controller_runtime_reconcile",
            "Reconciles that ended.",
            ("controller", "result"),
            registry=registry,
        )
        self._errors = Counter(
            "controller_runtime_reconcile_errors",
            "Reconciles that failed.",
            ("controller",),
            registry=registry,
        )
        self._durations = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "Duration of reconciles.",
            ("controller",),
            registry=registry,
            buckets=BUCKETS,
        )
        self._waits = Histogram(
            "workqueue_queue_duration_seconds",
            "Time from when an object is due until its reconcile begins.",
            ("name",),
            registry=registry,
            buckets=BUCKETS,
        )
        for kind in kinds:
            self._begin(controller_of(kind))

    def _begin(self, controller: str) -> None:
        for result in ("success", "error"):
            self._reconciles.labels(controller, result)
        self._errors.labels(controller)
        self._durations.labels(controller)
        self._waits.labels(controller)

    def reconciled(self, kind: str, *, waited: float, took: float, failed: bool) -> None:
        controller = controller_of(kind)
        self._reconciles.labels(controller, "error" if failed else "success").inc()
        self._errors.labels(controller).inc(failed)
        self._durations.labels(controller).observe(took)
        self._waits.labels(controller).observe(waited)
