"""Reconciles stores: the condition Ready says whether there are credentials for them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import random
from time import monotonic, time

from provider.controller import status
from provider.controller.events import Events
from provider.controller.identity.stores import is_managed
from provider.controller.kinds import CLUSTER_SECRET_STORES, SECRET_STORES
from provider.controller.monitoring.metrics import ObjectMetrics
from provider.controller.reconcile import finalizers, status_writes
from provider.controller.resources.objects import Store
from provider.controller.resources.store_ref import StoreKind
from provider.controller.status import Ready
from provider.controller.watch.informer import Informer
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import WatchedStore
from provider.errors import KubernetesUnavailable, ProviderError
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import Document, Kind

KINDS: Mapping[StoreKind, Kind] = {
    "SecretStore": SECRET_STORES,
    "ClusterSecretStore": CLUSTER_SECRET_STORES,
}
CHECK_SECONDS = 60.0
CAPABILITIES = "ReadWrite"
"""The value that External Secrets Operator writes, although nothing is written to AWS here."""

FINALIZER = "secretstore.externalsecrets.io/finalizer"
"""External Secrets Operator's, for PushSecrets; it is removed."""

Check = Callable[[Store, float], Awaitable[object]]
"""`store_check.check_store`: raises ProviderError; the deadline is of `time.monotonic`."""


@dataclass(frozen=True, slots=True)
class StoreReconciler:
    """The reconciler of one kind of store. `interval` is between checks, in seconds."""

    kind: StoreKind
    api: ClusterApi
    known: Informer[WatchedStore]
    check: Check
    events: Events
    counts: ObjectMetrics
    controller_class: str
    interval: float
    clock: Callable[[], float] = monotonic
    wall_clock: Callable[[], float] = time

    async def reconcile(self, key: ObjectKey) -> float | None:
        """Returns seconds until the next reconcile; None: not before a change. Raises to be
        retried."""
        found = self.known.get(key)
        if not isinstance(found, WatchedStore) or not self._is_ours(found.object):
            self.counts.gone(key)
            return None
        store = found.object
        document = await finalizers.set_finalizer(
            self.api, KINDS[self.kind], store.metadata, FINALIZER
        )
        if store.metadata.is_deleting:
            return None
        if document is not None:
            self.known.learn(document)
        try:
            await self.check(store, self.clock() + CHECK_SECONDS)
        except KubernetesUnavailable:
            raise
        except ProviderError as error:
            await self._report(store, _invalid(error))
            if store.spec is None:
                return None
            raise
        await self._report(store, _VALID)
        return self._period(store)

    async def explain(self, key: ObjectKey, bug: Exception) -> None:
        """Report on the store that its check failed because of a bug."""
        found = self.known.get(key)
        if isinstance(found, WatchedStore):
            ready = Ready(is_ready=False, reason=status.STORE_INVALID, message=status.bug_text(bug))
            await self._report(found.object, ready)

    def resume(self, store: Store) -> float:
        """Take over a good store that another replica has checked; seconds until its next check."""
        if self._is_ours(store):
            self.counts.ready(store.metadata, _VALID.status)
        return self._period(store)

    def _is_ours(self, store: Store) -> bool:
        return is_managed(store.controller, self.controller_class)

    def _period(self, store: Store) -> float:
        """Seconds between two checks of a store, a little more at random."""
        own = store.spec.refresh_interval if store.spec else 0.0
        return (own if own > 0 else self.interval) * (1 + random() / 10)  # noqa: S311 (no secret)

    async def _report(self, store: Store, ready: Ready) -> None:
        """Write what has changed, with an Event."""
        self.counts.ready(store.metadata, ready.status)
        has_capabilities = store.capabilities == CAPABILITIES or not ready.is_ready
        is_said = status.says(store.conditions, ready)
        if not is_said:
            write = self.events.normal if ready.is_ready else self.events.warning
            write(store.metadata, ready.reason, ready.message)
        if is_said and has_capabilities:
            return
        change: Document = {
            "conditions": status.conditions_with(store.conditions, ready, self.wall_clock())
        }
        if ready.is_ready:
            change["capabilities"] = CAPABILITIES
        kind = KINDS[self.kind]
        await status_writes.write_status(self.api, kind, store.metadata, change, self.known.learn)


_VALID = Ready(is_ready=True, reason=status.STORE_VALID, message=status.TEXT_STORE_VALID)


def _invalid(error: ProviderError) -> Ready:
    return Ready(is_ready=False, reason=status.STORE_INVALID, message=status.one_line(error))
