"""The metrics of mounts.

Every series that an alert rule reads exists from the start with the value 0: `increase` and `rate`
do not see the first event of a series that begins with it.
"""

from collections.abc import Iterable

from provider.runtime.metrics import Metrics

SUCCESSES = ("delivered", "unchanged")
FAILED = "failed"


class MountMetrics:
    """Counts mounts. `reasons` are those that a failed mount can have (names of error classes)."""

    def __init__(self, metrics: Metrics, reasons: Iterable[str]) -> None:
        self._mounts = metrics.counter(
            "mounts", "Mounts by outcome and, if they failed, reason.", ("outcome", "reason")
        )
        self._durations = metrics.histogram(
            "mount_duration_seconds",
            "Duration of mounts, time in the queue included.",
            ("outcome",),
        )
        for reason in reasons:
            self._mounts.labels(FAILED, reason)
        for outcome in SUCCESSES:
            self._mounts.labels(outcome, "")
        for outcome in (*SUCCESSES, FAILED):
            self._durations.labels(outcome)

    def mounted(self, outcome: str, reason: str, seconds: float) -> None:
        """A mount was answered. `reason` is empty unless `outcome` is `failed`."""
        self._mounts.labels(outcome, reason).inc()
        self._durations.labels(outcome).observe(seconds)
