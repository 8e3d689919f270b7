"""The metrics of mounts.

Every series that an alert rule reads exists from the start with the value 0: `increase` and `rate`
do not see the first event of a series that begins with it.
"""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import reduce
from operator import add

from provider.csi.status.mount_registry import MountRegistry
from provider.runtime.metrics import OTHER, BoundedLabel, Metrics

SUCCESSES = ("delivered", "unchanged")
FAILED = "failed"
NAMESPACE = "namespace"

MAX_NAMESPACES = 50
"""Namespaces with a label of their own; each has a series for every reason."""


class NamespaceLabel:
    """The label that metrics of mounts have for a namespace: itself where one of the globs matches
    it, else `other`; no label where there are no globs."""

    def __init__(self, globs: tuple[str, ...] | None) -> None:
        self._globs = globs or ()
        self.is_used = globs is not None
        self._bounded = BoundedLabel(MAX_NAMESPACES)
        names = [glob for glob in self._globs if not set(glob) & set("*?[")]
        self.first = [self._bounded(name) for name in names]
        """Namespaces that are known before their first mount."""

    def __call__(self, namespace: str) -> str:
        if any(fnmatchcase(namespace, glob) for glob in self._globs):
            return self._bounded(namespace)
        return OTHER

    def merged(
        self, merge: Callable[[float, float], float], by_namespace: Mapping[str, float]
    ) -> float | Mapping[str, float]:
        """Values by label, joined by `merge`, 0 for known labels without; or one without labels."""
        if not self.is_used:
            return reduce(merge, by_namespace.values(), 0.0)
        found = dict.fromkeys((*self.first, OTHER), 0.0)
        for namespace, value in by_namespace.items():
            label = self(namespace)
            found[label] = merge(found.get(label, 0.0), value)
        return found


class MountMetrics:
    """Counts mounts. `reasons` are those that a failed mount can have (names of error classes)."""

    def __init__(
        self, metrics: Metrics, reasons: Iterable[str], namespaces: NamespaceLabel | None = None
    ) -> None:
        self._namespaces = namespaces or NamespaceLabel(None)
        self._reasons = tuple(reasons)
        labels = ["outcome", "reason"]
        if self._namespaces.is_used:
            labels.append(NAMESPACE)
        self._mounts = metrics.counter(
            "mounts", "Mounts by outcome and, if they failed, reason.", labels
        )
        self._durations = metrics.histogram(
            "mount_duration_seconds",
            "Duration of mounts, time in the queue included.",
            ("outcome",),
        )
        self._known: set[str] = set()
        for label in (*self._namespaces.first, OTHER):
            self._begin(label)
        for outcome in (*SUCCESSES, FAILED):
            self._durations.labels(outcome)

    def mounted(self, outcome: str, reason: str, namespace: str, seconds: float) -> None:
        """A mount was answered. `reason` is empty unless `outcome` is `failed`, `namespace` where
        it is not known."""
        label = self._namespaces(namespace)
        self._begin(label)
        self._mounts.labels(outcome, reason, *self._and(label)).inc()
        self._durations.labels(outcome).observe(seconds)

    def _begin(self, label: str) -> None:
        if label in self._known:
            return
        self._known.add(label)
        for reason in self._reasons:
            self._mounts.labels(FAILED, reason, *self._and(label))
        for outcome in SUCCESSES:
            self._mounts.labels(outcome, "", *self._and(label))

    def _and(self, label: str) -> tuple[str, ...]:
        return (label,) if self._namespaces.is_used else ()


def watch_registry(metrics: Metrics, registry: MountRegistry, namespaces: NamespaceLabel) -> None:
    """The gauges of volumes, by namespace where that is asked for."""
    label = NAMESPACE if namespaces.is_used else ""
    failing = "mounts_failing", "Live volumes whose last mount or remount failed."
    stalest = (
        "stalest_mount_age_seconds",
        "Time since the live volume that was validated longest ago was known to be current.",
    )
    metrics.watch("mounts_live", "Volumes of pods that exist.", lambda: len(registry.live()))
    metrics.watch(*failing, lambda: namespaces.merged(add, registry.failing()), label)
    metrics.watch(*stalest, lambda: namespaces.merged(max, registry.stalest()), label)
