"""The objects that the controller keeps a copy of, and what is looked up in them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypedDict

from provider.controller.config import Config
from provider.controller.informer import Away, Informer
from provider.controller.kinds import (
    CLUSTER_EXTERNAL_SECRETS,
    CLUSTER_SECRET_STORES,
    EXTERNAL_SECRETS,
    GENERATORS,
    PUSH_SECRETS,
    SECRET_STORES,
)
from provider.controller.object_cache import ObjectKey
from provider.controller.push_secret import PushSecret, read_push_secret
from provider.controller.resources.hashes import MANAGED_LABEL
from provider.controller.resources.objects import Generator, Store, read_generator
from provider.controller.resources.references import NAMESPACE_LABEL
from provider.controller.resources.store_ref import StoreKind
from provider.controller.secret_state import MANAGED, SecretState, is_large, read_state
from provider.controller.watched import (
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


class _Specs(TypedDict):
    """How large specs are parsed."""

    is_large: Callable[[Document], bool]
    away: Away


class Informers:
    """One informer for each kind that the settings ask for.

    Secrets are read with their data, of which nothing but a hash is kept: an edited Secret is
    noticed without a request for each.
    """

    def __init__(self, objects: Objects, config: Config, away: Away) -> None:
        """`away` parses large Secrets."""
        scope = config.namespace
        self._scope = scope

        def select(kind: Kind, **more: Any) -> Selection:
            return Selection(kind, scope if kind.namespaced else "", **more)

        def store_informer(kind: Kind, name: StoreKind) -> Informer[WatchedStore]:
            parse = parse_store(name)
            return Informer(objects, select(kind), parse, refresh=refresh_store, **specs)

        specs: _Specs = {"is_large": has_large_spec, "away": away}
        self.external_secrets: Informer[WatchedExternalSecret] = Informer(
            objects,
            select(EXTERNAL_SECRETS),
            parse_external_secret,
            refresh=refresh_external_secret,
            **specs,
        )
        self.stores: dict[StoreKind, Informer[WatchedStore]] = {
            "SecretStore": store_informer(SECRET_STORES, "SecretStore")
        }
        if config.has_cluster_stores:
            self.stores["ClusterSecretStore"] = store_informer(
                CLUSTER_SECRET_STORES, "ClusterSecretStore"
            )
        self.secrets: Informer[SecretState] = Informer(
            objects,
            select(SECRETS, labels=f"{MANAGED_LABEL}={MANAGED}"),
            read_state,
            is_large=is_large,
            away=away,
        )
        self.cluster_external_secrets: Informer[WatchedClusterExternalSecret] | None = None
        if config.has_cluster_external_secrets:
            self.cluster_external_secrets = Informer(
                objects,
                select(CLUSTER_EXTERNAL_SECRETS),
                parse_cluster_external_secret,
                refresh=refresh_cluster_external_secret,
                **specs,
            )
        self.namespaces: Informer[WatchedNamespace] | None = None
        if not scope:
            selection = select(NAMESPACES, metadata_only=True)
            self.namespaces = Informer(objects, selection, parse_namespace)
        self.generators: dict[str, Informer[Generator]] = {
            kind.name: Informer(objects, select(kind), _parse_generator(kind.name), **specs)
            for kind in GENERATORS.values()
            if kind.namespaced or not scope
        }

        self.push_secrets: dict[str, Informer[PushSecret]] = {
            kind.name: Informer(objects, select(kind), read_push_secret, is_optional=True)
            for kind in PUSH_SECRETS.values()
            if kind.namespaced or not scope
        }

    def required(self) -> Iterator[Informer[Any]]:
        """Those without which nothing can be done."""
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

    def are_synced(self) -> bool:
        """Whether all are known that can be: a kind whose CRD is missing delays nothing."""
        return all(one.synced.is_set() for one in self.required()) and all(
            one.synced.is_set() or one.failure for one in self.all()
        )

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
