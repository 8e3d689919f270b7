"""The metrics of mounts.

Every series that an alert rule reads exists from the start with the value 0: `increase` and `rate`
do not see the first event of a series that begins with it.
"""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from operator import add

from prometheus_client import Counter

from provider import errors
from provider.csi.files.writer import WriteFailed
from provider.csi.mount_registry import Mount, MountRegistry
from provider.engine.content.budget import TooCostly
from provider.manifests.problems import InvalidSpec
from provider.runtime.metrics import OTHER, BoundedLabel, Metrics

REASONS = [
    kind.__name__
    for kind in (*vars(errors).values(), InvalidSpec, TooCostly, WriteFailed)
    if isinstance(kind, type) and issubclass(kind, errors.ProviderError)
]
OUTCOMES = [("delivered", ""), ("unchanged", ""), *(("failed", reason) for reason in REASONS)]
"""How a mount can end: outcome and reason."""

MAX_NAMESPACES = 50
"""Namespaces with a label of their own; each has a series for every reason."""


class NamespaceLabel:
    """The label that metrics of mounts have for a namespace: itself where one of the globs matches
    it, else `other`. Without globs there is no such label, and its value is empty."""

    def __init__(self, globs: tuple[str, ...] | None) -> None:
        self._globs = globs or ()
        self._bounded = BoundedLabel(MAX_NAMESPACES)
        named = (glob for glob in self._globs if not set(glob) & set("*?["))
        self.name = "" if globs is None else "namespace"
        self.first = [""] if globs is None else [*map(self._bounded, named), OTHER]
        """The values that are known before the first mount."""

    def __call__(self, namespace: str) -> str:
        if namespace and any(fnmatchcase(namespace, glob) for glob in self._globs):
            return self._bounded(namespace)
        return OTHER if self.name else ""

    def merged(
        self, merge: Callable[[float, float], float], values: Iterable[tuple[Mount, float]]
    ) -> float | Mapping[str, float]:
        """Values of mounts by label, joined by `merge`, 0 where there are none; or one value."""
        found = dict.fromkeys(self.first, 0.0)
        for mount, value in values:
            label = self(mount.pod.namespace)
            found[label] = merge(found.get(label, 0.0), value)
        return found if self.name else found[""]


class MountMetrics:
    """Counts mounts."""

    def __init__(self, metrics: Metrics, namespaces: NamespaceLabel) -> None:
        self._namespaces = namespaces
        self._mounts = metrics.counter(
            "mounts",
            "Mounts by outcome and, if they failed, reason.",
            ("outcome", "reason", *filter(None, [namespaces.name])),
        )
        self._durations = metrics.histogram(
            "mount_duration_seconds",
            "Duration of mounts, time in the queue included.",
            ("outcome",),
        )
        self._known: set[str] = set()
        for label in namespaces.first:
            self._begin(label)
        for outcome, _ in OUTCOMES:
            self._durations.labels(outcome)

    def mounted(self, outcome: str, reason: str, namespace: str, seconds: float) -> None:
        """A mount was answered. `reason` is empty unless `outcome` is `failed`, `namespace` where
        it is not known."""
        label = self._namespaces(namespace)
        self._begin(label)
        self._series(outcome, reason, label).inc()
        self._durations.labels(outcome).observe(seconds)

    def _begin(self, label: str) -> None:
        if label not in self._known:
            self._known.add(label)
            for outcome, reason in OUTCOMES:
                self._series(outcome, reason, label)

    def _series(self, outcome: str, reason: str, label: str) -> Counter:
        return self._mounts.labels(outcome, reason, *filter(None, [label]))


def watch_registry(metrics: Metrics, registry: MountRegistry, namespaces: NamespaceLabel) -> None:
    """The gauges of volumes, by namespace where that is asked for."""
    live: list[Mount] = []

    def count() -> int:
        # The gauges are read in this order: the first one looks at each volume, for all three.
        live[:] = registry.live()
        return len(live)

    metrics.watch("mounts_live", "Volumes of pods that exist.", count)
    metrics.watch(
        "mounts_failing",
        "Live volumes whose last mount or remount failed.",
        lambda: namespaces.merged(add, ((one, one.is_failing) for one in live)),
        namespaces.name,
    )
    metrics.watch(
        "stalest_mount_age_seconds",
        "Time since the live volume that was validated longest ago was known to be current.",
        lambda: namespaces.merged(max, registry.ages(live)),
        namespaces.name,
    )
