"""The ExternalSecrets of ClusterExternalSecrets in many namespaces."""

from typing import Any

from provider.controller.kinds import EXTERNAL_SECRETS
from provider.controller.reconcile.child_writer import ChildWriter
from provider.controller.resources.object_meta import read_metadata
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import WatchedExternalSecret, parse_external_secret
from provider.errors import ObjectNotFound
from provider.kube.kinds import Document, Kind
from tests.loop_watchdog import loop_watchdog

OWNER = read_metadata({"metadata": {"name": "all", "uid": "u"}})
NAMESPACES = 1000
SPEC = {
    "secretStoreRef": {"name": "aws"},
    "data": [{"secretKey": f"k{number}", "remoteRef": {"key": "db"}} for number in range(300)],
}


class Cluster:
    """The API server and what is known of it; only `create` is needed."""

    def __init__(self) -> None:
        self.known: dict[ObjectKey, WatchedExternalSecret] = {}
        self.created = 0

    async def create(self, kind: Kind, document: Document) -> Document:
        assert kind == EXTERNAL_SECRETS
        self.created += 1
        return {**document, "spec": {}}  # what is stored is not read here

    def external_secret(self, key: ObjectKey) -> WatchedExternalSecret | None:
        return self.known.get(key)

    def learn(self, kind: Kind, document: Document) -> None:
        about = document["metadata"]
        key = ObjectKey(about["namespace"], about["name"])
        self.known[key] = parse_external_secret(document)


def child(number: int, **labels: str) -> Document:
    metadata = {"namespace": f"n-{number}", "name": "all", "labels": labels}
    return {"metadata": {**metadata, "annotations": {}, "ownerReferences": []}, "spec": SPEC}


async def test_thousands_that_are_as_they_should_be_do_not_hold_the_loop() -> None:
    cluster: Any = Cluster()
    writer = ChildWriter(cluster, cluster)
    assert await writer.put(map(child, range(NAMESPACES)), OWNER) == []
    assert cluster.created == NAMESPACES
    async with loop_watchdog():
        assert await writer.put(map(child, range(NAMESPACES)), OWNER) == []
    assert cluster.created == NAMESPACES


class EditedAtOnce(Cluster):
    """Somebody edits each ExternalSecret, and the watch brings that before the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    async def create(self, kind: Kind, document: Document) -> Document:
        stored = await super().create(kind, document)
        edited = {**stored, "metadata": {**stored["metadata"], "generation": 2}}
        super().learn(kind, edited)
        return {**stored, "metadata": {**stored["metadata"], "generation": 1}}

    def learn(self, kind: Kind, document: Document) -> None:
        """The answer is older than what is known."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        assert kind == EXTERNAL_SECRETS
        self.read += 1
        raise ObjectNotFound(f"{namespace}/{name}")


async def test_an_edit_that_arrives_before_the_answer_is_looked_at() -> None:
    cluster: Any = EditedAtOnce()
    writer = ChildWriter(cluster, cluster)
    await writer.put([child(0)], OWNER)
    await writer.put([child(0)], OWNER)
    assert cluster.read == 1
