"""Objects as External Secrets Operator 2.9 leaves them are taken over without a write."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import gmtime, strftime, time
from typing import Any

import pytest

from provider.controller.resources.hashes import owner_label, synced_resource_version
from testbed.api_proxy import ApiProxy
from tests.controller.e2e.test_lifecycle import REGION, STORE, external_secret, synced
from tests.controller.e2e.test_survival import writes
from tests.controller.e2e.world import GROUP, World
from tests.waiting import eventually

HASH = "03a707af0159f9cbff01ece86d3f85a3d7c3a11b512f5e7fc90bd042"
"""The operator's own hash of {"targetProperty": "someValue"}."""
LONG = "an-external-secret-with-a-name-of-forty-two"
MANAGER = "externalsecrets.external-secrets.io/"
MANAGERS = {LONG: f"{MANAGER}sha3/15410b69a9c8c9b1bb69171fb8652142045aca11e9788baa1228b604"}
CLEANUP = "externalsecrets.external-secrets.io/externalsecret-cleanup"
MERGE = "application/merge-patch+json"
DATA = [{"secretKey": "targetProperty", "remoteRef": {"key": "db", "property": "p"}}]
CASES: dict[str, Any] = {
    "db": {},
    LONG: {},
    "orphan": {"creationPolicy": "Orphan"},
    "fixed": {"immutable": True},
    "deleting": {"deletionPolicy": "Delete"},
    "typed": {
        "template": {
            "type": "example.com/typed",
            "metadata": {"labels": {"l": "{{ .targetProperty }}"}},
        }
    },
}


def ready(reason: str, message: str) -> dict[str, str]:
    about = {"type": "Ready", "status": "True", "lastTransitionTime": hours_ago(3)}
    return {**about, "reason": reason, "message": message}


def hours_ago(hours: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(time() - hours * 3600))


def leave_status(world: World, kind: str, name: str, status: dict[str, Any]) -> None:
    path = f"{world.path(kind, name)}/status?fieldManager=external-secrets"
    world.cluster.do("PATCH", path, {"status": status}, MERGE)


def leave_store(world: World) -> None:
    world.keys(world.namespace, "keys", "id", "secret")
    world.apply(STORE)
    finalizers = {"metadata": {"finalizers": ["secretstore.externalsecrets.io/finalizer"]}}
    world.patch("SecretStore", "aws", finalizers)
    conditions = [ready("Valid", "store validated")]
    status = {"capabilities": "ReadWrite", "conditions": conditions}
    leave_status(world, "SecretStore", "aws", status)


def leave_external_secret(
    world: World, name: str, target: dict[str, Any], *, hours: int = 2
) -> None:
    """An ExternalSecret that the operator synced so many hours ago, and its Secret."""
    document = json.loads(external_secret(name, target={"name": name, **target}, data=DATA))
    document["metadata"]["finalizers"] = [CLEANUP]
    world.apply(json.dumps(document))
    about = world.get("ExternalSecret", name)["metadata"]
    status = {
        "refreshTime": hours_ago(hours),
        "syncedResourceVersion": synced_resource_version(
            about["generation"], about.get("annotations", {}), about["labels"]
        ),
        "binding": {"name": name},
        "conditions": [ready("SecretSynced", "secret synced")],
    }
    leave_status(world, "ExternalSecret", name, status)
    leave_secret(world, name, target, about)


def leave_secret(world: World, name: str, target: dict[str, Any], owner: Any) -> None:
    is_owned = target.get("creationPolicy", "Owner") == "Owner"
    template = target.get("template")
    labels = {"l": "someValue"} if template else dict(owner["labels"])
    labels["reconcile.external-secrets.io/managed"] = "true"
    if is_owned:
        created_by = owner_label(world.namespace, name)
        labels["reconcile.external-secrets.io/created-by"] = created_by
    reference = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "name": name,
        "uid": owner["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": template["type"] if template else "Opaque",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {"reconcile.external-secrets.io/data-hash": HASH},
            "ownerReferences": [reference] if is_owned else [],
        },
        "data": {"targetProperty": base64.b64encode(b"someValue").decode()},
        **({"immutable": True} if target.get("immutable") else {}),
    }
    manager = MANAGERS.get(name, f"{MANAGER}{name}")
    path = f"/api/v1/namespaces/{world.namespace}/secrets?fieldManager={manager}"
    world.cluster.do("POST", path, secret)


def leave_cluster_external_secret(world: World) -> None:
    """A ClusterExternalSecret that gives the namespace the ExternalSecret `db`."""
    name, spec = world.namespace, world.get("ExternalSecret", "db")["spec"]
    about = {"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret"}
    finalizer = "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup"
    metadata = {"name": name, "finalizers": [finalizer]}
    metadata["finalizers"] = [finalizer]
    whole = {
        "externalSecretName": "db",
        "externalSecretMetadata": {"labels": {"app": "shop"}},
        "namespaces": [name],
        "externalSecretSpec": spec,
    }
    world.apply(json.dumps({**about, "metadata": metadata, "spec": whole}))
    status = {
        "externalSecretName": "db",
        "provisionedNamespaces": [name],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    leave_status(world, "ClusterExternalSecret", name, status)
    uid = world.get("ClusterExternalSecret", name)["metadata"]["uid"]
    reference = {**about, "name": name, "uid": uid, "controller": True, "blockOwnerDeletion": True}
    world.patch("ExternalSecret", "db", {"metadata": {"ownerReferences": [reference]}})


def test_nothing_is_written_but_finalizers_and_the_time_of_the_refresh(
    world: World, api: ApiProxy
) -> None:
    world.aws.cloud.put_secret("db", '{"p": "someValue"}', region=REGION)
    if world.process.is_running:
        world.stop()
    leave_store(world)
    for name, target in CASES.items():
        leave_external_secret(world, name, target)
    leave_cluster_external_secret(world)
    before = [world.get("Secret", name) for name in CASES]
    held = {
        "metadata": {"finalizers": [f"externalsecrets.external-secrets.io/ces-{world.namespace}"]}
    }
    world.cluster.do("PATCH", f"/api/v1/namespaces/{world.namespace}", held, MERGE)
    world.start()
    remedy = "kubectl edit namespace NAME"
    eventually(
        lambda: any(remedy in one and world.namespace in one for one in world.log), "the report"
    )
    free = {"metadata": {"finalizers": None}}
    world.cluster.do("PATCH", f"/api/v1/namespaces/{world.namespace}", free, MERGE)
    eventually(
        lambda: (
            not [
                name
                for name in CASES
                if (name != "deleting") == (CLEANUP in finalizers(world, "ExternalSecret", name))
            ]
        ),
        "the finalizers of ExternalSecrets",
    )
    for kind, name in (("SecretStore", "aws"), ("ClusterExternalSecret", world.namespace)):
        eventually(lambda: not finalizers(world, kind, name), f"that of the {kind}")  # noqa: B023
    for name in CASES:
        eventually(lambda: is_refreshed(world, name), "the refresh")  # noqa: B023
    assert world.calls() > 0
    written = Counter(operation for operation, _ in writes(world, api))
    assert written == {
        "patch externalsecrets": len(CASES) - 1,
        "patch externalsecrets/status": len(CASES),
        "patch secretstores": 1,
    }
    assert before == [world.get("Secret", name) for name in CASES]


def finalizers(world: World, kind: str, name: str) -> list[str]:
    found: list[str] = world.get(kind, name)["metadata"].get("finalizers", [])
    return found


def is_refreshed(world: World, name: str) -> bool:
    """Whether the ExternalSecret was synced here."""
    return bool(world.get("ExternalSecret", name)["status"]["refreshTime"] > hours_ago(1))


def test_what_the_operator_wrote_is_replaced_when_it_is_not_wanted_any_more(world: World) -> None:
    world.aws.cloud.put_secret("db", '{"p": "someValue"}', region=REGION)
    if world.process.is_running:
        world.stop()
    leave_store(world)
    for name in ("db", LONG):
        leave_external_secret(world, name, {"creationPolicy": "CreateOrMerge"})
        world.patch("Secret", name, {"stringData": {"foreign": "kept"}})
    world.start()
    for name in ("db", LONG):
        data = [{**DATA[0], "secretKey": "new"}]
        template = {"metadata": {"labels": {"l": "1"}}}
        target = {"name": name, "creationPolicy": "CreateOrMerge", "template": template}
        world.apply(external_secret(name, data=data, target=target))
        wanted = {"foreign": "kept", "new": "someValue"}
        eventually(lambda: world.data(name) == wanted, "the new key alone")  # noqa: B023
        labels = world.get("Secret", name)["metadata"]["labels"]
        assert labels == {"l": "1", "reconcile.external-secrets.io/managed": "true"}


@contextmanager
def definition_of_push_secrets(world: World) -> Iterator[None]:
    """The operator's CRD of PushSecrets, as far as it matters here."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    names = {"kind": "PushSecret", "plural": "pushsecrets"}
    spec = {"group": "external-secrets.io", "scope": "Namespaced", "versions": [version]}
    name = "pushsecrets.external-secrets.io"
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    about = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    crd = {**about, "metadata": {"name": name}, "spec": {**spec, "names": names}}
    world.cluster.apply(path, crd)
    served = f"{GROUP}alpha1/pushsecrets?limit=1"
    try:
        eventually(lambda: world.cluster.ask("GET", served).status == 200, "the kind")
        yield
    finally:
        world.cluster.do("DELETE", f"{path}/{name}")


def test_a_push_secret_says_that_it_is_not_worked_on(world: World) -> None:
    path = f"{GROUP}alpha1/namespaces/{world.namespace}/pushsecrets"
    with definition_of_push_secrets(world):
        if world.process.is_running:
            world.stop()
        leave_store(world)
        world.start()
        about = {"apiVersion": "external-secrets.io/v1alpha1", "kind": "PushSecret"}
        metadata = {"name": "push", "finalizers": ["pushsecret.externalsecrets.io/finalizer"]}
        spec = {"secretStoreRefs": [{"name": "aws"}]}
        world.cluster.apply(path, {**about, "metadata": metadata, "spec": spec})
        text = "this controller does not support PushSecret: nothing is written to AWS"

        def says_so() -> bool:
            found = world.cluster.do("GET", f"{path}/push").get("status", {})
            return any(text in one["message"] for one in found.get("conditions", ()))

        eventually(says_so, "the condition")
        eventually(lambda: any(text in one[2] for one in world.events()), "the Event")
        world.cluster.do("DELETE", f"{path}/push")
        gone = f"{path}/push"
        eventually(lambda: world.cluster.ask("GET", gone).status == 404, "its end")


@pytest.mark.parametrize("policy", ["Owner", "Orphan"])
def test_a_secret_that_nobody_owns_is_taken(world: World, policy: str) -> None:
    world.aws.cloud.put_secret("db", '{"password": "p-1"}', region=REGION)
    world.put_secret(world.namespace, "db", {"old": "x"})
    world.keys(world.namespace, "keys", "id", "secret")
    world.start()
    world.apply(STORE)
    world.apply(external_secret(target={"creationPolicy": policy}))
    synced(world)
    assert world.data("db") == {"password": "p-1"}
