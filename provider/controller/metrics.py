"""The metrics of External Secrets Operator, under its names, and the controller's own.

Series of one object end with the object: their number is that of the objects.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from provider.controller.kinds import CLUSTER_EXTERNAL_SECRETS, EXTERNAL_SECRETS
from provider.controller.object_cache import ObjectKey
from provider.controller.queue_metrics import QueueMetrics
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.store_ref import StoreKind
from provider.controller.status import READY, Ready
from provider.controller.watched import key_of
from provider.runtime.metrics import Metrics

_OBJECT = ("name", "namespace")
_CONDITION = (*_OBJECT, "condition", "status")
_STATUSES = ("True", "False")


@dataclass(slots=True)
class _Series:
    """What is said of one object; None where nothing was yet."""

    status: str | None = None
    """That of the condition Ready."""
    nanoseconds: int | None = None
    syncs: int | None = None
    errors: int = 0


class ObjectMetrics(Collector):
    """The condition and the duration of the last reconcile, for each object of one kind.

    Samples are made at a scrape: a gauge of the library for each object would need 3 KiB.
    """

    def __init__(self, metrics: Metrics, prefix: str) -> None:
        self._prefix = prefix
        self._series: defaultdict[ObjectKey, _Series] = defaultdict(_Series)
        metrics.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """The metrics at a scrape, for the registry; called in another thread."""
        series = list(self._series.items())
        conditions = GaugeMetricFamily(
            f"{self._prefix}_status_condition", "1 for the current status.", labels=_CONDITION
        )
        for key, one in series:
            for status in _STATUSES if one.status is not None else ():
                place = key.name, key.namespace, READY, status
                conditions.add_metric(place, float(status == one.status))
        yield conditions
        yield _family(
            GaugeMetricFamily(
                f"{self._prefix}_reconcile_duration",
                "Nanoseconds of the last reconcile.",
                labels=_OBJECT,
            ),
            ((key, one.nanoseconds) for key, one in series),
        )

    def ready(self, metadata: Metadata, ready: Ready) -> None:
        """What the condition Ready says now."""
        self._series[key_of(metadata)].status = ready.status

    def reconciled(self, key: ObjectKey, seconds: float) -> None:
        """A reconcile has ended."""
        self._series[key].nanoseconds = int(seconds * 1e9)

    def gone(self, key: ObjectKey) -> None:
        """The object is gone."""
        self._series.pop(key, None)

    def clear(self) -> None:
        """Another replica works on all objects from now on."""
        self._series.clear()


class ExternalSecretMetrics(ObjectMetrics):
    """The same, and counts of syncs."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(metrics, "externalsecret")

    def collect(self) -> Iterator[Metric]:
        """The metrics at a scrape."""
        yield from super().collect()
        series = list(self._series.items())
        yield _family(
            CounterMetricFamily("externalsecret_sync_calls", "Syncs.", labels=_OBJECT),
            ((key, one.syncs) for key, one in series),
        )
        # A gauge, because External Secrets Operator's name of this counter has no suffix _total.
        yield _family(
            GaugeMetricFamily(
                "externalsecret_sync_calls_error", "Syncs that failed; only grows.", labels=_OBJECT
            ),
            ((key, None if one.syncs is None else one.errors) for key, one in series),
        )

    def synced(self, metadata: Metadata, *, failed: bool) -> None:
        """A sync has ended."""
        series = self._series[key_of(metadata)]
        series.syncs = (series.syncs or 0) + 1
        series.errors += failed


F = TypeVar("F", GaugeMetricFamily, CounterMetricFamily)


def _family(family: F, values: Iterable[tuple[ObjectKey, int | None]]) -> F:
    """A family with a sample for each object that has a value."""
    for key, value in values:
        if value is not None:
            family.add_metric((key.name, key.namespace), value)
    return family


@dataclass(frozen=True, slots=True)
class ControllerMetrics:
    """The metrics of each kind of object."""

    external_secrets: ExternalSecretMetrics
    stores: Mapping[StoreKind, ObjectMetrics]
    cluster_external_secrets: ObjectMetrics
    queue: QueueMetrics
    calls_saved: Callable[[float], object]

    def clear(self) -> None:
        """Drop the series of single objects: another replica has them from now on."""
        for one in (self.external_secrets, *self.stores.values(), self.cluster_external_secrets):
            one.clear()

    def of(self, kind: str) -> ObjectMetrics:
        """Those of a kind."""
        if kind == EXTERNAL_SECRETS.name:
            return self.external_secrets
        if kind == CLUSTER_EXTERNAL_SECRETS.name:
            return self.cluster_external_secrets
        return next(one for name, one in self.stores.items() if name == kind)


class ProviderCalls:
    """An engine's observer: External Secrets Operator's count of calls, beside the usual ones."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        # A gauge for the same reason.
        self._calls = Gauge(
            "externalsecret_provider_api_calls_count",
            "Attempts at calls to AWS; only grows.",
            ("provider", "call", "status"),
            registry=metrics.registry,
        )

    def aws_request(
        self, service: str, operation: str, region: str, outcome: str, seconds: float
    ) -> None:
        """An attempt at a call to AWS has ended."""
        self._metrics.aws_request(service, operation, region, outcome, seconds)
        provider = {"secretsmanager": "AWS/SecretsManager", "ssm": "AWS/ParameterStore"}
        status = "success" if outcome == "ok" else "error"
        self._calls.labels(provider.get(service, f"AWS/{service.upper()}"), operation, status).inc()

    def cache_event(self, cache: str, event: str) -> None:
        """A cache had what was asked for, or did not."""
        self._metrics.cache_event(cache, event)
