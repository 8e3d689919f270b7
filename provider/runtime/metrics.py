"""What the daemon counts, and how Prometheus reads it.

Counting is a dictionary and a lock; prometheus_client, whose import costs as much as gRPC's, only
writes the page and comes in when it is first asked for. No label holds a name that a pod's or a
class's author chooses freely, and each family's label sets are bounded.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from platform import python_version
from threading import Lock
from typing import TYPE_CHECKING

from provider import __version__

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

PREFIX = "secrets_provider_aws_"
BUCKETS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    120.0,
)
MAX_LABEL_SETS = 500
"""Regions come from classes: somebody may make many up."""

Labels = tuple[str, ...]


@dataclass(slots=True)
class Counter:
    """Events by label set."""

    name: str
    text: str
    labels: Labels
    _values: dict[Labels, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, *labels: str) -> None:
        """One more."""
        with self._lock:
            labels = _known(self._values, labels)
            self._values[labels] = self._values.get(labels, 0) + 1

    def family(self) -> "Metric":
        """As prometheus_client has it."""
        from prometheus_client.metrics_core import CounterMetricFamily  # noqa: PLC0415

        family = CounterMetricFamily(PREFIX + self.name, self.text, labels=self.labels)
        with self._lock:
            values = sorted(self._values.items())
        for labels, value in values:
            family.add_metric(labels, value)
        return family


@dataclass(slots=True)
class Histogram:
    """Durations in seconds by label set."""

    name: str
    text: str
    labels: Labels
    _counts: dict[Labels, list[int]] = field(default_factory=dict)
    _sums: dict[Labels, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def observe(self, seconds: float, *labels: str) -> None:
        """One more that took so long."""
        at = bisect_left(BUCKETS, seconds)
        with self._lock:
            labels = _known(self._counts, labels)
            self._counts.setdefault(labels, [0] * (len(BUCKETS) + 1))[at] += 1
            self._sums[labels] = self._sums.get(labels, 0.0) + seconds

    def family(self) -> "Metric":
        """As prometheus_client has it."""
        from prometheus_client.metrics_core import HistogramMetricFamily  # noqa: PLC0415

        family = HistogramMetricFamily(PREFIX + self.name, self.text, labels=self.labels)
        with self._lock:
            values = sorted((one, list(self._counts[one]), self._sums[one]) for one in self._counts)
        for labels, counts, total in values:
            family.add_metric(labels, list(_cumulative(counts)), total)
        return family


@dataclass(slots=True)
class Gauge:
    """A number that is asked for when it is read."""

    name: str
    text: str
    read: Callable[[], float]

    def family(self) -> "Metric":
        """As prometheus_client has it."""
        from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: PLC0415

        return GaugeMetricFamily(PREFIX + self.name, self.text, value=self.read())


def _known(
    sets: dict[Labels, object] | dict[Labels, float] | dict[Labels, list[int]], labels: Labels
) -> Labels:
    """The label set, or the one for all others when there are too many."""
    if labels in sets or len(sets) < MAX_LABEL_SETS:
        return labels
    return ("other",) * len(labels)


def _cumulative(counts: Sequence[int]) -> Iterator[tuple[str, float]]:
    total = 0
    for bound, count in zip([*map(str, BUCKETS), "+Inf"], counts, strict=True):
        total += count
        yield bound, total


class Metrics:
    """All of the daemon's, thread-safe. The methods are handed to the parts as plain callables."""

    def __init__(self) -> None:
        self._mounts = Counter(
            "mounts", "Mounts by outcome and, where they failed, reason.", ("outcome", "reason")
        )
        self._mount_seconds = Histogram(
            "mount_duration_seconds", "Duration of mounts, waiting included.", ("outcome",)
        )
        self._aws_seconds = Histogram(
            "aws_request_duration_seconds",
            "Duration of requests to AWS, each attempt for itself.",
            ("service", "operation", "region", "outcome"),
        )
        self._cache_events = Counter(
            "cache_events", "How values, credentials and look-ups were come by.", ("cache", "event")
        )
        self._families: list[Counter | Histogram | Gauge] = [
            self._mounts,
            self._mount_seconds,
            self._aws_seconds,
            self._cache_events,
        ]

    def mounted(self, outcome: str, reason: str, seconds: float) -> None:
        """A mount has been answered."""
        self._mounts.add(outcome, reason)
        self._mount_seconds.observe(seconds, outcome)

    def aws_request(
        self, service: str, operation: str, region: str, outcome: str, seconds: float
    ) -> None:
        """An attempt at a call to AWS has ended."""
        self._aws_seconds.observe(seconds, service, operation, region, outcome)

    def cache_event(self, cache: str, event: str) -> None:
        """Something came out of a cache, or did not."""
        self._cache_events.add(cache, event)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a number of another part; `read` is called whenever the page is."""
        self._families.append(Gauge(name, text, read))

    def collect(self) -> Iterator["Metric"]:
        """All families, as prometheus_client's registries ask for them."""
        from prometheus_client.metrics_core import InfoMetricFamily  # noqa: PLC0415

        about = {"version": __version__, "python_version": python_version()}
        yield InfoMetricFamily(PREFIX + "build", "What runs here.", value=about)
        for one in self._families:
            yield one.family()

    def page(self) -> bytes:
        """What `/metrics` answers, in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415
        from prometheus_client.exposition import generate_latest  # noqa: PLC0415

        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        return generate_latest(registry)
