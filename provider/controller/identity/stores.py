"""The store that an ExternalSecret names, once it may be used from there.

All checks are made before anything is read, in the order and with the texts of External Secrets
Operator: the store exists, is of our controller class, allows the namespace, and is ready.
"""

from collections.abc import Callable, Mapping
from itertools import islice

from provider.controller.resources.objects import Store
from provider.controller.resources.references import may_use
from provider.controller.resources.store_ref import StoreKind, StoreRef
from provider.errors import InvalidRequest, NotPossible, ObjectNotFound, PolicyViolation
from provider.manifests.problems import Problem, quote

GetStore = Callable[[StoreKind, str, str], Store | None]
"""A store by kind, namespace (empty for a ClusterSecretStore) and name, from the cache."""
NamespaceLabels = Callable[[str], Mapping[str, str] | None]
"""The labels of a namespace, from the cache; None where there is no such namespace."""

_SHOWN_PROBLEMS = 3


def is_managed(controller: str, controller_class: str) -> bool:
    """Whether an object with this `spec.controller` is for the controller of this class."""
    return controller in ("", controller_class)


class Stores:
    """Looks up stores. With `flood_gate`, a store must be Ready before it is used."""

    def __init__(
        self,
        get_store: GetStore,
        namespace_labels: NamespaceLabels,
        *,
        controller_class: str = "default",
        flood_gate: bool = True,
    ) -> None:
        self._get_store = get_store
        self._namespace_labels = namespace_labels
        self._class = controller_class
        self._flood_gate = flood_gate

    def usable(self, ref: StoreRef, namespace: str) -> Store:
        """The store for an ExternalSecret of `namespace`; it has a spec.

        Raises `ObjectNotFound`, `PolicyViolation`, `InvalidRequest`, or `NotPossible` if it is not
        ready.
        """
        store = self._get_store(ref.kind, "" if _is_cluster_wide(ref) else namespace, ref.name)
        if store is None:
            raise ObjectNotFound(
                f"could not get {ref.kind} {quote(ref.name)}, "
                f"{ref.kind}.external-secrets.io {quote(ref.name)} not found"
            )
        if not is_managed(store.controller, self._class):
            raise InvalidRequest(
                f"can not reference unmanaged store: {_named(store)} is for the controller class "
                f"{quote(store.controller)}, this one is {quote(self._class)}"
            )
        if store.spec is None:
            raise InvalidRequest(f"{_named(store)} is invalid: {shown_problems(store.problems)}")
        if store.kind == "ClusterSecretStore":
            self._require_namespace(store, namespace)
        if self._flood_gate:
            _require_ready(store)
        return store

    def _require_namespace(self, store: Store, namespace: str) -> None:
        """Raise unless the conditions of a ClusterSecretStore allow the namespace."""
        if store.spec is None or not store.spec.conditions:
            return
        labels = self._namespace_labels(namespace)
        if labels is None:
            raise ObjectNotFound(
                f"failed to get a namespace {quote(namespace)}: "
                f"namespaces {quote(namespace)} not found"
            )
        if not may_use(store.spec, namespace, labels):
            raise PolicyViolation(
                f"using cluster store {quote(store.metadata.name)} is not allowed from namespace "
                f"{quote(namespace)}: denied by spec.condition"
            )


def shown_problems(problems: tuple[Problem, ...]) -> str:
    """The first problems of an object in one line."""
    shown = "; ".join(str(one) for one in islice(problems, _SHOWN_PROBLEMS))
    more = len(problems) - _SHOWN_PROBLEMS
    return f"{shown} and {more} more" if more > 0 else shown


def _is_cluster_wide(ref: StoreRef) -> bool:
    return ref.kind == "ClusterSecretStore"


def _named(store: Store) -> str:
    return f"{store.kind} {quote(store.metadata.name)}"


def _require_ready(store: Store) -> None:
    ready = next((one for one in store.conditions if one.type == "Ready"), None)
    if ready is not None and ready.status == "True":
        return
    why = f": {ready.message}" if ready is not None and ready.message else ": it is not checked yet"
    raise NotPossible(f"{_named(store)} is not ready{why}")
