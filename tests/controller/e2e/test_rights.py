"""The controller has all the rights that it needs: it runs with those that deploy/ gives it.

Those of the chart are those of deploy/controller: tests/deploy/test_controller_chart.py.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
import yaml

from testbed import faults
from testbed.cluster import ClusterClient
from tests.controller.e2e.test_lifecycle import REGION, STORE, SYNCED, external_secret
from tests.controller.e2e.world import PLURALS, Process, World
from tests.deploy import manifests
from tests.deploy.controller_chart import MATRIX, WITHOUT_CRDS, rendered, template
from tests.deploy.manifests import Document
from tests.waiting import eventually

HOME = "external-secrets"
ACCOUNT = "secrets-controller-aws"
RULES = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


def start_with_rights_of(world: World, found: Sequence[Document], *flags: str) -> None:
    """Apply what is about rights, and run as the ServiceAccount."""
    world.cluster.make_namespace(HOME)
    world.apply(yaml.safe_dump_all([dict(one) for one in found if one["kind"] in RULES]))
    account = manifests.only(found, "ServiceAccount")["metadata"]["name"]
    world.token = world.cluster.service_account_token(HOME, account)
    # The next controller there waits for the end of the Lease of one that was killed.
    world.flags = (f"--lease-namespace={HOME}", "--lease-duration=3s", *flags)
    world.start()


def refusals(world: World) -> list[str]:
    """What the log says of missing rights; not that a slow machine has lost its Lease."""
    lines = [line for line in world.log if "is the leader" not in line]
    return [line for line in lines if "cannot" in line or "forbidden" in line]


def test_the_cluster_role_is_enough_for_everything(own_world: World) -> None:
    world = own_world
    start_with_rights_of(world, rendered("default"))
    place = world.namespace
    world.keys(place, "keys", "id", "secret")
    world.role(place, "app")
    world.aws.cloud.put_secret("db", '{"password": "p-1"}', region=REGION)
    world.apply(STORE)
    jwt = yaml.safe_load(STORE)
    jwt["metadata"]["name"] = "jwt"
    jwt["spec"]["provider"]["aws"]["auth"] = {"jwt": {"serviceAccountRef": {"name": "app"}}}
    world.apply(json.dumps(jwt))
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "templates"},
        "data": {"url": "db://{{ .password }}"},
    }
    world.apply(json.dumps(config_map))
    template = {"templateFrom": [{"configMap": {"name": "templates", "items": [{"key": "url"}]}}]}
    target = {"name": "a", "deletionPolicy": "Delete", "template": template}
    world.apply(external_secret("a", target=target))
    world.apply(external_secret("b", secretStoreRef={"name": "jwt"}))
    cluster_wide = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterExternalSecret",
        "metadata": {"name": "c"},
        "spec": {
            "namespaces": [place],
            "externalSecretSpec": json.loads(external_secret("c"))["spec"],
        },
    }
    world.apply(json.dumps(cluster_wide))
    for name in ("a", "b", "c"):
        world.until("ExternalSecret", name, *SYNCED)
    assert world.data("a") == {"url": "db://p-1"}
    world.patch("ExternalSecret", "b", {"spec": {"target": {"name": "b-2"}}})
    eventually(lambda: world.data("b-2") and world.data("b") is None, "the new name")
    for name in ("a", "b"):
        world.delete("ExternalSecret", name)
        eventually(lambda: world.get("ExternalSecret", name) is None, "deletion")  # noqa: B023
    world.delete("ClusterExternalSecret", "c")
    eventually(lambda: world.get("ExternalSecret", "c") is None, "garbage collection")
    eventually(lambda: ("a", "Created", "secret created") in world.events(), "an Event")
    assert refusals(world) == []


def test_scoped_it_works_with_rights_in_its_namespace_alone(own_world: World) -> None:
    world = own_world
    for name in ("clusterroles", "clusterrolebindings"):
        path = f"/apis/rbac.authorization.k8s.io/v1/{name}/{ACCOUNT}"
        world.cluster.ask("DELETE", path)
    scoped = manifests.rendered(manifests.DEPLOY / "controller" / "overlays" / "scoped")
    start_with_rights_of(world, scoped, f"--namespace={HOME}")
    world.keys(HOME, "keys", "id", "secret")
    world.aws.cloud.put_secret("db", '{"password": "p-1"}', region=REGION)
    world.apply(STORE, HOME)
    read = Event()
    world.aws.faults.inject(faults.held(read), operation="GetSecretValue")
    world.apply(external_secret("scoped", target={"name": "s", "deletionPolicy": "Delete"}), HOME)
    eventually(lambda: world.calls() > 0, "the value is asked for")
    # The status is written on a version of the object that is not the current one any more.
    world.patch("ExternalSecret", "scoped", {"metadata": {"labels": {"team": "shop"}}}, HOME)
    read.set()
    world.until("ExternalSecret", "scoped", *SYNCED, namespace=HOME)
    world.delete("ExternalSecret", "scoped", HOME)
    eventually(lambda: world.data("s", HOME) is None, "the end of the Secret")
    world.delete("SecretStore", "aws", HOME)
    assert refusals(world) == []


def test_two_releases_with_different_classes_work_in_one_namespace(
    own_world: World, tmp_path: Path
) -> None:
    world = own_world
    world.keys(world.namespace, "keys", "id", "secret")
    world.aws.cloud.put_secret("db", '{"password": "p-1"}', region=REGION)
    releases = []
    try:
        for name in ("one", "two"):
            release, folder = f"{name}-{world.namespace}"[:60], tmp_path / name
            folder.mkdir()
            values = {"controllerClass": release, "leaderElectionID": f"{release}-leader"}
            found = template({**WITHOUT_CRDS, **values, "fullnameOverride": release})
            deployment = manifests.only(found, "Deployment")
            [container] = deployment["spec"]["template"]["spec"]["containers"]
            other = replace(
                world, folder=folder, home=name, controller_class=release, process=Process()
            )
            releases.append(other)
            flags = (f"--pod-name={name}", *container["args"][1:])
            start_with_rights_of(other, found, *flags)
            store = yaml.safe_load(STORE)
            store["metadata"]["name"] = name
            other.apply(json.dumps(store))
            world.apply(external_secret(name, secretStoreRef={"name": name}))
        for name in ("one", "two"):
            world.until("ExternalSecret", name, *SYNCED)
            assert world.data(name) == {"password": "p-1"}
        for other, name in zip(releases, ("one", "two"), strict=True):
            synced = [json.loads(one) for one in other.log if '"synced"' in one]
            assert [one["external_secret"] for one in synced] == [name]
            assert refusals(other) == []
    finally:
        for other in releases:
            other.close()


@pytest.mark.parametrize("case", MATRIX)
def test_the_api_server_takes_what_the_chart_renders(cluster: ClusterClient, case: str) -> None:
    for one in rendered(case):
        if one["apiVersion"].startswith(("monitoring.", "apiextensions.")):
            continue  # not known here; applied as they are in deploy/crds
        about = one["metadata"]
        if "namespace" in about:
            cluster.make_namespace(about["namespace"])
        root = "api" if one["apiVersion"] == "v1" else "apis"
        place = f"/namespaces/{about['namespace']}" if "namespace" in about else ""
        plural = PLURALS.get(one["kind"]) or f"{one['kind'].lower()}s"
        path = f"/{root}/{one['apiVersion']}{place}/{plural}/{about['name']}"
        query = "fieldManager=helm&force=true&dryRun=All&fieldValidation=Strict"
        cluster.do("PATCH", f"{path}?{query}", one, "application/apply-patch+yaml")


def test_who_may_edit_a_namespace_may_edit_its_external_secrets(cluster: ClusterClient) -> None:
    roles = [one for one in rendered("default") if one["kind"] == "ClusterRole"]
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    for role in roles:
        cluster.apply(path, role)

    def resources(name: str) -> set[str]:
        rules = cluster.do("GET", f"{path}/{name}")["rules"]
        return {
            resource
            for rule in rules
            if "create" in rule["verbs"]
            for resource in rule["resources"]
        }

    eventually(lambda: {"externalsecrets", "secretstores"} <= resources("edit"), "aggregation")
    assert "externalsecrets" not in resources("view")
