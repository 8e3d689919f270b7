"""The objects that the controller keeps a copy of, and what is looked up in them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import inf
from time import monotonic
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
from provider.controller.watch.large_specs import SpecMemory, has_large_spec
from provider.controller.watch.object_cache import ObjectKey, Refresh
from provider.controller.watch.secret_state import MANAGED, is_large, read_state
from provider.controller.watch.watched import (
    WatchedClusterExternalSecret,
    WatchedExternalSecret,
    WatchedStore,
    parse_cluster_external_secret,
    parse_external_secret,
    parse_namespace,
    parse_store,
    readable,
    refresh_cluster_external_secret,
    refresh_external_secret,
    refresh_store,
)
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import NAMESPACES, SECRETS, Document, Kind
from provider.kube.reading import Selection
from provider.runtime.log import fields, logger

T = TypeVar("T")

CHECK = 0.02
"""Seconds between two checks whether all lists are complete."""
SLOW = 5.0
"""Seconds after which the log names the lists that are not complete."""


class Informers:
    """One informer for each kind that the settings ask for, of all namespaces or of one.

    Secrets are read with their data, of which nothing but a hash is kept: an edited Secret is
    noticed without a request for each.
    """

    def __init__(self, objects: ClusterApi, config: Config, away: Away) -> None:
        """`away` parses large objects."""
        self._objects = objects
        self._scope = config.namespace
        self._away = away
        unused = config.unused_kinds
        self.external_secrets: Informer[WatchedExternalSecret] = self._of_specs(
            EXTERNAL_SECRETS, parse_external_secret, refresh_external_secret
        )
        self.stores: dict[StoreKind, Informer[WatchedStore]] = {}
        if config.enable_secret_store_reconciler:
            self._add_stores("SecretStore", SECRET_STORES)
        if config.has_cluster_stores:
            self._add_stores("ClusterSecretStore", CLUSTER_SECRET_STORES)
        managed = self._selection(SECRETS, labels=f"{MANAGED_LABEL}={MANAGED}")
        self.secrets = Informer(objects, managed, read_state, is_large=is_large, away=away)
        self.cluster_external_secrets: Informer[WatchedClusterExternalSecret] | None = None
        if config.has_cluster_external_secrets:
            self.cluster_external_secrets = self._of_specs(
                CLUSTER_EXTERNAL_SECRETS,
                parse_cluster_external_secret,
                refresh_cluster_external_secret,
            )
        namespaces = self._selection(NAMESPACES, metadata_only=True)
        self.namespaces = None if self._scope else Informer(objects, namespaces, parse_namespace)
        self.generators: dict[str, Informer[Generator]] = {
            name: self._of_specs(kind, partial(read_generator, kind=name))
            for name, kind in GENERATORS.items()
            if name not in unused
        }
        self.push_secrets: dict[str, Informer[PushSecret]] = {
            name: self._of_specs(kind, read_push_secret, is_optional=True)
            for name, kind in PUSH_SECRETS.items()
            if name not in unused
        }

    def _selection(self, kind: Kind, **more: Any) -> Selection:
        return Selection(kind, self._scope if kind.namespaced else "", **more)

    def _of_specs(
        self,
        kind: Kind,
        parse: Callable[[Document], T],
        refresh: Refresh[T] | None = None,
        *,
        is_optional: bool = False,
    ) -> Informer[T]:
        """For a kind whose specs tenants write: large ones are parsed away from the event loop."""
        memory = SpecMemory()
        informer = Informer(
            self._objects,
            self._selection(kind),
            memory.bounded(parse),
            refresh=memory.bounded(refresh) if refresh else None,
            is_large=has_large_spec,
            away=self._away,
            is_optional=is_optional,
        )
        informer.on_change(lambda key, _old, new: None if new is not None else memory.forget(key))
        return informer

    def _add_stores(self, name: StoreKind, kind: Kind) -> None:
        self.stores[name] = self._of_specs(kind, partial(parse_store, kind=name), refresh_store)

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


async def wait_for_lists(missing: Callable[[], list[str]], *, slow: float = SLOW) -> None:
    """Wait until no list is missing; after `slow` seconds, log which are.

    Nothing is reconciled before all objects are known.
    """
    slow_at = monotonic() + slow
    while names := missing():
        if monotonic() >= slow_at:
            slow_at = inf
            text = "the API server has not answered these lists yet: no object is reconciled before"
            logger.warning(text, extra=fields(lists=", ".join(names), seconds=slow))
        await asyncio.sleep(CHECK)
