"""deploy/controller: what kustomize renders is valid, hardened, and starts this controller."""

from typing import Any

import pytest

from provider import __version__
from provider.controller.config import Config
from provider.controller.kinds import GENERATORS
from tests.deploy import manifests
from tests.deploy.controller_chart import started_with

BASE = manifests.rendered(manifests.DEPLOY / "controller" / "base")
SCOPED = manifests.rendered(manifests.DEPLOY / "controller" / "overlays" / "scoped")
SECOND = manifests.rendered(manifests.DEPLOY / "controller" / "overlays" / "second")
WHOLE = manifests.rendered(manifests.DEPLOY / "controller")
RENDERED = {"base": BASE, "scoped": SCOPED, "second": SECOND}
ACCOUNT = "secrets-controller-aws"


def pod(found: tuple[manifests.Document, ...]) -> Any:
    return manifests.only(found, "Deployment")["spec"]["template"]["spec"]


def config(found: tuple[manifests.Document, ...]) -> Config:
    """The settings that the container starts with."""
    [container] = pod(found)["containers"]
    return started_with(container)


@pytest.mark.parametrize("version", manifests.KUBERNETES)
@pytest.mark.parametrize("name", RENDERED)
def test_everything_is_valid(name: str, version: str) -> None:
    for document in RENDERED[name]:
        manifests.validate(document, version)


@pytest.mark.parametrize("name", RENDERED)
def test_the_container_is_confined(name: str) -> None:
    found = pod(RENDERED[name])
    assert found["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "volumes"} & found.keys()
    [container] = found["containers"]
    assert container["securityContext"] == {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= container["resources"].keys()


@pytest.mark.parametrize("found", [*RENDERED.values(), WHOLE], ids=[*RENDERED, "whole"])
def test_the_image_is_of_the_version_of_this_tree(found: tuple[manifests.Document, ...]) -> None:
    [container] = pod(found)["containers"]
    assert container["image"] == f"secrets-provider-aws:{__version__}"


@pytest.mark.parametrize("name", RENDERED)
def test_probes_and_ports_are_those_of_the_options(name: str) -> None:
    settings, [container] = config(RENDERED[name]), pod(RENDERED[name])["containers"]
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert settings.metrics_addr == ("", ports["metrics"])
    assert settings.live_addr == ("", ports["live"])
    for probe, path in (
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ):
        assert container[probe]["httpGet"] == {"path": path, "port": "live"}


@pytest.mark.parametrize("name", RENDERED)
def test_the_lease_is_where_the_role_allows_it(name: str) -> None:
    settings = config(RENDERED[name])
    assert settings.lease_namespace == "metadata.namespace"
    assert settings.pod_name == "metadata.name"
    [role] = [
        one
        for one in manifests.of_kind(RENDERED[name], "Role")
        if one["metadata"]["name"].endswith("-leader")
    ]
    assert role["metadata"]["namespace"] == "external-secrets"
    assert role["rules"][1]["resourceNames"] == [settings.leader_election_id]


def test_a_second_controller_shares_nothing_with_the_first() -> None:
    assert config(SECOND).controller_class == "second"
    assert config(SECOND).leader_election_id != config(BASE).leader_election_id
    names = [{(one["kind"], one["metadata"]["name"]) for one in found} for found in (BASE, SECOND)]
    assert not names[0] & names[1]
    labels = [manifests.only(found, "Deployment")["spec"]["selector"] for found in (BASE, SECOND)]
    assert labels[0] != labels[1]


def test_two_replicas_share_the_work_by_a_lease() -> None:
    assert manifests.only(BASE, "Deployment")["spec"]["replicas"] == 2
    assert config(BASE).enable_leader_election


def test_the_whole_has_the_crds() -> None:
    crds = list(manifests.of_kind(WHOLE, "CustomResourceDefinition"))
    assert len(crds) == 4 + len(GENERATORS)


def test_scoped_there_is_no_right_for_the_cluster() -> None:
    kinds = {one["kind"] for one in SCOPED}
    assert not [one for one in kinds if one.startswith("Cluster")]
    assert config(SCOPED).namespace == "$(POD_NAMESPACE)"


def for_people(role: manifests.Document) -> bool:
    """Whether a role adds to Kubernetes's own roles view and edit."""
    return any("aggregate-to" in label for label in role["metadata"]["labels"])


def test_who_may_edit_a_namespace_may_edit_its_resources_and_no_others() -> None:
    roles = {one["metadata"]["name"]: one for one in BASE if for_people(one)}
    view, edit = roles["secrets-controller-aws-view"], roles["secrets-controller-aws-edit"]
    for role, verbs in ((view, {"get", "list", "watch"}), (edit, {"create", "patch", "delete"})):
        for rule in role["rules"]:
            assert verbs <= set(rule["verbs"])
    written = {resource for rule in edit["rules"] for resource in rule["resources"]}
    assert {"externalsecrets", "secretstores", "passwords"} <= written
    assert not [one for one in written if one.startswith("cluster")]


@pytest.mark.parametrize("name", RENDERED)
def test_what_has_a_status_can_be_read_again_after_a_conflict(name: str) -> None:
    [role] = [
        one
        for one in RENDERED[name]
        if "Role" in one["kind"] and "rules" in one
        if one["metadata"]["name"].endswith(ACCOUNT)
    ]
    by_resource: dict[str, set[str]] = {}
    for rule in role["rules"]:
        for resource in rule["resources"]:
            by_resource.setdefault(resource, set()).update(rule["verbs"])
    written = {one.partition("/")[0] for one in by_resource if one.endswith("/status")}
    assert {"externalsecrets", "secretstores", "pushsecrets"} <= written
    assert [one for one in written if "get" not in by_resource[one]] == []


@pytest.mark.parametrize("name", ["scoped", "second"])
def test_a_namespace_of_others_is_neither_changed_nor_deleted(name: str) -> None:
    assert not list(manifests.of_kind(RENDERED[name], "Namespace"))


@pytest.mark.parametrize("name", RENDERED)
def test_no_right_is_for_everything(name: str) -> None:
    kinds = ("Role", "ClusterRole")
    own = [one for one in RENDERED[name] if one["kind"] in kinds and not for_people(one)]
    rules = [rule for one in own for rule in one["rules"]]
    for rule in rules:
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
    written = {
        resource
        for rule in rules
        for resource in rule["resources"]
        if set(rule["verbs"]) - {"get", "list", "watch"}
    }
    assert not written & {"namespaces", "configmaps", "serviceaccounts"}
