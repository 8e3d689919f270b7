"""What the controller survives: the API server's moods, and what others have left behind."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from testbed.api_errors import ApiError, too_many_requests
from testbed.api_proxy import ApiProxy
from testbed.faults import reset
from testbed.journal import Call
from tests.controller.e2e.test_lifecycle import (
    REGION,
    STORE,
    external_secret,
    ready_world,
    synced,
)
from tests.controller.e2e.world import World
from tests.waiting import eventually

WRITES = ("create ", "update ", "patch ", "delete ")
CONFLICT = ApiError(409, "Conflict", "the object has been modified")

STORE_WITH_ROLE = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "SecretStore",
    "metadata": {"name": "role"},
    "spec": {
        "provider": {
            "aws": {
                "service": "SecretsManager",
                "region": REGION,
                "auth": {"jwt": {"serviceAccountRef": {"name": "app"}}},
            }
        }
    },
}


def lines(world: World, text: str) -> int:
    return sum(text in one for one in world.log)


def force_sync(world: World, name: str = "db", value: str = "1") -> None:
    world.patch("ExternalSecret", name, {"metadata": {"annotations": {"force-sync": value}}})


def rotate(world: World, value: str) -> None:
    world.aws.cloud.put_secret("db", json.dumps({"password": value}), region=REGION)


def written(world: World, api: ApiProxy) -> list[Call]:
    """The writes of the controller so far to the namespace of the test, without Events."""
    return [
        one
        for one in api.journal.calls
        if one.operation.startswith(WRITES)
        and not one.operation.endswith(" events")
        and one.target.startswith(f"{world.namespace}/")
    ]


def writes(world: World, api: ApiProxy) -> list[tuple[str, str]]:
    """Their operations and targets."""
    return [(one.operation, one.target) for one in written(world, api)]


def test_started_while_the_api_server_is_away_it_works_once_it_is_there(
    world: World, api: ApiProxy
) -> None:
    ready_world(world)
    assert world.stop() == 0
    api.cut()
    world.start_at_once()
    eventually(lambda: lines(world, "cannot become the leader"), "why it waits")
    api.restore()
    world.apply(external_secret())
    synced(world)


def test_a_version_that_is_gone_is_listed_again(world: World, api: ApiProxy) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    lists = api.journal.count("list externalsecrets")
    for resource in ("externalsecrets", "secrets"):
        api.expire(resource)
    world.delete("ExternalSecret", "db")
    world.apply(external_secret("new"))
    synced(world, "new")
    assert api.journal.count("list externalsecrets") > lists
    world.delete("Secret", "new")
    eventually(lambda: world.data("new") == {"password": "p-1"}, "the Secret again")


def test_conflicts_and_lost_answers_are_not_errors(world: World, api: ApiProxy) -> None:
    ready_world(world)
    target = f"{world.namespace}/"
    api.faults.inject(reset(), operation="create secrets", target=target, times=1)
    api.faults.inject(CONFLICT, operation="update secrets", target=f"{target}db", times=2)
    world.apply(external_secret())
    synced(world)
    rotate(world, "p-2")
    force_sync(world)
    eventually(lambda: world.data("db") == {"password": "p-2"}, "the new value")
    synced(world)
    assert [one for one in world.events() if one[1] == "UpdateFailed"] == []


def test_a_throttled_write_waits_as_long_as_it_is_asked_to(world: World, api: ApiProxy) -> None:
    ready_world(world)
    place = f"{world.namespace}/"
    api.faults.inject(too_many_requests(2), operation="create secrets", target=place, times=1)
    world.apply(external_secret())
    eventually(lambda: "create secrets" in dict(writes(world, api)), "the throttled write")
    world.apply(external_secret("other"))
    synced(world, "other")
    synced(world)
    first, *_, last = [
        one.at
        for one in api.journal.calls
        if (one.operation, one.target) == ("create secrets", place)
    ]
    assert last - first >= 2
    assert world.calls() <= 2, "what was read is used"


def test_a_throttled_list_waits_as_long_as_it_is_asked_to(world: World, api: ApiProxy) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    api.journal.clear()
    api.faults.inject(too_many_requests(2), operation="list externalsecrets", times=1)
    api.expire("externalsecrets")
    eventually(lambda: api.journal.count("list externalsecrets") == 2, "a second list")
    first, second = [one.at for one in api.journal.calls if one.operation == "list externalsecrets"]
    assert second - first >= 2


def test_a_policy_that_refuses_the_secret_is_explained_and_heals(world: World) -> None:
    ready_world(world)
    with refusing_policy(world):
        world.apply(external_secret())
        world.apply(external_secret("other"))
        text = "could not update secret: cannot create Secret"
        world.until("ExternalSecret", "db", "False", "SecretSyncedError", text)
        synced(world, "other")
    synced(world)


@contextmanager
def refusing_policy(world: World) -> Iterator[None]:
    """A policy that refuses the Secret `db` in the namespace of the test."""
    name, version = world.namespace, "admissionregistration.k8s.io/v1"
    policies = f"/apis/{version}/validatingadmissionpolicies"
    bindings = f"/apis/{version}/validatingadmissionpolicybindings"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    policy = {
        "matchConstraints": {"resourceRules": [{**rule, "resources": ["secrets"]}]},
        "validations": [{"expression": "object.metadata.name != 'db'", "message": "no db"}],
    }
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}
        },
    }
    for path, kind, spec in (
        (policies, "ValidatingAdmissionPolicy", policy),
        (bindings, "ValidatingAdmissionPolicyBinding", binding),
    ):
        document = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
        world.cluster.apply(path, document)

    def is_in_force() -> bool:
        probe = {"metadata": {"name": "db"}}
        secrets = f"/api/v1/namespaces/{world.namespace}/secrets?dryRun=All"
        return world.cluster.ask("POST", secrets, probe).status != 201

    try:
        eventually(is_in_force, "the policy is in force", 30)
        yield
    finally:
        world.cluster.do("DELETE", f"{bindings}/{name}")
        world.cluster.do("DELETE", f"{policies}/{name}")


def test_a_webhook_that_the_operator_has_left_behind_is_explained(world: World) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    rule = {
        "apiGroups": ["external-secrets.io"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
    }
    webhook = {
        "name": "validate.externalsecret.external-secrets.io",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {
            "service": {"name": "external-secrets-webhook", "namespace": world.namespace}
        },
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
        "rules": [{**rule, "resources": ["externalsecrets"]}],
    }
    name = "externalsecret-validate"
    kind = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
    }
    ready_world(world)
    target = {"deletionPolicy": "Delete"}
    if world.process.is_running:
        world.stop()
    world.apply(external_secret(target=target))
    world.cluster.apply(path, {**kind, "metadata": {"name": name}, "webhooks": [webhook]})
    try:
        world.start()
        remedy = f"kubectl delete validatingwebhookconfiguration {name}"
        eventually(lambda: lines(world, remedy), "the log line")
        spec = {
            "namespaces": [world.namespace],
            "externalSecretSpec": json.loads(external_secret())["spec"],
        }
        about = {"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret"}
        world.apply(json.dumps({**about, "metadata": {"name": world.namespace}, "spec": spec}))
        world.until(
            "ClusterExternalSecret", world.namespace, "False", "", "one or more namespaces failed: "
        )
        assert remedy in world.ready("ClusterExternalSecret", world.namespace)[2]
        world.until("ExternalSecret", "db", "False", "SecretSyncedError", "could not update secret")
        assert remedy in world.ready("ExternalSecret", "db")[2]
    finally:
        world.cluster.do("DELETE", f"{path}/{name}")


def test_changed_templates_and_new_targets_are_noticed_at_once_also_after_a_restart(
    world: World, api: ApiProxy
) -> None:
    ready_world(world)
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "t"}}
    world.apply(json.dumps({**config_map, "data": {"url": "one-{{ .password }}"}}))
    source = {"configMap": {"name": "t", "items": [{"key": "url"}]}}
    target = {"name": "db", "template": {"templateFrom": [source]}}
    world.apply(external_secret(target=target))
    synced(world)
    assert world.data("db") == {"url": "one-p-1"}
    world.apply(json.dumps({**config_map, "data": {"url": "two-{{ .password }}"}}))
    eventually(lambda: world.data("db") == {"url": "two-p-1"}, "the new template's result")
    synced(world)
    world.apply(external_secret("late", target={"name": "mine", "creationPolicy": "Merge"}))
    world.until("ExternalSecret", "late", "True", "SecretMissing")
    assert world.stop() == 0
    world.put_secret(world.namespace, "mine", {"other": "kept"})
    watches = api.journal.count("watch configmaps")
    world.start()
    eventually(lambda: api.journal.count("watch configmaps") > watches, "the watch")
    world.apply(json.dumps({**config_map, "data": {"url": "three-{{ .password }}"}}))
    eventually(lambda: world.data("db") == {"url": "three-p-1"}, "the result after the restart")
    wanted = {"other": "kept", "password": "p-1"}
    eventually(lambda: world.data("mine") == wanted, "the merged Secret")


def test_what_is_not_supported_says_so(world: World) -> None:
    ready_world(world)
    world.apply(
        STORE.replace("name: aws}", "name: acm}").replace("SecretsManager", "CertificateManager")
    )
    world.until("SecretStore", "acm", "False", "InvalidProviderConfig", "unable to create client: ")
    assert "CertificateManager is not supported" in world.ready("SecretStore", "acm")[2]
    manifest = {"apiVersion": "v1", "kind": "ConfigMap"}
    world.apply(external_secret("cm", target={"name": "cm", "manifest": manifest}))
    world.until("ExternalSecret", "cm", "False", "SecretSyncedError")
    assert 'a target of kind "ConfigMap" is not supported' in world.ready("ExternalSecret", "cm")[2]
    eventually(
        lambda: any(
            name == "cm" and reason == "UpdateFailed" for name, reason, _ in world.events()
        ),
        "an Event",
    )
