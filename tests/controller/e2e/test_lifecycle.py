"""What happens to an ExternalSecret over its life."""

import json
from typing import Any

from tests.api_server import Kubectl
from tests.controller.e2e.world import World
from tests.waiting import eventually

SYNCED = ("True", "SecretSynced", "secret synced")
REGION = "eu-west-1"

STORE = f"""
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: aws}}
spec:
  provider:
    aws:
      service: SecretsManager
      region: {REGION}
      auth:
        secretRef:
          accessKeyIDSecretRef: {{name: keys, key: id}}
          secretAccessKeySecretRef: {{name: keys, key: secret}}
"""


def ready_world(world: World) -> World:
    """A world with a store that works, and a secret `db` in AWS."""
    world.keys(world.namespace, "keys", "id", "secret")
    world.aws.cloud.put_secret("db", '{"user": "u", "password": "p-1"}', region=REGION)
    world.start()
    world.apply(STORE)
    return world


def external_secret(name: str = "db", **spec: Any) -> str:
    data = [{"secretKey": "password", "remoteRef": {"key": "db", "property": "password"}}]
    target = spec.pop("target", {"name": name})
    whole = {
        "refreshInterval": "1h",
        "secretStoreRef": {"name": "aws"},
        "target": target,
        "data": data,
    } | spec
    return json.dumps(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": name, "labels": {"app": "shop"}},
            "spec": whole,
        }
    )


def synced(world: World, name: str = "db") -> None:
    world.until("ExternalSecret", name, *SYNCED)


def test_the_secret_has_labels_hash_and_owner(world: World) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    secret, owner = world.get("Secret", "db"), world.get("ExternalSecret", "db")["metadata"]
    about = secret["metadata"]
    assert secret["type"] == "Opaque"
    assert about["labels"]["app"] == "shop"
    assert about["labels"]["reconcile.external-secrets.io/managed"] == "true"
    assert about["ownerReferences"][0]["uid"] == owner["uid"]
    assert about["ownerReferences"][0]["controller"] is True
    managers = [one["manager"] for one in about["managedFields"]]
    assert managers == ["externalsecrets.external-secrets.io/db"]
    assert "finalizers" not in owner


def test_force_sync_reads_the_new_value_at_once(world: World, kubectl: Kubectl) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    world.aws.cloud.put_secret("db", '{"password": "p-2"}', region=REGION)
    done = kubectl("annotate", "es", "db", "-n", world.namespace, "force-sync=1")
    assert done.returncode == 0, done.stderr
    eventually(lambda: world.data("db") == {"password": "p-2"}, "the new value")


def test_the_columns_of_kubectl(world: World, kubectl: Kubectl) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    rows = kubectl("get", "es", "-n", world.namespace).stdout.splitlines()
    assert rows[0].split() == [
        "NAME", "STORETYPE", "STORE", "REFRESH", "INTERVAL", "STATUS", "READY", "LAST", "SYNC"
    ]  # fmt: skip
    assert rows[1].split()[:5] == ["db", "aws", "1h", "SecretSynced", "True"]
    rows = kubectl("get", "ss", "-n", world.namespace).stdout.splitlines()
    assert rows[0].split() == ["NAME", "AGE", "STATUS", "CAPABILITIES", "READY"]
    assert rows[1].split()[2:] == ["Valid", "ReadWrite", "True"]


def test_a_rotated_value_is_delivered_after_the_interval(world: World) -> None:
    ready_world(world).apply(external_secret(refreshInterval="1s"))
    synced(world)
    world.aws.cloud.put_secret("db", '{"password": "p-2"}', region=REGION)
    eventually(lambda: world.data("db") == {"password": "p-2"}, "the new value")


def test_a_deleted_or_edited_secret_is_healed_at_once(world: World) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    world.delete("Secret", "db")
    eventually(lambda: world.data("db") == {"password": "p-1"}, "the Secret again")
    world.patch("Secret", "db", {"stringData": {"password": "edited", "more": "x"}})
    eventually(lambda: world.data("db") == {"password": "p-1"}, "the Secret as it was")


def test_a_deleted_external_secret_takes_its_secret_along(world: World) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    world.delete("ExternalSecret", "db")
    eventually(lambda: world.data("db") is None, "garbage collection")


def test_deletion_policy_delete_deletes_the_secret_and_lets_go(world: World) -> None:
    target = {"name": "db", "deletionPolicy": "Delete"}
    ready_world(world).apply(external_secret(target=target, refreshInterval="1s"))
    synced(world)
    about = world.get("ExternalSecret", "db")["metadata"]
    assert about["finalizers"] == ["externalsecrets.external-secrets.io/externalsecret-cleanup"]
    world.aws.cloud.remove_secret("db", region=REGION)
    world.until("ExternalSecret", "db", "True", "SecretDeleted", "secret deleted due to")
    assert world.data("db") is None
    world.delete("ExternalSecret", "db")
    eventually(lambda: world.get("ExternalSecret", "db") is None, "deletion")


def test_a_missing_secret_is_an_error_that_names_it_and_keeps_the_secret(world: World) -> None:
    ready_world(world).apply(external_secret(refreshInterval="1s"))
    synced(world)
    world.aws.cloud.remove_secret("db", region=REGION)
    text = "could not get secret data from provider: error processing spec.data[0] (key: db), err:"
    world.until("ExternalSecret", "db", "False", "SecretSyncedError", text)
    assert world.data("db") == {"password": "p-1"}
    world.aws.cloud.put_secret("db", '{"password": "p-3"}', region=REGION)
    eventually(lambda: world.data("db") == {"password": "p-3"}, "the value again")
    synced(world)


def test_a_new_target_name_deletes_the_old_secret(world: World) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    world.patch("ExternalSecret", "db", {"spec": {"target": {"name": "other"}}})
    eventually(lambda: world.data("other") == {"password": "p-1"}, "the new Secret")
    eventually(lambda: world.data("db") is None, "the old Secret's end")


def test_merge_waits_for_the_secret_and_keeps_other_keys(world: World) -> None:
    target = {"name": "mine", "creationPolicy": "Merge"}
    ready_world(world).apply(external_secret(target=target))
    world.until("ExternalSecret", "db", "True", "SecretMissing")
    world.put_secret(world.namespace, "mine", {"other": "kept"})
    wanted = {"other": "kept", "password": "p-1"}
    eventually(lambda: world.data("mine") == wanted, "the merged Secret")
    assert "ownerReferences" not in world.get("Secret", "mine")["metadata"]


def test_a_secret_of_another_external_secret_is_left_alone(world: World) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    world.apply(external_secret("thief", target={"name": "db"}))
    text = "target is owned by another ExternalSecret: secret is owned by another"
    world.until("ExternalSecret", "thief", "False", "SecretSyncedError", text)
    synced(world)


def test_a_broken_interval_concerns_its_object_alone(world: World) -> None:
    ready_world(world).apply(external_secret("bad", refreshInterval="1d"))
    world.apply(external_secret())
    synced(world)
    text = 'could not get secret data from provider: spec.refreshInterval: time: unknown unit "d"'
    world.until("ExternalSecret", "bad", "False", "SecretSyncedError", text)


def test_a_repaired_store_and_repaired_keys_heal_at_once(world: World) -> None:
    world.aws.cloud.put_secret("db", '{"password": "p-1"}', region=REGION)
    world.start()
    world.apply(STORE)
    world.apply(external_secret())
    world.until("SecretStore", "aws", "False", "InvalidProviderConfig", "unable to create client")
    world.until("ExternalSecret", "db", "False", "SecretSyncedError", "could not get secret data")
    world.keys(world.namespace, "keys", "id", "secret")
    world.until("SecretStore", "aws", "True", "Valid")
    synced(world)


def test_eso_finalizers_are_removed(world: World) -> None:
    name = "externalsecrets.external-secrets.io/externalsecret-cleanup"
    document = json.loads(external_secret())
    document["metadata"]["finalizers"] = [name]
    ready_world(world).apply(json.dumps(document))
    synced(world)
    assert not world.get("ExternalSecret", "db")["metadata"].get("finalizers")


def test_no_value_is_seen_anywhere(world: World) -> None:
    canary = "canary-7f3a"
    world.keys(world.namespace, "keys", "id", "secret")
    world.aws.cloud.put_secret("db", json.dumps({"password": canary}), region=REGION)
    world.start()
    world.apply(STORE)
    world.apply(external_secret())
    target = {"name": "t", "template": {"data": {"x": "{{ .password | fromJson }}{{ .nope }}"}}}
    world.apply(external_secret("bad", target=target))
    data = [{"secretKey": "x", "remoteRef": {"key": "db", "property": "nope"}}]
    world.apply(external_secret("lost", data=data))
    synced(world)
    world.until("ExternalSecret", "bad", "False", "SecretSyncedError", "could not update secret: ")
    world.until("ExternalSecret", "lost", "False", "SecretSyncedError", "could not get secret")
    seen = [*world.log, world.page("/metrics"), json.dumps(world.events())]
    seen += [json.dumps(world.get("ExternalSecret", name)) for name in ("db", "bad", "lost")]
    for secret in (canary, world.user.secret_access_key):
        assert not [text for text in seen if secret in text]
