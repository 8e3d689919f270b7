"""The objects that the controller keeps a copy of, and what is looked up in them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from provider.controller.config import Config
from provider.controller.kinds import (
    CLUSTER_EXTERNAL_SECRETS,
    CLUSTER_SECRET_STORES,
    EXTERNAL_SECRETS,
    GENERATORS,
    PUSH_SECRETS,
    SECRET_STORES,
)
from provider.controller.resources.hashes import MANAGED_LABEL
from provider.controller.resources.objects import Generator, Store, read_generator
from provider.controller.resources.push_secret import PushSecret, read_push_secret
from provider.controller.resources.references import NAMESPACE_LABEL
from provider.controller.resources.store_ref import StoreKind
from provider.controller.watch.informer import Away, Informer
from provider.controller.watch.large_specs import LargeSpecs
from provider.controller.watch.object_cache import ObjectKey, Refresh
from provider.controller.watch.secret_state import MANAGED, SecretState, is_large, read_state
from provider.controller.watch.watched import (
    WatchedClusterExternalSecret,
    WatchedExternalSecret,
    WatchedNamespace,
    WatchedStore,
    has_large_spec,
    parse_cluster_external_secret,
    parse_external_secret,
    parse_namespace,
    parse_store,
    readable,
    refresh_cluster_external_secret,
    refresh_external_secret,
    refresh_store,
)
from provider.kube.kinds import NAMESPACES, SECRETS, Document, Kind
from provider.kube.objects import Objects
from provider.kube.reading import Selection

T = TypeVar("T")


class _Maker:
    """Makes informers of all namespaces, or of the one that the settings name."""

    def __init__(self, objects: Objects, scope: str, away: Away) -> None:
        self._objects = objects
        self._scope = scope
        self._away = away

    def knows(self, kind: Kind) -> bool:
        """Whether objects of a kind are read: cluster-wide ones are not, within one namespace."""
        return kind.namespaced or not self._scope

    def selection(self, kind: Kind, **more: Any) -> Selection:
        return Selection(kind, self._scope if kind.namespaced else "", **more)

    def of_specs(
        self, kind: Kind, parse: Callable[[Document], T], refresh: Refresh[T] | None = None
    ) -> Informer[T]:
        """For a kind whose specs tenants write: large ones are parsed away from the event loop."""
        large = LargeSpecs()
        informer = Informer(
            self._objects,
            self.selection(kind),
            large.bounded(parse),
            refresh=refresh,
            is_large=has_large_spec,
            away=self._away,
        )
        informer.on_change(lambda key, _old, new: None if new is not None else large.forget(key))
        return informer

    def of_stores(self, kind: Kind, name: StoreKind) -> Informer[WatchedStore]:
        return self.of_specs(kind, parse_store(name), refresh_store)

    def of_secrets(self) -> Informer[SecretState]:
        selection = self.selection(SECRETS, labels=f"{MANAGED_LABEL}={MANAGED}")
        return Informer(self._objects, selection, read_state, is_large=is_large, away=self._away)

    def of_namespaces(self) -> Informer[WatchedNamespace]:
        selection = self.selection(NAMESPACES, metadata_only=True)
        return Informer(self._objects, selection, parse_namespace)

    def of_push_secrets(self, kind: Kind) -> Informer[PushSecret]:
        """For a kind of PushSecret, whose CRD may be missing."""
        selection = self.selection(kind)
        return Informer(self._objects, selection, read_push_secret, is_optional=True)


class Informers:
    """One informer for each kind that the settings ask for.

    Secrets are read with their data, of which nothing but a hash is kept: an edited Secret is
    noticed without a request for each.
    """

    def __init__(self, objects: Objects, config: Config, away: Away) -> None:
        """`away` parses large objects."""
        make = _Maker(objects, config.namespace, away)
        self.external_secrets: Informer[WatchedExternalSecret] = make.of_specs(
            EXTERNAL_SECRETS, parse_external_secret, refresh_external_secret
        )
        self.stores: dict[StoreKind, Informer[WatchedStore]] = {}
        if config.enable_secret_store_reconciler:
            self.stores["SecretStore"] = make.of_stores(SECRET_STORES, "SecretStore")
        if config.has_cluster_stores:
            made = make.of_stores(CLUSTER_SECRET_STORES, "ClusterSecretStore")
            self.stores["ClusterSecretStore"] = made
        self.secrets = make.of_secrets()
        self.cluster_external_secrets: Informer[WatchedClusterExternalSecret] | None = None
        if config.has_cluster_external_secrets:
            self.cluster_external_secrets = make.of_specs(
                CLUSTER_EXTERNAL_SECRETS,
                parse_cluster_external_secret,
                refresh_cluster_external_secret,
            )
        self.namespaces = make.of_namespaces() if make.knows(NAMESPACES) else None
        unused = config.unused_kinds
        self.generators: dict[str, Informer[Generator]] = {
            name: make.of_specs(kind, _parse_generator(name))
            for name, kind in GENERATORS.items()
            if name not in unused
        }
        self.push_secrets: dict[str, Informer[PushSecret]] = {
            name: make.of_push_secrets(kind)
            for name, kind in PUSH_SECRETS.items()
            if name not in unused
        }

    def required(self) -> Iterator[Informer[Any]]:
        """The informers whose first lists must be complete before any work."""
        yield self.external_secrets
        yield self.secrets
        yield from self.stores.values()
        if self.namespaces is not None:
            yield self.namespaces

    def all(self) -> Iterator[Informer[Any]]:
        """All informers of what is worked on."""
        yield from self.required()
        yield from self.generators.values()
        if self.cluster_external_secrets is not None:
            yield self.cluster_external_secrets

    def missing(self) -> list[str]:
        """The lists that must be complete before any work, and are not yet.

        A kind that cannot be listed, as where its CRD is missing, delays nothing if it is none of
        those that are required.
        """
        required = set(self.required())
        return [
            str(one.selection)
            for one in self.all()
            if not one.synced.is_set() and (one in required or not one.failure)
        ]

    def store(self, kind: StoreKind, namespace: str, name: str) -> Store | None:
        """A store; `namespace` is empty for a ClusterSecretStore."""
        informer = self.stores.get(kind)
        found = readable(informer.get(ObjectKey(namespace, name))) if informer else None
        return None if found is None else found.object

    def generator(self, kind: str, namespace: str, name: str) -> Generator | None:
        """A generator; `namespace` is empty for a ClusterGenerator."""
        informer = self.generators.get(kind)
        return readable(informer.get(ObjectKey(namespace, name))) if informer else None

    def namespace_labels(self, name: str) -> Mapping[str, str] | None:
        """The labels of a namespace; None if there is none."""
        if self.namespaces is None:
            return {NAMESPACE_LABEL: name}
        found = readable(self.namespaces.get(ObjectKey("", name)))
        return None if found is None else found.labels

    def held_namespaces(self) -> list[str]:
        """Namespaces with a finalizer of External Secrets Operator."""
        found = self.namespaces.items() if self.namespaces is not None else ()
        return [key.name for key, one in found if (named := readable(one)) and named.is_held]

    def is_terminating(self, name: str) -> bool:
        """Whether a namespace is being deleted: nothing can be created there."""
        if self.namespaces is None:
            return False
        found = readable(self.namespaces.get(ObjectKey("", name)))
        return found is not None and found.is_terminating


def _parse_generator(kind: str) -> Callable[[Document], Generator]:
    def parse(document: Document) -> Generator:
        return read_generator(document, kind)

    return parse
