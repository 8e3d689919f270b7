"""The metrics of External Secrets Operator, under its names, and the controller's own.

Series of one object end with the object: their number is that of the objects.
"""

from prometheus_client import Counter, Gauge

from provider.controller.object_cache import ObjectKey
from provider.controller.resources.object_meta import Metadata
from provider.controller.status import READY, Ready
from provider.runtime.metrics import Metrics

_OBJECT = ("name", "namespace")
_CONDITION = (*_OBJECT, "condition", "status")
_STATUSES = ("True", "False")


class ObjectMetrics:
    """The condition and the duration of the last reconcile, for each object of one kind."""

    def __init__(self, metrics: Metrics, prefix: str) -> None:
        registry = metrics.registry
        self._conditions = Gauge(
            f"{prefix}_status_condition", "1 for the current status.", _CONDITION, registry=registry
        )
        self._durations = Gauge(
            f"{prefix}_reconcile_duration",
            "Nanoseconds of the last reconcile.",
            _OBJECT,
            registry=registry,
        )

    def ready(self, metadata: Metadata, ready: Ready) -> None:
        """What the condition Ready says now."""
        place = metadata.name, metadata.namespace
        for status in _STATUSES:
            self._conditions.labels(*place, READY, status).set(status == ready.status)

    def reconciled(self, key: ObjectKey, seconds: float) -> None:
        """A reconcile has ended."""
        self._durations.labels(key.name, key.namespace).set(int(seconds * 1e9))

    def gone(self, key: ObjectKey) -> None:
        """The object is gone."""
        self._durations.remove(key.name, key.namespace)
        for status in _STATUSES:
            self._conditions.remove(key.name, key.namespace, READY, status)

    def clear(self) -> None:
        """Another replica works on all objects from now on."""
        self._durations.clear()
        self._conditions.clear()


class ExternalSecretMetrics(ObjectMetrics):
    """The same, and counts of syncs."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(metrics, "externalsecret")
        self._calls = Counter(
            "externalsecret_sync_calls", "Syncs.", _OBJECT, registry=metrics.registry
        )
        # A gauge, because External Secrets Operator's name of this counter has no suffix _total.
        self._errors = Gauge(
            "externalsecret_sync_calls_error",
            "Syncs that failed; only grows.",
            _OBJECT,
            registry=metrics.registry,
        )

    def synced(self, metadata: Metadata, *, failed: bool) -> None:
        """A sync has ended."""
        place = metadata.name, metadata.namespace
        self._calls.labels(*place).inc()
        self._errors.labels(*place).inc(failed)

    def gone(self, key: ObjectKey) -> None:
        """The object is gone."""
        super().gone(key)
        self._calls.remove(key.name, key.namespace)
        self._errors.remove(key.name, key.namespace)

    def clear(self) -> None:
        """Another replica works on all objects from now on."""
        super().clear()
        self._calls.clear()
        self._errors.clear()


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
