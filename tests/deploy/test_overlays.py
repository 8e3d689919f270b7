"""deploy/daemonset's overlays and components: valid, as hardened as the default, and no more."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from provider import __version__
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE
from tests.deploy import manifests, policy
from tests.deploy.conftest import Start
from tests.serve_options import parse

DAEMONSET = manifests.DEPLOY / "daemonset"
PROVIDERS = "/var/run/secrets-store-csi-providers"
PODS = "/var/lib/kubelet/pods"
DEFAULT = manifests.rendered(DAEMONSET)
WRITES = manifests.rendered(DAEMONSET / "overlays" / "provider-writes")
ONE = manifests.rendered(DAEMONSET / "overlays" / "one-daemonset")
BEFORE_TOKENS_IN_SECRETS = {"1.28"}
RENDERED = {"default": DEFAULT, "provider-writes": WRITES, "one-daemonset": ONE}
ALL = [document for found in RENDERED.values() for document in found]


def pod(found: tuple[manifests.Document, ...]) -> dict[str, Any]:
    [spec] = manifests.pods(found)
    return dict(spec)


def container(found: tuple[manifests.Document, ...], name: str) -> dict[str, Any]:
    [one] = [one for one in pod(found)["containers"] if one["name"] == name]
    return dict(one)


def with_component(folder: Path, base: str, component: str) -> tuple[manifests.Document, ...]:
    """What an overlay of one's own renders that adds a component."""
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(DAEMONSET / base, folder.resolve())],
        "components": [os.path.relpath(DAEMONSET / "components" / component, folder.resolve())],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return manifests.rendered(folder)


@pytest.mark.parametrize("version", manifests.KUBERNETES)
def test_everything_is_valid(version: str) -> None:
    for document in ALL:
        # It needs the component tokens-in-attributes there, which has a test of its own.
        if document["kind"] != "CSIDriver" or version not in BEFORE_TOKENS_IN_SECRETS:
            manifests.validate(document, version)


def test_before_kubernetes_1_35_a_component_removes_the_field_that_it_does_not_know(
    tmp_path: Path,
) -> None:
    found = with_component(tmp_path, "overlays/one-daemonset", "tokens-in-attributes")
    driver = manifests.only(found, "CSIDriver")
    assert "serviceAccountTokenInSecrets" not in driver["spec"]
    for version in manifests.KUBERNETES:
        manifests.validate(driver, version)


@pytest.mark.parametrize("name", RENDERED)
def test_the_provider_is_hardened_in_each(name: str) -> None:
    assert policy.violations(RENDERED[name]) == []


@pytest.mark.parametrize("name", RENDERED)
def test_each_starts_the_version_of_this_tree(name: str) -> None:
    image = policy.provider(pod(RENDERED[name]))["image"]
    assert image == f"secrets-provider-aws:{__version__}"


def test_each_runs_and_mounts(start: Start) -> None:
    # The default runs in test_rights.
    default, one = (container(found, "provider") for found in (DEFAULT, ONE))
    assert (one["args"], one["env"]) == (default["args"], default["env"])
    assert start(container(WRITES, "provider")).files() == {"db": b"value"}


def test_only_the_mode_that_writes_sees_the_pods_of_the_node() -> None:
    assert policy.host_paths(pod(DEFAULT)) == {PROVIDERS: PROVIDERS}
    assert policy.host_paths(pod(WRITES)) == {PROVIDERS: PROVIDERS, PODS: PODS}
    assert not parse(container(WRITES, "provider")["args"], {}).driver_writes_secrets


def test_what_the_driver_mounts_shows_where_the_provider_writes_and_nothing_goes_back() -> None:
    [mount] = [
        one for one in container(WRITES, "provider")["volumeMounts"] if one["name"] == "pods"
    ]
    assert mount["mountPropagation"] == "HostToContainer"


def test_in_one_daemonset_the_socket_is_the_pod_s_alone() -> None:
    assert policy.host_paths(pod(ONE)) == {}
    volumes = {one["name"]: one for one in pod(ONE)["volumes"]}
    shared = {
        name: [
            one["name"] for one in container(ONE, name)["volumeMounts"] if PROVIDERS in one.values()
        ]
        for name in ("provider", "secrets-store")
    }
    assert shared == {"provider": ["providers"], "secrets-store": ["providers"]}
    assert "emptyDir" in volumes["providers"]
    assert f"--provider-volume={PROVIDERS}" in container(ONE, "secrets-store")["args"]
    assert str(parse(container(ONE, "provider")["args"], {}).provider_volume) == PROVIDERS


def test_in_one_daemonset_the_driver_alone_is_privileged() -> None:
    privileged = [
        one["name"]
        for one in pod(ONE)["containers"]
        if one.get("securityContext", {}).get("privileged")
    ]
    assert privileged == ["secrets-store"]


def test_in_one_daemonset_no_node_has_two_drivers_at_a_time() -> None:
    daemonset = manifests.only(ONE, "DaemonSet")
    assert daemonset["spec"]["updateStrategy"]["rollingUpdate"] == {
        "maxSurge": 0,
        "maxUnavailable": 1,
    }


def test_in_one_daemonset_the_driver_is_registered_where_it_listens() -> None:
    [mounted] = [one for one in pod(ONE)["volumes"] if one["name"] == "plugin"]
    registration = f"--kubelet-registration-path={mounted['hostPath']['path']}/csi.sock"
    assert registration in container(ONE, "node-driver-registrar")["args"]
    for name in ("secrets-store", "node-driver-registrar", "liveness-probe"):
        assert {"name": "plugin", "mountPath": "/csi"} in container(ONE, name)["volumeMounts"]


def test_in_one_daemonset_no_port_is_taken_twice() -> None:
    ports = [port for one in pod(ONE)["containers"] for port in one.get("ports", [])]
    assert len({port["containerPort"] for port in ports}) == len(ports)
    assert len({port["name"] for port in ports}) == len(ports)


def test_the_driver_is_asked_for_both_tokens_and_for_rotation() -> None:
    driver = manifests.only(ONE, "CSIDriver")
    assert driver["metadata"]["name"] == "secrets-store.csi.k8s.io"
    assert driver["spec"]["tokenRequests"] == [
        {"audience": STS_AUDIENCE},
        {"audience": POD_IDENTITY_AUDIENCE},
    ]
    assert driver["spec"]["requiresRepublish"]
    assert driver["spec"]["podInfoOnMount"]
    assert not driver["spec"]["attachRequired"]
    assert driver["spec"]["serviceAccountTokenInSecrets"]


def test_the_driver_s_role_is_its_own_and_reads_no_secret() -> None:
    granted = policy.granted(ONE, "secrets-store-csi-driver")
    assert not {resource for _, resource, _ in granted} & {"secrets", "serviceaccounts/token"}
    assert policy.granted(ONE, "secrets-provider-aws") == policy.granted(
        DEFAULT, "secrets-provider-aws"
    )


def test_both_roles_are_bound_to_the_one_account() -> None:
    bindings = list(manifests.of_kind(ONE, "ClusterRoleBinding"))
    assert {one["roleRef"]["name"] for one in bindings} == {
        "secrets-provider-aws",
        "secrets-store-csi-driver",
    }
    subjects = [one["subjects"] for one in bindings]
    assert subjects[0] == subjects[1]
    assert pod(ONE)["serviceAccountName"] == subjects[0][0]["name"]


def test_the_definitions_take_the_fields_that_the_examples_are_held_against() -> None:
    definitions = {
        one["spec"]["names"]["kind"]: one for one in ONE if "names" in one.get("spec", {})
    }
    assert set(definitions) == {"SecretProviderClass", "SecretProviderClassPodStatus"}
    stored = definitions["SecretProviderClass"]["spec"]["versions"][0]
    assert (stored["name"], stored["storage"]) == ("v1", True)
    spec = stored["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    known = manifests.SECRET_PROVIDER_CLASS["properties"]["spec"]["properties"]
    assert set(spec) == set(known)
    synced = spec["secretObjects"]["items"]["properties"]
    assert set(synced) == set(known["secretObjects"]["items"]["properties"])


@pytest.mark.parametrize("base", [".", "overlays/one-daemonset"])
def test_events_are_written_only_where_asked_for(tmp_path: Path, base: str) -> None:
    found = with_component(tmp_path, base, "events")
    more = policy.granted(found, "secrets-provider-aws") - policy.granted(
        DEFAULT, "secrets-provider-aws"
    )
    assert more == {("", "events", "create"), ("", "events", "patch")}
    assert parse(policy.provider(pod(found))["args"], {}).events
    assert not parse(container(DEFAULT, "provider")["args"], {}).events


def test_secrets_are_the_driver_s_only_where_asked_for(tmp_path: Path) -> None:
    found = with_component(tmp_path, "overlays/one-daemonset", "kubernetes-secrets")
    more = policy.granted(found, "secrets-store-csi-driver") - policy.granted(
        ONE, "secrets-store-csi-driver"
    )
    assert {resource for _, resource, _ in more} == {"secrets"}
    assert policy.granted(found, "secrets-provider-aws") == policy.granted(
        DEFAULT, "secrets-provider-aws"
    )
