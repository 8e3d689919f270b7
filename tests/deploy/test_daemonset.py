"""deploy/daemonset: what kustomize renders is valid, hardened, and starts this daemon."""

from typing import Any

import pytest

from tests.deploy import manifests, policy
from tests.serve_options import parse

RENDERED = manifests.rendered(manifests.DEPLOY / "daemonset")
DAEMONSET = manifests.only(RENDERED, "DaemonSet")
POD: dict[str, Any] = DAEMONSET["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
CONFIG = parse(CONTAINER["args"], {"NODE_NAME": "node-1"})


@pytest.mark.parametrize("version", manifests.KUBERNETES)
@pytest.mark.parametrize("document", RENDERED, ids=manifests.names(RENDERED))
def test_everything_is_valid(document: manifests.Document, version: str) -> None:
    manifests.validate(document, version)


def test_the_role_may_only_get_what_is_looked_up() -> None:
    rules = manifests.only(RENDERED, "ClusterRole")["rules"]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get"}
    assert {group for rule in rules for group in rule["apiGroups"]} == {""}
    assert {resource for rule in rules for resource in rule["resources"]} == {
        "serviceaccounts",
        "nodes",
    }


def test_the_role_is_bound_to_the_account_of_the_daemonset_alone() -> None:
    account = manifests.only(RENDERED, "ServiceAccount")["metadata"]
    binding = manifests.only(RENDERED, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == manifests.only(RENDERED, "ClusterRole")["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    ]
    assert POD["serviceAccountName"] == account["name"]
    assert DAEMONSET["metadata"]["namespace"] == account["namespace"]


def test_it_is_as_a_platform_team_asks() -> None:
    assert policy.violations(RENDERED) == []


def test_the_driver_s_folder_is_the_only_one_of_the_host() -> None:
    [volume] = POD["volumes"]
    [mount] = CONTAINER["volumeMounts"]
    assert volume["hostPath"] == {
        "path": "/var/run/secrets-store-csi-providers",
        "type": "DirectoryOrCreate",
    }
    assert mount == {"name": volume["name"], "mountPath": str(CONFIG.provider_volume)}


def test_every_linux_node_runs_it_before_anything_can_push_it_away() -> None:
    assert POD["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert POD["tolerations"] == [{"operator": "Exists"}]
    assert POD["priorityClassName"] == policy.PRIORITY


def test_an_update_starts_the_new_daemon_before_it_stops_the_old_one() -> None:
    rolling = DAEMONSET["spec"]["updateStrategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": "10%", "maxUnavailable": 0}


def test_the_pod_outlives_the_drain_and_the_drain_the_longest_mount() -> None:
    assert CONFIG.mount_timeout < CONFIG.drain_timeout < POD["terminationGracePeriodSeconds"] - 5


def test_probes_ask_where_the_daemon_listens() -> None:
    assert CONFIG.metrics_address is not None
    [port] = CONTAINER["ports"]
    assert port["containerPort"] == CONFIG.metrics_address[1]
    readiness = CONTAINER["readinessProbe"]["httpGet"]
    assert readiness == {"path": "/readyz", "port": port["name"]}


def test_liveness_does_not_depend_on_a_port_that_others_can_fill() -> None:
    for probe in ("startupProbe", "livenessProbe"):
        command = CONTAINER[probe]["exec"]["command"]
        folder = f"--provider-volume={CONFIG.provider_volume}"
        assert command == ["/usr/local/bin/secrets-provider-aws", "health", folder]
    assert CONTAINER["livenessProbe"]["terminationGracePeriodSeconds"] <= 10


def test_the_node_s_name_comes_from_the_downward_api() -> None:
    [variable] = CONTAINER["env"]
    assert variable["name"] == "NODE_NAME"
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert CONFIG.node_name == "node-1"


def test_requests_and_limits_are_set() -> None:
    resources = CONTAINER["resources"]
    assert resources["requests"] == {"cpu": "50m", "memory": "100Mi"}
    assert set(resources["limits"]) == {"cpu", "memory"}


def test_the_selector_finds_the_pods_and_never_changes() -> None:
    # A DaemonSet's selector is immutable: another value here breaks every upgrade.
    labels = DAEMONSET["spec"]["template"]["metadata"]["labels"]
    assert DAEMONSET["spec"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "secrets-provider-aws"
    }
    assert labels["app.kubernetes.io/name"] == "secrets-provider-aws"
