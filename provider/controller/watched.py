"""What informers keep of External Secrets resources: the parsed object, and what else is needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from provider.controller.finalizers import OF_NAMESPACES
from provider.controller.object_cache import ObjectKey, Unreadable
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.objects import (
    ClusterExternalSecret,
    ExternalSecret,
    Store,
    read_cluster_external_secret,
    read_external_secret,
    read_store,
)
from provider.controller.resources.store_ref import StoreKind
from provider.controller.secret_state import Owner, controller_owner
from provider.kube.kinds import Document

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WatchedExternalSecret:
    """An ExternalSecret, and what controls it."""

    object: ExternalSecret
    owner: Owner | None

    @property
    def metadata(self) -> Metadata:
        """Its metadata."""
        return self.object.metadata


@dataclass(frozen=True, slots=True)
class WatchedStore:
    """A store, and whether it was checked since it was changed."""

    object: Store
    is_checked: bool

    @property
    def metadata(self) -> Metadata:
        """Its metadata."""
        return self.object.metadata


@dataclass(frozen=True, slots=True)
class WatchedClusterExternalSecret:
    """A ClusterExternalSecret, and the spec of its ExternalSecrets as it is written."""

    object: ClusterExternalSecret
    template: Mapping[str, Any] = field(repr=False)
    status: Mapping[str, Any] = field(repr=False)

    @property
    def metadata(self) -> Metadata:
        """Its metadata."""
        return self.object.metadata


@dataclass(frozen=True, slots=True)
class WatchedNamespace:
    """Labels of a namespace, whether it is being deleted, and whether it can end."""

    labels: Mapping[str, str]
    is_terminating: bool
    is_held: bool = False
    """It has a finalizer of External Secrets Operator."""


def parse_external_secret(document: Document) -> WatchedExternalSecret:
    """For the informer."""
    return WatchedExternalSecret(read_external_secret(document), controller_owner(document))


def parse_store(kind: StoreKind) -> Callable[[Document], WatchedStore]:
    """For the informer of a kind of store."""

    def parse(document: Document) -> WatchedStore:
        return WatchedStore(read_store(document, kind), _is_checked(document))

    return parse


def parse_cluster_external_secret(document: Document) -> WatchedClusterExternalSecret:
    """For the informer."""
    spec = document.get("spec") or {}
    template = spec.get("externalSecretSpec") or {}
    status = document.get("status") or {}
    return WatchedClusterExternalSecret(read_cluster_external_secret(document), template, status)


def parse_namespace(document: Document) -> WatchedNamespace:
    """For the informer."""
    metadata = document["metadata"]
    return WatchedNamespace(
        metadata.get("labels") or {},
        bool(metadata.get("deletionTimestamp")),
        any(one.startswith(OF_NAMESPACES) for one in metadata.get("finalizers") or ()),
    )


def readable(found: T | Unreadable | None) -> T | None:
    """The object, unless it could not be read."""
    return None if isinstance(found, Unreadable) else found


def is_news(old: Metadata, new: Metadata) -> bool:
    """Whether more than the status of an object has changed."""
    return (
        old.uid != new.uid
        or old.generation != new.generation
        or old.labels != new.labels
        or old.annotations != new.annotations
        or old.finalizers != new.finalizers
        or old.is_deleting != new.is_deleting
    )


def key_of(metadata: Metadata) -> ObjectKey:
    """The key of an object."""
    return ObjectKey(metadata.namespace, metadata.name)


def _is_checked(document: Document) -> bool:
    """Whether the status was written after the spec, by the times of `managedFields`."""
    entries = document["metadata"].get("managedFields") or ()
    status = [one.get("time", "") for one in entries if one.get("subresource") == "status"]
    spec = [one.get("time", "") for one in entries if one.get("subresource") != "status"]
    return bool(status) and max(status) >= max(spec, default="")
