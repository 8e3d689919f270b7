"""What informers keep of External Secrets resources: the parsed object, and what else is needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.objects import (
    ClusterExternalSecret,
    ExternalSecret,
    ParsedObject,
    Store,
    read_cluster_external_secret,
    read_external_secret,
    read_store,
    refreshed_cluster_external_secret,
    refreshed_external_secret,
    refreshed_store,
)
from provider.controller.resources.store_ref import StoreKind
from provider.controller.watch.object_cache import ObjectKey, Unreadable
from provider.controller.watch.secret_state import Owner, controller_owner
from provider.kube.kinds import Document

OF_NAMESPACES = "externalsecrets.external-secrets.io/ces-"
"""What the finalizer of a namespace begins with; the name of a ClusterExternalSecret follows."""

T = TypeVar("T")
P = TypeVar("P", bound=ParsedObject)


@dataclass(frozen=True, slots=True)
class Watched(Generic[P]):
    """A parsed object."""

    object: P

    @property
    def metadata(self) -> Metadata:
        return self.object.metadata


@dataclass(frozen=True, slots=True)
class WatchedExternalSecret(Watched[ExternalSecret]):
    """An ExternalSecret, and what controls it."""

    owner: Owner | None


@dataclass(frozen=True, slots=True)
class WatchedStore(Watched[Store]):
    """A store, and whether it was checked since it was changed."""

    is_checked: bool


@dataclass(frozen=True, slots=True)
class WatchedClusterExternalSecret(Watched[ClusterExternalSecret]):
    """A ClusterExternalSecret, and the spec of its ExternalSecrets as it is written."""

    template: Mapping[str, Any] = field(repr=False)
    status: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class WatchedNamespace:
    """Labels of a namespace, whether it is being deleted, and whether it can end."""

    labels: Mapping[str, str]
    is_terminating: bool
    is_held: bool = False
    """It has a finalizer of External Secrets Operator."""


def parse_external_secret(document: Document) -> WatchedExternalSecret:
    return WatchedExternalSecret(read_external_secret(document), controller_owner(document))


def refresh_external_secret(
    document: Document, old: WatchedExternalSecret
) -> WatchedExternalSecret:
    """The same where the spec is as before."""
    refreshed = refreshed_external_secret(document, old.object)
    return WatchedExternalSecret(refreshed, controller_owner(document))


def parse_store(document: Document, kind: StoreKind) -> WatchedStore:
    return WatchedStore(read_store(document, kind), _is_checked(document))


def refresh_store(document: Document, old: WatchedStore) -> WatchedStore:
    """The same where the spec is as before."""
    return WatchedStore(refreshed_store(document, old.object), _is_checked(document))


def parse_cluster_external_secret(document: Document) -> WatchedClusterExternalSecret:
    spec = document.get("spec") or {}
    template = spec.get("externalSecretSpec") or {}
    status = document.get("status") or {}
    return WatchedClusterExternalSecret(read_cluster_external_secret(document), template, status)


def refresh_cluster_external_secret(
    document: Document, old: WatchedClusterExternalSecret
) -> WatchedClusterExternalSecret:
    """The same where the spec is as before."""
    refreshed = refreshed_cluster_external_secret(document, old.object)
    return replace(old, object=refreshed, status=document.get("status") or {})


def parse_namespace(document: Document) -> WatchedNamespace:
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
    return ObjectKey(metadata.namespace, metadata.name)


def _is_checked(document: Document) -> bool:
    """Whether the status was written after the spec, by the times of `managedFields`."""
    entries = document["metadata"].get("managedFields") or ()
    status = [one.get("time", "") for one in entries if one.get("subresource") == "status"]
    spec = [one.get("time", "") for one in entries if one.get("subresource") != "status"]
    return bool(status) and max(status) >= max(spec, default="")
