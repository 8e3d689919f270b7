"""A bug in a reconcile is a condition, an Event and a log, and concerns only its object."""

import json
from typing import Any

import yaml

from tests.controller.e2e.buggy import BUG, VALUE
from tests.controller.e2e.test_lifecycle import STORE, external_secret, ready_world, synced
from tests.controller.e2e.world import World
from tests.waiting import eventually


def cluster_external_secret(world: World, name: str, child: str) -> None:
    """One for the namespace of the test."""
    spec = {
        "namespaces": [world.namespace],
        "externalSecretName": child,
        "externalSecretSpec": json.loads(external_secret(child))["spec"],
    }
    about = {"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret"}
    world.apply(json.dumps({**about, "metadata": {"name": name}, "spec": spec}))


def test_a_bug_is_said_on_its_object_and_the_objects_beside_it_work(own_world: World) -> None:
    world = own_world
    world.main = "tests.controller.e2e.buggy:main"
    store: dict[str, Any] = yaml.safe_load(STORE)
    store["metadata"]["name"] = BUG
    of_bug, of_well = f"{world.namespace}-bug", f"{world.namespace}-well"
    ready_world(world).apply(json.dumps(store))
    world.apply(external_secret(BUG))
    cluster_external_secret(world, of_bug, BUG)
    said = "unexpected KeyError: this is a bug of the controller and concerns only this object."
    world.until(
        "ExternalSecret", BUG, "False", "SecretSyncedError", f"could not update secret: {said}"
    )
    of_store = said.replace("KeyError", "ValueError")
    world.until("SecretStore", BUG, "False", "InvalidProviderConfig", of_store)
    of_cluster = said.replace("KeyError", "RuntimeError")
    world.until("ClusterExternalSecret", of_bug, "False", "", of_cluster)

    world.apply(external_secret())
    cluster_external_secret(world, of_well, "well")
    for name in ("db", "well"):
        synced(world, name)
        assert world.data(name) == {"password": "p-1"}
    world.until("ClusterExternalSecret", of_well, "True")

    def warned() -> set[tuple[str, str]]:
        return {(name, reason) for name, reason, text in world.events() if "is a bug of" in text}

    eventually(lambda: len(warned()) == 2, "the Events")
    assert warned() == {(BUG, "UpdateFailed"), (BUG, "InvalidProviderConfig")}
    logged = [one for one in map(json.loads, world.log) if one["message"] == "a reconcile failed"]
    kinds = {one["item"].partition("/")[0] for one in logged}
    assert kinds == {"ExternalSecret", "SecretStore", "ClusterExternalSecret"}
    assert all("buggy.py" in str(one["traceback"]) for one in logged)
    seen = [*world.log, json.dumps(world.events()), world.page("/metrics")]
    seen += [json.dumps(world.get(kind, BUG)) for kind in ("ExternalSecret", "SecretStore")]
    assert not [text for text in seen if VALUE in text]
