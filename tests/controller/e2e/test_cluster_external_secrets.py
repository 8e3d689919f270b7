"""ClusterExternalSecrets: which namespaces get an ExternalSecret, and which lose theirs."""

import json
from typing import Any

from tests.controller.e2e.test_lifecycle import STORE, external_secret
from tests.controller.e2e.world import World
from tests.waiting import eventually


def apply(world: World, **spec: Any) -> None:
    """Apply it; the store keeps controllers of other tests off."""
    world.apply(STORE)
    whole = {"externalSecretSpec": json.loads(external_secret())["spec"]} | spec
    about = {"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret"}
    world.apply(json.dumps({**about, "metadata": {"name": world.namespace}, "spec": whole}))


def label(world: World, namespace: str, value: str | None) -> None:
    change = {"metadata": {"labels": {f"team-{world.namespace}": value}}}
    path = f"/api/v1/namespaces/{namespace}"
    world.cluster.do("PATCH", path, change, "application/merge-patch+json")


def selector(world: World) -> dict[str, Any]:
    return {"matchLabels": {f"team-{world.namespace}": "x"}}


def child(world: World, namespace: str, name: str = "") -> Any:
    return world.get("ExternalSecret", name or world.namespace, namespace)


def status(world: World) -> Any:
    return (world.get("ClusterExternalSecret", world.namespace) or {}).get("status", {})


def test_namespaces_come_and_go_with_their_labels(world: World) -> None:
    other = f"{world.namespace}-b"
    world.cluster.make_namespace(other)
    label(world, world.namespace, "x")
    world.start()
    apply(world, namespaceSelectors=[selector(world)])
    eventually(lambda: child(world, world.namespace), "an ExternalSecret")
    label(world, other, "x")
    eventually(lambda: child(world, other), "another one")
    both = sorted([world.namespace, other])
    eventually(lambda: status(world).get("provisionedNamespaces") == both, "both in the status")
    label(world, other, None)
    eventually(lambda: child(world, other) is None, "its end")
    eventually(lambda: status(world)["provisionedNamespaces"] == [world.namespace], "the status")
    namespaces = [world.cluster.do("GET", f"/api/v1/namespaces/{one}") for one in both]
    assert not [one for one in namespaces if one["metadata"].get("finalizers")]


def test_a_new_name_and_spec_reach_the_external_secrets(world: World) -> None:
    world.start()
    apply(world, namespaces=[world.namespace])
    eventually(lambda: child(world, world.namespace), "an ExternalSecret")
    metadata = {"labels": {"l": "1"}, "annotations": {"n": "2"}}
    apply(
        world,
        namespaces=[world.namespace],
        externalSecretName="new",
        externalSecretMetadata=metadata,
    )
    eventually(lambda: child(world, world.namespace, "new"), "one of the new name")
    eventually(lambda: child(world, world.namespace) is None, "the end of the old one")
    about = child(world, world.namespace, "new")["metadata"]
    assert (about["labels"], about["annotations"]) == ({"l": "1"}, {"n": "2"})
    changed = json.loads(external_secret(refreshInterval="7m"))["spec"]
    apply(
        world,
        namespaces=[world.namespace],
        externalSecretName="new",
        externalSecretSpec=changed,
    )

    def interval() -> str:
        return str(child(world, world.namespace, "new")["spec"]["refreshInterval"])

    eventually(lambda: interval() == "7m", "the new interval")
    world.patch("ExternalSecret", "new", {"spec": {"refreshInterval": "1m"}})
    eventually(lambda: interval() == "7m", "the edited one as it was")
    force = {"metadata": {"annotations": {"external-secrets.io/force-sync": "1"}}}
    world.patch("ClusterExternalSecret", world.namespace, force)

    def annotations() -> Any:
        return child(world, world.namespace, "new")["metadata"].get("annotations", {})

    eventually(lambda: "external-secrets.io/force-sync" in annotations(), "the annotation")


def test_one_that_somebody_else_has_made_is_left_alone(world: World) -> None:
    world.apply(external_secret(world.namespace))
    world.start()
    apply(world, namespaces=[world.namespace])
    world.until(
        "ClusterExternalSecret", world.namespace, "False", "", "one or more namespaces failed: "
    )
    reason = "external secret already exists in namespace"
    assert status(world)["failedNamespaces"] == [{"namespace": world.namespace, "reason": reason}]
    assert "ownerReferences" not in child(world, world.namespace)["metadata"]
    world.delete("ExternalSecret", world.namespace)
    world.until("ClusterExternalSecret", world.namespace, "True")
    assert (
        child(world, world.namespace)["metadata"]["ownerReferences"][0]["name"] == world.namespace
    )


def test_a_selector_that_is_wrong_is_told_and_keeps_what_is_there(world: World) -> None:
    world.start()
    apply(world, namespaces=[world.namespace])
    world.until("ClusterExternalSecret", world.namespace, "True")
    bad = {"matchExpressions": [{"key": "no key", "operator": "DoesNotExist"}]}
    world.patch("ClusterExternalSecret", world.namespace, {"spec": {"namespaceSelectors": [bad]}})
    some_failed = "one or more namespaces failed: spec.namespaceSelectors[0]"
    world.until("ClusterExternalSecret", world.namespace, "False", "", some_failed)
    [failed] = status(world)["failedNamespaces"]
    assert failed["namespace"] == "unknown"
    assert '"no key" is not the key of a label' in failed["reason"]
    assert status(world)["provisionedNamespaces"] == [world.namespace]
    assert child(world, world.namespace)


def test_its_end_is_that_of_its_external_secrets(world: World) -> None:
    world.start()
    apply(world, namespaces=[world.namespace])
    eventually(lambda: child(world, world.namespace), "an ExternalSecret")
    finalizer = "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup"
    world.patch("ClusterExternalSecret", world.namespace, {"metadata": {"finalizers": [finalizer]}})
    eventually(
        lambda: (
            not world.get("ClusterExternalSecret", world.namespace)["metadata"].get("finalizers")
        ),
        "the operator's finalizer goes",
    )
    world.delete("ClusterExternalSecret", world.namespace)
    eventually(lambda: child(world, world.namespace) is None, "its end")


def test_one_whose_store_is_for_another_controller_is_left_alone(world: World) -> None:
    world.start()
    place = {"namespaces": [world.namespace]}
    store = STORE.replace("spec:", "spec:\n  controller: other", 1)
    world.apply(store)
    about = {"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret"}
    spec = {**place, "externalSecretSpec": json.loads(external_secret())["spec"]}
    finalizers = ["externalsecrets.external-secrets.io/clusterexternalsecret-cleanup"]
    metadata = {"name": world.namespace, "finalizers": finalizers}
    world.apply(json.dumps({**about, "metadata": metadata, "spec": spec}))
    world.apply(external_secret("bad", refreshInterval="1d"))
    world.until("ExternalSecret", "bad", "False")
    assert child(world, world.namespace) is None
    assert not status(world)
    assert world.get("ClusterExternalSecret", world.namespace)["metadata"]["finalizers"]
    world.patch("SecretStore", "aws", {"spec": {"controller": world.controller_class}})
    world.until("SecretStore", "aws", "False")
    apply(world, **place, refreshTime="30m")
    eventually(lambda: child(world, world.namespace), "an ExternalSecret")
    world.patch("ClusterExternalSecret", world.namespace, {"metadata": {"finalizers": None}})


def test_a_store_of_another_class_decides_for_its_namespace_alone(world: World) -> None:
    hostile = f"{world.namespace}-b"
    world.cluster.make_namespace(hostile)
    world.apply(STORE.replace("spec:", "spec:\n  controller: another", 1), hostile)
    world.keys(world.namespace, "keys", "id", "secret")
    world.aws.cloud.put_secret("db", '{"password": "p-1"}', region="eu-west-1")
    world.start()
    apply(world, namespaces=[world.namespace, hostile], refreshTime="1ns")
    world.until("ExternalSecret", world.namespace, "True", "SecretSynced")
    eventually(lambda: child(world, hostile), "the other one, which is for another controller")
    assert "status" not in child(world, hostile)
