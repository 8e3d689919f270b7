"""One object, store or namespace that is in trouble does not concern the others."""

import json

import pytest
import yaml

from testbed.api_proxy import ApiProxy
from testbed.faults import hang
from tests.controller.e2e.test_lifecycle import (
    REGION,
    STORE,
    external_secret,
    ready_world,
    synced,
)
from tests.controller.e2e.test_survival import STORE_WITH_ROLE
from tests.controller.e2e.world import World
from tests.waiting import eventually


def test_a_region_that_hangs_delays_only_those_who_read_it(world: World) -> None:
    ready_world(world)
    hanging = yaml.safe_load(STORE.replace(REGION, "eu-west-2"))
    hanging["metadata"]["name"] = "slow"
    world.aws.faults.inject(hang(), region="eu-west-2")
    world.apply(json.dumps(hanging))
    for number in range(40):
        world.apply(external_secret(f"slow-{number}", secretStoreRef={"name": "slow"}))
    other = f"{world.namespace}-b"
    world.cluster.make_namespace(other)
    world.keys(other, "keys", "id", "secret")
    world.apply(STORE, other)
    world.apply(external_secret(), other)
    world.until("ExternalSecret", "db", "True", "SecretSynced", namespace=other)
    assert world.stop() == 0, "calls that hang do not delay the end"


@pytest.mark.parametrize("step", ["token", "session"])
def test_a_store_whose_sign_in_hangs_delays_only_those_who_read_it(
    world: World, api: ApiProxy, step: str
) -> None:
    ready_world(world)
    world.role(world.namespace, "app")
    if step == "token":
        target = f"{world.namespace}/app"
        api.faults.inject(hang(), operation="create serviceaccounts/token", target=target)
    else:
        world.aws.faults.inject(hang(), operation="AssumeRoleWithWebIdentity")
    world.apply(json.dumps(STORE_WITH_ROLE))
    for number in range(10):
        world.apply(external_secret(f"slow-{number}", secretStoreRef={"name": "role"}))
    world.apply(external_secret())
    synced(world)
    assert world.ready("ExternalSecret", "slow-0")[0] != "True"


def test_what_is_broken_or_somebody_elses_is_said_on_its_object_alone(world: World) -> None:
    ready_world(world)
    reference = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "taken"}
    about = {"name": "taken", "ownerReferences": [{**reference, "uid": "u", "controller": True}]}
    secrets = f"/api/v1/namespaces/{world.namespace}/secrets"
    world.cluster.do("POST", secrets, {"metadata": about, "stringData": {"a": "theirs"}})
    find = {"data": [], "dataFrom": [{"find": {"name": {"regexp": "("}}}]}
    world.apply(external_secret("regexp", **find))
    world.apply(external_secret("taken"))
    world.apply(external_secret())
    synced(world)
    failed = ("False", "SecretSyncedError")
    text = "could not get secret data from provider: spec.dataFrom[0].find.name.regexp: "
    world.until("ExternalSecret", "regexp", *failed, text)
    world.until("ExternalSecret", "taken", *failed, "failed to take ownership of target secret: ")
    assert "SealedSecret taken" in world.ready("ExternalSecret", "taken")[2]
    assert world.data("taken") == {"a": "theirs"}


def test_a_namespace_that_is_being_deleted_is_left_alone(world: World) -> None:
    ready_world(world)
    ending = f"{world.namespace}-b"
    world.cluster.make_namespace(ending)
    world.keys(ending, "keys", "id", "secret")
    world.apply(STORE, ending)
    target = {"name": "db", "deletionPolicy": "Delete"}
    world.apply(external_secret(target=target), ending)
    world.until("ExternalSecret", "db", "True", "SecretSynced", namespace=ending)
    world.cluster.do("DELETE", f"/api/v1/namespaces/{ending}")
    eventually(lambda: world.get("ExternalSecret", "db", ending) is None, "its end")
    eventually(lambda: world.data("db", ending) is None, "the end of its Secret")
    world.apply(external_secret())
    synced(world)


def test_cluster_store_conditions_keep_other_namespaces_out(world: World) -> None:
    ready_world(world)
    store = yaml.safe_load(STORE)
    store["kind"] = "ClusterSecretStore"
    store["metadata"]["name"] = world.namespace
    store["spec"]["conditions"] = [{"namespaces": [world.namespace]}]
    for ref in store["spec"]["provider"]["aws"]["auth"]["secretRef"].values():
        ref["namespace"] = world.namespace
    world.apply(json.dumps(store))
    other = f"{world.namespace}-b"
    world.cluster.make_namespace(other)
    ref = {"name": world.namespace, "kind": "ClusterSecretStore"}
    world.apply(external_secret("here", secretStoreRef=ref))
    synced(world, "here")
    world.apply(external_secret("there", secretStoreRef=ref), other)
    text = "could not get secret data from provider: "
    world.until("ExternalSecret", "there", "False", "SecretSyncedError", text, namespace=other)
    message = world.ready("ExternalSecret", "there", other)[2]
    assert f'is not allowed from namespace "{other}": denied by spec.condition' in message
    change = {"spec": {"conditions": [{"namespaces": [world.namespace, other]}]}}
    world.patch("ClusterSecretStore", world.namespace, change)
    world.until("ExternalSecret", "there", "True", "SecretSynced", namespace=other)
