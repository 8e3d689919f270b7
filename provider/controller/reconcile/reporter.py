"""Reports the outcome of a sync: status, Event, metric."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import time

from provider.controller import status
from provider.controller.events import Events
from provider.controller.kinds import EXTERNAL_SECRETS
from provider.controller.monitoring.metrics import ObjectMetrics
from provider.controller.reconcile.status_writes import write_status
from provider.controller.reconcile.sync import Outcome
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.objects import ExternalSecret
from provider.controller.scheduling.call_pace import CAUSE
from provider.controller.status import Ready
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import Document


@dataclass(frozen=True, slots=True)
class Reporter:
    """One for the process. `learn` gets the objects as they are stored."""

    api: ClusterApi
    learn: Callable[[Document], None]
    events: Events = field(repr=False)
    counts: ObjectMetrics
    wall_clock: Callable[[], float] = time

    def at_rest(self, found: ExternalSecret) -> None:
        """Set the metric to what the condition says, also after a restart; nothing is written."""
        if (one := status.ready_of(found.status.conditions)) is not None:
            self.counts.ready(found.metadata, one.status)

    async def success(self, found: ExternalSecret, outcome: Outcome, started: float) -> None:
        """Write the status after a sync; `started` is when it began, in seconds since 1970."""
        self.counts.ready(found.metadata, outcome.ready.status)
        conditions = status.conditions_with(found.status.conditions, outcome.ready, started)
        await self._write(
            found.metadata,
            {
                "refreshTime": status.timestamp(started),
                "syncedResourceVersion": found.version_to_sync,
                "conditions": conditions,
                "binding": {"name": outcome.binding},
            },
        )

    async def failure(self, found: ExternalSecret, ready: Ready, cause: str) -> None:
        """Record an Event; write the condition if it says something new."""
        self.events.warning(found.metadata, "UpdateFailed", cause)
        await self._say(found, ready)

    async def recovered(self, found: ExternalSecret) -> None:
        """Write the condition after a failure that is over without a sync."""
        await self._say(found, status.SECRET_SYNCED)

    def put_off(self, metadata: Metadata) -> None:
        """Record an Event: the sync waits for the calls of its namespace; no status is written."""
        self.events.warning(metadata, "SyncPutOff", f"the sync is put off: {CAUSE}")

    async def _say(self, found: ExternalSecret, ready: Ready) -> None:
        self.counts.ready(found.metadata, ready.status)
        if status.says(found.status.conditions, ready):
            return
        conditions = status.conditions_with(found.status.conditions, ready, self.wall_clock())
        await self._write(found.metadata, {"conditions": conditions})

    async def _write(self, metadata: Metadata, change: Document) -> None:
        await write_status(self.api, EXTERNAL_SECRETS, metadata, change, self.learn)
