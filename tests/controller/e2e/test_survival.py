"""What the controller survives."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.controller.e2e.relay import Relay
from tests.controller.e2e.test_lifecycle import (
    REGION,
    STORE,
    external_secret,
    ready_world,
    synced,
)
from tests.controller.e2e.world import World, a_world
from tests.waiting import eventually

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


def lease(world: World) -> Any:
    path = LEASES.format(world.namespace) + "/external-secrets-controller"
    return world.cluster.do("GET", path)["spec"]


def test_killed_it_goes_on_where_it_was(world: World) -> None:
    ready_world(world)
    names = [f"es-{number}" for number in range(20)]
    for name in names:
        world.apply(external_secret(name))
    world.stop(signal.SIGKILL)
    world.start()
    for name in names:
        synced(world, name)
        assert world.data(name) == {"password": "p-1"}


def test_it_outlives_an_api_server_that_is_away(world: World) -> None:
    parts = urlsplit(world.address.url)
    with Relay((parts.hostname or "", parts.port or 0)) as relay:
        world.url = f"https://127.0.0.1:{relay.port}"
        ready_world(world).apply(external_secret())
        synced(world)
        relay.cut()
        eventually(lambda: any("no longer the leader" in one for one in world.log), "the loss", 30)
        world.apply(external_secret("later"))
        world.delete("Secret", "db")
        relay.restore()
        synced(world, "later")
        eventually(lambda: world.data("db") == {"password": "p-1"}, "the Secret again")
        assert sum("all objects are known" in one for one in world.log) == 2


def test_one_that_loses_its_lease_stops_and_another_takes_over(world: World) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    path = LEASES.format(world.namespace) + "/external-secrets-controller"
    change = {"spec": {"holderIdentity": "somebody-else", "renewTime": None}}
    world.cluster.do("PATCH", path, change, "application/merge-patch+json")
    eventually(lambda: any("no longer the leader" in one for one in world.log), "the loss")
    world.delete("Secret", "db")
    world.apply(external_secret("later"))
    assert world.get("ExternalSecret", "later").get("status") is None
    assert lease(world)["holderIdentity"] == "somebody-else"
    eventually(lambda: lease(world)["holderIdentity"] == "controller-0", "its turn again", 40)
    synced(world, "later")
    eventually(lambda: world.data("db") == {"password": "p-1"}, "the Secret again")


def test_stopped_it_gives_back_the_lease_and_another_works_at_once(world: World) -> None:
    ready_world(world)
    with a_world(
        world.folder, world.address, world.cluster, world.namespace, "--pod-name=controller-1"
    ) as other:
        other.aws.cloud.put_secret("db", '{"password": "other"}', region=REGION)
        other.aws.cloud.sessions |= world.aws.cloud.sessions
        other.start_waiting()
        assert world.stop() == 0
        eventually(lambda: lease(world)["holderIdentity"] == "controller-1", "the other one", 10)
        other.apply(external_secret())
        synced(world)
        assert world.data("db") == {"password": "other"}


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
    rule = {"apiGroups": ["external-secrets.io"], "apiVersions": ["v1"], "operations": ["CREATE"]}
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
    world.cluster.apply(path, {**kind, "metadata": {"name": name}, "webhooks": [webhook]})
    try:
        world.start()
        assert any(
            f"kubectl delete validatingwebhookconfiguration {name}" in one for one in world.log
        )
        spec = {
            "namespaces": [world.namespace],
            "externalSecretSpec": json.loads(external_secret())["spec"],
        }
        about = {"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret"}
        world.apply(json.dumps({**about, "metadata": {"name": "ces"}, "spec": spec}))
        world.until("ClusterExternalSecret", "ces", "False", "", "one or more namespaces failed: ")
        assert "webhook" in world.ready("ClusterExternalSecret", "ces")[2]
    finally:
        world.cluster.do("DELETE", f"{path}/{name}")


def test_a_changed_template_is_rendered_at_once(world: World) -> None:
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
