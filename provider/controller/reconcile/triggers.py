"""Which objects are reconciled when another one changes.

When a store, credential or template is repaired, objects that failed because of it are reconciled
at once. Objects without a failure are checked too, without a read or write.
"""

from collections.abc import Callable, Iterable, Iterator
from time import monotonic, time

from provider.controller.kinds import CLUSTER_EXTERNAL_SECRETS, EXTERNAL_SECRETS
from provider.controller.reconcile.backlog import Backlog
from provider.controller.reconcile.known import NAMESPACE, TARGET, KnownExternalSecrets, Ref
from provider.controller.reconcile.secret_store import FINALIZER
from provider.controller.resources.objects import ExternalSecret
from provider.controller.resources.references import credentials_of
from provider.controller.resources.refresh import should_refresh
from provider.controller.resources.store_ref import StoreKind
from provider.controller.scheduling.paced_changes import Handle, PacedChanges
from provider.controller.scheduling.schedule import Item
from provider.controller.scheduling.trigger_limits import TriggerLimits
from provider.controller.status import MISSING, has_failed, ready_of
from provider.controller.watch.index import Index
from provider.controller.watch.informers import Informers
from provider.controller.watch.object_cache import ObjectKey, Unreadable
from provider.controller.watch.secret_state import SecretState
from provider.controller.watch.watched import (
    WatchedClusterExternalSecret,
    WatchedExternalSecret,
    WatchedNamespace,
    WatchedStore,
    is_news,
    readable,
)
from provider.kube.kinds import SECRETS


class Triggers:
    """Handlers for the informers; each adds items to the queue."""

    def __init__(
        self,
        add: Callable[[Item, float], None],
        informers: Informers,
        known: KnownExternalSecrets,
        backlog: Backlog,
        *,
        paced: Callable[[Handle], PacedChanges] = PacedChanges,
    ) -> None:
        self._add = TriggerLimits(add).add
        self._informers = informers
        self._known = known
        self._backlog = backlog
        self._users = paced(self._add_users)
        self._named = paced(self._after_changes)
        self._policy = paced(self._add_all_failing)
        self._stores: Index[tuple[str, str, str], Item] = Index()

    def attach(self, recheck: Callable[[WatchedStore], float]) -> None:
        """Handle changes from now on; `recheck` is in how many seconds a good store is checked."""
        self._informers.external_secrets.on_change(self._external_secret)
        self._informers.secrets.on_change(self._secret)
        for kind, informer in self._informers.stores.items():
            informer.on_change(self._store_handler(kind, recheck))
        for name, generators in self._informers.generators.items():
            generators.on_change(self._dependents_handler(name))
        for name, push_secrets in self._informers.push_secrets.items():
            push_secrets.on_change(self._news_handler(name))
        if self._informers.cluster_external_secrets is not None:
            self._informers.cluster_external_secrets.on_change(
                self._news_handler(CLUSTER_EXTERNAL_SECRETS.name)
            )
        if self._informers.namespaces is not None:
            self._informers.namespaces.on_change(self._namespace)

    def named_object_changed(self, kind: str, namespace: str, name: str) -> None:
        """A credential or template that was read has changed, or a target is there now."""
        self._named.add(kind, namespace, name)

    def policy_changed(self) -> None:
        """The operator's policy has changed: reconcile what has failed."""
        self._policy.add("", "", "")

    def _add_users(self, namespace: str, changed: Iterable[tuple[str, str]]) -> Iterator[None]:
        """Reconcile the ExternalSecrets that refer to these objects: of each its kind and name."""
        for kind, name in changed:
            for key in self._known.index.of(Ref(kind, namespace, name)):
                self._add_external_secret(key)
                yield

    def _after_changes(self, namespace: str, changed: Iterable[tuple[str, str]]) -> Iterator[None]:
        """Reconcile what uses these objects, and all that fail in the namespace."""
        for kind, name in changed:
            for item in self._stores.of((kind, namespace, name)):
                self._add(item, 0.0)
                yield
                yield from self._add_failing(self._known.index.of(Ref(*item)))
            for key in self._known.index.of(Ref(kind, namespace, name)):
                self._refresh(key, _is_periodic)
                yield
            if kind == SECRETS.name:
                for key in self._known.index.of(Ref(TARGET, namespace, name)):
                    self._refresh(key, lacks_target)
                    yield
        yield from self._add_failing(self._known.others_in(namespace))

    def _refresh(self, key: ObjectKey, needs: Callable[[ExternalSecret], bool]) -> None:
        """Reconcile an ExternalSecret, and sync it although it is not due if the change requires
        that."""
        found = self._known.get(key)
        if found is not None and needs(found):
            self._backlog.put(key, monotonic())
        self._add_external_secret(key)

    def _external_secret(
        self,
        key: ObjectKey,
        old: WatchedExternalSecret | Unreadable | None,
        new: WatchedExternalSecret | Unreadable | None,
    ) -> None:
        before, after = readable(old), readable(new)
        if after is not None and (before is None or is_news(before.metadata, after.metadata)):
            found = after.object
            if found.spec is not None and should_refresh(
                found.spec, found.status, found.version_to_sync, time()
            ):
                self._backlog.put(key, monotonic())
            self._add_external_secret(key)
            self._add_owner(after)
        elif after is None:
            self._add_external_secret(key)
            self._add_cluster_external_secrets(key.name)  # it may have waited for the free name

    def _add_owner(self, found: WatchedExternalSecret) -> None:
        """Reconcile its ClusterExternalSecret, if its uid is right: a tenant may name any."""
        owner, informer = found.owner, self._informers.cluster_external_secrets
        if owner is None or owner.kind != CLUSTER_EXTERNAL_SECRETS.name or informer is None:
            return
        known = readable(informer.get(ObjectKey("", owner.name)))
        if known is not None and known.metadata.uid == owner.uid:
            self._add(Item(CLUSTER_EXTERNAL_SECRETS.name, "", owner.name), 0.0)

    def _secret(
        self,
        key: ObjectKey,
        old: SecretState | Unreadable | None,
        new: SecretState | Unreadable | None,
    ) -> None:
        before, after = readable(old), readable(new)
        is_well = after is not None and after.is_intact
        if not is_well or (before is not None and after and before.owner != after.owner):
            self._users.add(TARGET, *key)

    def _store_handler(
        self, kind: StoreKind, recheck: Callable[[WatchedStore], float]
    ) -> Callable[
        [ObjectKey, WatchedStore | Unreadable | None, WatchedStore | Unreadable | None], None
    ]:
        def handle(
            key: ObjectKey,
            old: WatchedStore | Unreadable | None,
            new: WatchedStore | Unreadable | None,
        ) -> None:
            before, after = readable(old), readable(new)
            item = Item(kind, *key)
            self._stores.put(item, credentials_of(after.object) if after else ())
            if before is None or after is None or is_news(before.metadata, after.metadata):
                is_known_good = before is None and after is not None and _is_good(after)
                self._add(item, recheck(after) if after and is_known_good else 0.0)
            if _gate_of(before) != _gate_of(after):
                self._users.add(kind, *key)

        return handle

    def _dependents_handler(self, kind: str) -> Callable[[ObjectKey, object, object], None]:
        def handle(key: ObjectKey, _old: object, _new: object) -> None:
            self._users.add(kind, *key)

        return handle

    def _news_handler(self, kind: str) -> Callable[[ObjectKey, object, object], None]:
        """A handler that reconciles an object when more than its status has changed."""

        def handle(key: ObjectKey, old: object, new: object) -> None:
            before = getattr(old, "metadata", None)
            after = getattr(new, "metadata", None)
            if before is None or after is None or is_news(before, after):
                self._add(Item(kind, *key), 0.0)

        return handle

    def _namespace(
        self,
        key: ObjectKey,
        old: WatchedNamespace | Unreadable | None,
        new: WatchedNamespace | Unreadable | None,
    ) -> None:
        if readable(old) == readable(new):
            return
        self._add_cluster_external_secrets()
        self._users.add(NAMESPACE, key.name, "")

    def _add_cluster_external_secrets(self, child: str = "") -> None:
        """Reconcile those whose ExternalSecrets have this name, or all.

        Each goes through all namespaces: that takes too long for every deletion of a tenant.
        """
        informer = self._informers.cluster_external_secrets
        for key, found in informer.items() if informer is not None else ():
            if not child or child == _child_name(readable(found)):
                self._add(Item(CLUSTER_EXTERNAL_SECRETS.name, *key), 0.0)

    def _add_all_failing(self, _namespace: str, _changed: object) -> Iterator[None]:
        for kind, informer in self._informers.stores.items():
            for key, found in informer.items():
                if not isinstance(found, Unreadable) and not _is_good(found):
                    self._add(Item(kind, *key), 0.0)
                yield
        yield from self._add_failing([key for key, _ in self._informers.external_secrets.items()])

    def _add_failing(self, keys: Iterable[ObjectKey]) -> Iterator[None]:
        for key in keys:
            found = self._known.get(key)
            if found is not None and has_failed(found.status.conditions):
                self._add_external_secret(key)
            yield

    def _add_external_secret(self, key: ObjectKey) -> None:
        self._add(Item(EXTERNAL_SECRETS.name, *key), 0.0)


def _child_name(found: WatchedClusterExternalSecret | None) -> str:
    """The name of the ExternalSecrets of a ClusterExternalSecret."""
    if found is None or found.object.spec is None:
        return ""
    return found.object.spec.external_secret_name or found.metadata.name


def _is_good(found: WatchedStore) -> bool:
    """Whether it need not be reconciled before its next check."""
    ready = ready_of(found.object.conditions)
    is_ready = found.is_checked and ready is not None and ready.status == "True"
    return is_ready and FINALIZER not in found.metadata.finalizers


def _gate_of(found: WatchedStore | None) -> tuple[object, ...]:
    """What decides whether a store may be used, and what for."""
    if found is None:
        return ()
    ready = ready_of(found.object.conditions)
    return (found.metadata.uid, found.metadata.generation, ready and ready.status)


def lacks_target(found: ExternalSecret) -> bool:
    """Whether it waits for a Secret that values are to be merged into."""
    ready = ready_of(found.status.conditions)
    return ready is not None and ready.reason == MISSING


def _is_periodic(found: ExternalSecret) -> bool:
    return found.spec is not None and found.spec.is_periodic
