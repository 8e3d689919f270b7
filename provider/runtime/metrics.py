"""The metrics of the process, and the page that Prometheus scrapes.

No label contains a name that the author of a pod or of a manifest chooses freely; regions, which
manifests name, are limited in number. The metrics of a front door are defined there.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from platform import python_version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from provider import __version__

PREFIX = "secrets_provider_aws_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
"""Upper bounds of every histogram, in seconds."""
MAX_REGIONS = 32
"""Regions with a label of their own. A manifest may name regions that do not exist."""
OTHER = "other"

Read = Callable[[], float | Mapping[str, float]]


class BoundedLabel:
    """Values of one label: the first `most` as they are, all others as `other`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(value)
        return value


class Metrics:
    """A registry of its own, with the metrics of the engine. One for the process."""

    def __init__(self) -> None:
        # Else every counter and histogram has one more series.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types here
        self.registry = CollectorRegistry()
        """For metrics whose names have no prefix."""
        about = Info(f"{PREFIX}build", "Versions of this process.", registry=self.registry)
        about.info({"version": __version__, "python_version": python_version()})
        ProcessCollector(registry=self.registry)
        self._region = BoundedLabel(MAX_REGIONS)
        self._watched: list[tuple[Gauge, Read]] = []
        self._rendering = asyncio.Lock()
        self._aws_requests = self.histogram(
            "aws_request_duration_seconds",
            "Duration of requests to AWS, each attempt separately.",
            ("service", "operation", "region", "outcome"),
        )
        self._cache_events = self.counter(
            "cache_events", "How values, credentials and roles were found.", ("cache", "event")
        )
        # Looking up a series by its labels costs more than counting.
        self._of_aws_request = cache(self._aws_requests.labels)
        self._of_cache_event = cache(self._cache_events.labels)

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        """A new counter; its name gets the prefix and the suffix `_total`."""
        return Counter(PREFIX + name, text, labels, registry=self.registry)

    def histogram(self, name: str, text: str, labels: Sequence[str] = ()) -> Histogram:
        """A new histogram of seconds; its name gets the prefix."""
        return Histogram(PREFIX + name, text, labels, registry=self.registry, buckets=BUCKETS)

    def watch(
        self, name: str, text: str, read: Read, label: str = "", *, prefix: str = PREFIX
    ) -> None:
        """A new gauge, which is read at every scrape; its name gets the prefix.

        With a label, `read` gives a number for each of its values.
        """
        gauge = Gauge(prefix + name, text, (label,) if label else (), registry=self.registry)
        self._watched.append((gauge, read))

    def aws_request(
        self, service: str, operation: str, region: str, outcome: str, seconds: float
    ) -> None:
        """One attempt at a request to AWS has ended."""
        self._of_aws_request(service, operation, self._region(region), outcome).observe(seconds)

    def cache_event(self, cache: str, event: str) -> None:
        self._of_cache_event(cache, event).inc()

    async def page(self) -> bytes:
        """The answer to a scrape, in Prometheus' text format (`CONTENT_TYPE`).

        It is rendered in a thread, because that takes tens of milliseconds; one at a time.
        """
        async with self._rendering:
            for gauge, read in self._watched:
                _set(gauge, read())
            return await asyncio.to_thread(generate_latest, self.registry)


def _set(gauge: Gauge, value: float | Mapping[str, float]) -> None:
    if not isinstance(value, Mapping):
        gauge.set(value)
        return
    gauge.clear()
    for label, of_label in value.items():
        gauge.labels(label).set(of_label)
