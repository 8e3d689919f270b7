"""Finds what resources refer to among the manifests of the same files.

A manifest without a namespace is taken for one of any namespace: it is the namespace of `kubectl
apply -n`.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from provider.controller.resources.objects import Generator, Store
from provider.controller.resources.references import NAMESPACE_LABEL
from provider.controller.resources.store_ref import StoreKind
from provider.errors import ObjectNotFound
from provider.kube.kinds import Document, Kind
from provider.manifests.kubernetes import Manifest
from provider.manifests.problems import quote
from provider.tools.resources.documents import as_json
from provider.tools.resources.kinds import CLUSTER_WIDE
from provider.tools.resources.parsed import Resource

T = TypeVar("T", Resource, Manifest)
Name = tuple[str, str, str]
"""Kind, namespace (empty if there is none) and name."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Resources and other manifests by kind and name."""

    resources: Mapping[tuple[str, str], Sequence[Resource]]
    kinds: Mapping[str, Sequence[Resource]]
    """All resources of each kind."""
    others: Mapping[tuple[str, str], Sequence[Manifest]]
    change: Callable[[Store], Store] = field(default=lambda store: store)
    """Applied to each store that `store` returns."""
    change_generator: Callable[[Generator], Generator] = field(default=lambda generator: generator)
    fallback: Store | None = None
    """Returned in place of a store that is not in the files."""

    def resource(self, kind: str, namespace: str, name: str) -> Resource | None:
        """A resource of this name that an object of `namespace` may mean."""
        return _of_namespace(self.resources.get((kind, name), ()), kind, namespace)

    def manifest(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """A manifest of any other kind."""
        return _of_namespace(self.others.get((kind, name), ()), kind, namespace)

    def names(self, kind: str, namespace: str) -> list[tuple[str, str]]:
        """Namespace and name of the manifests of another kind in a namespace."""
        found = (one for pair, there in self.others.items() if pair[0] == kind for one in there)
        return [(namespace, one.name) for one in found if one.namespace == namespace]

    def store(self, kind: StoreKind, namespace: str, name: str) -> Store | None:
        found = self.resource(kind, namespace, name)
        store = found.parsed if found else self.fallback
        return self.change(store) if isinstance(store, Store) else None

    def generator(self, kind: str, namespace: str, name: str) -> Generator | None:
        found = self.resource(kind, namespace, name)
        if found is None or not isinstance(found.parsed, Generator):
            return None
        return self.change_generator(found.parsed)

    def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace: those of its manifest, and its name."""
        found = self.manifest("Namespace", "", namespace)
        labels = _document(found)["metadata"]["labels"] if found else {}
        return {**{key: str(text) for key, text in labels.items()}, NAMESPACE_LABEL: namespace}

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        """A manifest as the Kubernetes API would return it; raises `ObjectNotFound`."""
        found = self.manifest(kind.name, namespace, name)
        if found is None:
            raise ObjectNotFound(f"{kind.name} {quote(name)} is not in the files")
        return _document(found)


def lookup(resources: Iterable[Resource], manifests: Iterable[Manifest] = ()) -> Lookup:
    """The lookup over resources and all manifests of their files."""
    by_name: dict[tuple[str, str], list[Resource]] = {}
    by_kind: dict[str, list[Resource]] = {}
    for one in resources:
        by_kind.setdefault(one.kind, []).append(one)
        by_name.setdefault((one.kind, one.name), []).append(one)
    others: dict[tuple[str, str], list[Manifest]] = {}
    for other in manifests:
        others.setdefault((other.kind, other.name), []).append(other)
    return Lookup(by_name, by_kind, others)


def _of_namespace(found: Sequence[T], kind: str, namespace: str) -> T | None:
    if kind in CLUSTER_WIDE or kind == "Namespace":
        return found[-1] if found else None
    for one in found:
        if one.namespace == namespace:
            return one
    return next((one for one in found if not (one.namespace and namespace)), None)


def _document(manifest: Manifest) -> dict[str, Any]:
    """The document of a manifest, as the API server makes it. What it would refuse is left out."""
    found = _mapping(as_json(manifest.node))
    metadata = _mapping(found.get("metadata"))
    for key in ("labels", "annotations"):
        metadata[key] = _mapping(metadata.get(key))
    found["metadata"] = metadata
    if manifest.kind in ("ConfigMap", "Secret"):
        given, texts = _mapping(found.get("data")), _mapping(found.pop("stringData", None))
        data = {key: text for key, text in given.items() if isinstance(text, str)}
        encoded = {key: b64encode(str(text).encode()).decode() for key, text in texts.items()}
        found["data"] = {**data, **encoded}
    return found


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
