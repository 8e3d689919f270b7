"""PushSecrets are not worked on, and say so."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from provider.controller.events import Events
from provider.controller.kinds import PUSH_SECRETS
from provider.controller.reconcile.push_secret import FINALIZER, LEFT, PushSecrets
from provider.controller.resources.objects import Store, read_store
from provider.controller.resources.push_secret import read_push_secret
from provider.controller.watch.object_cache import ObjectKey
from provider.kube.events import Event
from provider.kube.kinds import Document, Kind

KEY = ObjectKey("shop", "push")


@dataclass
class World:
    """One PushSecret, and the stores `aws` (ours) and `theirs`."""

    stores: list[Document]
    controller_class: str = "default"
    metadata: Document = field(default_factory=dict)
    status: Document = field(default_factory=dict)
    patches: list[Any] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    async def reconcile(self) -> None:
        fake: Any = self
        reconciler = PushSecrets(
            kind=PUSH_SECRETS["PushSecret"],
            api=fake,
            known=fake,
            get_store=self.get_store,
            events=Events(PUSH_SECRETS["PushSecret"], self.record),
            controller_class=self.controller_class,
        )
        assert await reconciler.reconcile(KEY) is None

    def get(self, key: Any, *_of_api: str) -> Any:
        about = {"name": "push", "namespace": "shop", "uid": "u", **self.metadata}
        spec = {"secretStoreRefs": self.stores}
        return read_push_secret({"metadata": about, "spec": spec, "status": self.status})

    def get_store(self, kind: str, namespace: str, name: str) -> Store | None:
        controllers = {("shop", "aws"): "", ("", "all"): "", ("shop", "theirs"): "eso"}
        if (namespace, name) not in controllers:
            return None
        spec = {"controller": controllers[namespace, name]}
        return read_store({"metadata": {"name": name}, "spec": spec}, "SecretStore")

    async def merge_patch(
        self, kind: Kind, namespace: str, name: str, change: Document
    ) -> Document:
        self.patches.append(change["metadata"]["finalizers"])
        return {}

    async def patch_status(
        self, kind: Kind, namespace: str, name: str, status: Document, *, version: str = ""
    ) -> Document:
        self.patches.append(status)
        self.status = status
        return {}

    def learn(self, document: Document) -> None:
        pass

    def record(self, event: Event) -> None:
        self.events.append(event.message)


async def test_it_gets_a_condition_and_an_event_once() -> None:
    world = World([{"name": "aws"}])
    await world.reconcile()
    await world.reconcile()
    [patch] = world.patches
    [condition] = patch["conditions"]
    found = condition["type"], condition["status"], condition["reason"]
    assert found == ("Ready", "False", "Errored")
    assert condition["message"].startswith("this controller does not support PushSecret: nothing")
    assert world.events == [condition["message"]]


@pytest.mark.parametrize(
    ("stores", "controller_class", "is_ours"),
    [
        ([{"name": "theirs"}], "default", False),
        ([{"name": "theirs"}, {"name": "all", "kind": "ClusterSecretStore"}], "default", True),
        ([{"name": "nowhere"}], "default", False),
        ([{"labelSelector": {}}], "default", True),
        ([{"labelSelector": {}}], "ours", False),
        ([], "default", False),
    ],
)
async def test_those_of_another_controller_are_left_alone(
    stores: list[Document], controller_class: str, is_ours: bool
) -> None:
    world = World(stores, controller_class)
    await world.reconcile()
    assert bool(world.patches) == is_ours


async def test_one_that_is_deleted_does_not_wait_for_the_operator() -> None:
    about = {"deletionTimestamp": "2030-01-01T00:00:00Z", "finalizers": [FINALIZER, "k/eep"]}
    world = World([{"name": "aws"}], metadata=about)
    await world.reconcile()
    assert (world.patches, world.events) == ([["k/eep"]], [LEFT])
