"""PushSecrets of External Secrets Operator: this controller does not write to AWS, and says so.

Each gets a condition and an Event. Its finalizer is removed when it is deleted: nothing else would
remove it, and its namespace would never end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import time

from provider.controller import status
from provider.controller.events import Events
from provider.controller.identity.stores import is_managed
from provider.controller.reconcile import finalizers, status_writes
from provider.controller.resources.objects import Store
from provider.controller.resources.push_secret import PushSecret
from provider.controller.resources.store_ref import StoreKind
from provider.controller.status import Ready
from provider.controller.watch.informer import Informer
from provider.controller.watch.object_cache import ObjectKey
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import Kind

FINALIZER = "pushsecret.externalsecrets.io/finalizer"
REASON = "Errored"
"""External Secrets Operator's word for a PushSecret that fails."""
TEXT = (
    "this controller does not support {}: nothing is written to AWS. Delete it, or run External "
    "Secrets Operator for it, with stores of another controller class"
)
LEFT = "deleted without External Secrets Operator: what it has pushed stays in AWS"

GetStore = Callable[[StoreKind, str, str], Store | None]
"""A store by kind, namespace (empty for a ClusterSecretStore) and name."""


@dataclass(frozen=True, slots=True)
class PushSecrets:
    """The reconciler of one kind. Those of another controller's stores are left alone."""

    kind: Kind
    api: ClusterApi
    known: Informer[PushSecret]
    get_store: GetStore
    events: Events
    controller_class: str
    wall_clock: Callable[[], float] = time

    async def reconcile(self, key: ObjectKey) -> float | None:
        """Report that PushSecrets are not supported; returns None. Raises to be retried."""
        found = self.known.get(key)
        if not isinstance(found, PushSecret) or not self._is_ours(found):
            return None
        if found.metadata.is_deleting:
            if FINALIZER in found.metadata.finalizers:
                self.events.warning(found.metadata, REASON, LEFT)
            await finalizers.set_finalizer(self.api, self.kind, found.metadata, FINALIZER)
            return None
        await self._report(found, TEXT.format(self.kind.name))
        return None

    async def explain(self, key: ObjectKey, bug: Exception) -> None:
        """Report on the object that its reconcile failed because of a bug."""
        found = self.known.get(key)
        if isinstance(found, PushSecret):
            await self._report(found, status.bug_text(bug))

    def _is_ours(self, found: PushSecret) -> bool:
        """Whether one of its stores is for this controller."""
        for kind, name in found.stores:
            if not name:
                return self.controller_class == "default"
            place = "" if kind == "ClusterSecretStore" else found.metadata.namespace
            store = self.get_store(kind, place, name)
            if store is not None and is_managed(store.controller, self.controller_class):
                return True
        return False

    async def _report(self, found: PushSecret, text: str) -> None:
        ready = Ready(is_ready=False, reason=REASON, message=status.one_line(text))
        if status.says(found.conditions, ready):
            return
        self.events.warning(found.metadata, REASON, text)
        conditions = status.conditions_with(found.conditions, ready, self.wall_clock())
        change = {"conditions": conditions}
        learn = self.known.learn
        await status_writes.write_status(self.api, self.kind, found.metadata, change, learn)
