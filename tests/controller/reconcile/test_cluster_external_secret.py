"""What happens to the ExternalSecrets of a ClusterExternalSecret that is deleted."""

from typing import Any

import pytest

from provider.controller.kinds import CLUSTER_EXTERNAL_SECRETS
from provider.controller.monitoring.metrics import ObjectMetrics
from provider.controller.reconcile.cluster_external_secret import FINALIZER, ClusterExternalSecrets
from provider.controller.resources.object_meta import Metadata, read_metadata
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import (
    WatchedClusterExternalSecret,
    parse_cluster_external_secret,
)
from provider.kube.kinds import Document, Kind
from provider.runtime.metrics import Metrics

SPEC = {"externalSecretSpec": {"data": [{"secretKey": "a", "remoteRef": {"key": "db"}}]}}


class World:
    """The API server, and what is known: a ClusterExternalSecret that ends, and its child."""

    def __init__(self, *finalizers: str) -> None:
        about = {"name": "all", "uid": "u", "deletionTimestamp": "2030-01-01T00:00:00Z"}
        metadata = {**about, "generation": 1, "finalizers": [*finalizers]}
        self.document: Document = {"metadata": metadata, "spec": SPEC}
        self.deleted: list[tuple[str, str]] = []

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        self.deleted.append((namespace, name))

    async def merge_patch(
        self, kind: Kind, namespace: str, name: str, change: Document
    ) -> Document:
        assert kind == CLUSTER_EXTERNAL_SECRETS
        self.document["metadata"]["finalizers"] = change["metadata"]["finalizers"]
        return self.document

    def cluster_external_secret(self, _name: str) -> WatchedClusterExternalSecret:
        return parse_cluster_external_secret(self.document)

    def selected(self, _spec: object) -> list[str]:
        return ["shop"]

    def is_of_another_class(self, _spec: object, _selected: object) -> bool:
        return False

    def owned_by(self, _name: str, _uid: str) -> list[Metadata]:
        return [read_metadata({"metadata": {"namespace": "shop", "name": "all", "uid": "c"}})]


@pytest.mark.parametrize(
    ("finalizers", "deleted"),
    [([FINALIZER], [("shop", "all")]), (["orphan", FINALIZER], [])],
    ids=["default", "--cascade=orphan"],
)
async def test_its_external_secrets_are_deleted_unless_the_deletion_keeps_them(
    finalizers: list[str], deleted: list[tuple[str, str]]
) -> None:
    world: Any = World(*finalizers)
    counts = ObjectMetrics(Metrics(), "clusterexternalsecret")
    reconciler = ClusterExternalSecrets(world, world, world, counts)
    assert await reconciler.reconcile(ObjectKey("", "all")) is None
    assert world.deleted == deleted
    assert world.document["metadata"]["finalizers"] == finalizers[:-1]
