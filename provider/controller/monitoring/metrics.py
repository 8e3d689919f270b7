"""The metrics of External Secrets Operator, under its names, and the controller's own.

Series of one object end with the object: their number is that of the objects.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from provider.controller.kinds import (
    CLUSTER_EXTERNAL_SECRETS,
    CLUSTER_SECRET_STORES,
    EXTERNAL_SECRETS,
    SECRET_STORES,
)
from provider.controller.monitoring.queue_metrics import QueueMetrics
from provider.controller.resources.object_meta import Metadata
from provider.controller.scheduling.schedule import Item
from provider.controller.status import READY
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import key_of
from provider.runtime.metrics import Metrics

F = TypeVar("F", bound=GaugeMetricFamily | CounterMetricFamily)

_OBJECT = ("name", "namespace")
_CONDITION = (*_OBJECT, "condition", "status")
_STATUSES = ("True", "False")
_STANDARD = ("name", "instance", "version", "component", "part-of", "managed-by")
EXTENDED = tuple(f"app.kubernetes.io/{name}" for name in _STANDARD)
"""Labels of an object that become labels of its series, with --enable-extended-metric-labels."""


@dataclass(slots=True)
class _Series:
    """The samples of one object; None where there is none yet."""

    status: str | None = None
    """That of the condition Ready."""
    nanoseconds: int | None = None
    syncs: int | None = None
    errors: int = 0
    extended: tuple[str, ...] = ()
    """The values of the extended labels."""


class ObjectMetrics(Collector):
    """The condition and the duration of the last reconcile, for each object of one kind.

    Samples are made at a scrape: a gauge of the library for each object would need 3 KiB.
    """

    def __init__(self, metrics: Metrics, prefix: str, extended: tuple[str, ...] = ()) -> None:
        """`extended` are labels of objects that become labels of the series: `EXTENDED`."""
        self._prefix = prefix
        self._extended = extended
        self._names = tuple(re.sub(r"\W", "_", name) for name in extended)
        self._series: dict[ObjectKey, _Series] = {}
        metrics.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """The metrics at a scrape, for the registry; called in another thread."""
        conditions = GaugeMetricFamily(
            f"{self._prefix}_status_condition",
            "1 for the current status.",
            labels=(*_CONDITION, *self._names),
        )
        for key, one in list(self._series.items()):
            for status in _STATUSES if one.status is not None else ():
                place = key.name, key.namespace, READY, status, *one.extended
                conditions.add_metric(place, float(status == one.status))
        yield conditions
        text = "Nanoseconds of the last reconcile."
        yield self._family(GaugeMetricFamily, "reconcile_duration", text, lambda it: it.nanoseconds)

    def ready(self, metadata: Metadata, status: str) -> None:
        """The condition Ready has this status."""
        self._of(metadata).status = status

    def reconciled(self, key: ObjectKey, seconds: float) -> None:
        """A reconcile has ended; it counts for nothing if the object is gone."""
        if key in self._series:
            self._series[key].nanoseconds = int(seconds * 1e9)

    def gone(self, key: ObjectKey) -> None:
        """The object does not exist any more, or is for another controller."""
        self._series.pop(key, None)

    def clear(self) -> None:
        """Another replica works on all objects from now on."""
        self._series.clear()

    def _family(
        self, kind: type[F], name: str, text: str, value_of: Callable[[_Series], int | None]
    ) -> F:
        """A family with a sample for each object that has a value."""
        family = kind(f"{self._prefix}_{name}", text, labels=(*_OBJECT, *self._names))
        for key, one in list(self._series.items()):
            if (value := value_of(one)) is not None:
                family.add_metric((key.name, key.namespace, *one.extended), value)
        return family

    def _of(self, metadata: Metadata) -> _Series:
        series = self._series.setdefault(key_of(metadata), _Series())
        series.extended = tuple(metadata.labels.get(name, "") for name in self._extended)
        return series


class ExternalSecretMetrics(ObjectMetrics):
    """The same, and counts of syncs."""

    def __init__(self, metrics: Metrics, extended: tuple[str, ...] = ()) -> None:
        super().__init__(metrics, "externalsecret", extended)

    def collect(self) -> Iterator[Metric]:
        """The metrics at a scrape."""
        yield from super().collect()
        yield self._family(CounterMetricFamily, "sync_calls", "Syncs.", lambda it: it.syncs)
        # A gauge, because External Secrets Operator's name of this counter has no suffix _total.
        text = "Syncs that failed; only grows."
        yield self._family(
            GaugeMetricFamily,
            "sync_calls_error",
            text,
            lambda it: None if it.syncs is None else it.errors,
        )

    def synced(self, metadata: Metadata, *, failed: bool) -> None:
        series = self._of(metadata)
        series.syncs = (series.syncs or 0) + 1
        series.errors += failed


class ControllerMetrics:
    """All metrics of the controller; `extended` as for `ObjectMetrics`."""

    def __init__(self, metrics: Metrics, extended: tuple[str, ...] = ()) -> None:
        self.external_secrets = ExternalSecretMetrics(metrics, extended)
        self.of: Mapping[str, ObjectMetrics] = {
            EXTERNAL_SECRETS.name: self.external_secrets,
            **{
                kind.name: ObjectMetrics(metrics, kind.name.lower(), extended)
                for kind in (SECRET_STORES, CLUSTER_SECRET_STORES, CLUSTER_EXTERNAL_SECRETS)
            },
        }
        """Those of single objects, by kind."""
        self.queue = QueueMetrics(metrics, self.of)
        saved = (
            "Calls to AWS that one call for each value would have made, less those that were made."
        )
        self.calls_saved = metrics.counter("calls_saved", saved)
        put_off = "Syncs that waited because their namespace had made many calls to AWS."
        self.syncs_put_off = metrics.counter("syncs_put_off", put_off)

    def reconciled(
        self, item: Item, *, waited: float, took: float, error: Exception | None
    ) -> None:
        """A reconcile has ended: an `Observe` of the queue."""
        self.queue.reconciled(item.kind, waited=waited, took=took, failed=error is not None)
        if item.kind in self.of:
            self.of[item.kind].reconciled(ObjectKey(item.namespace, item.name), took)

    def clear(self) -> None:
        """Drop the series of single objects: another replica has them from now on."""
        for one in self.of.values():
            one.clear()


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
