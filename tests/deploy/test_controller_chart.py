"""deploy/chart/secrets-controller-aws: what helm renders is valid and starts this controller."""

import copy
import json
import re
from typing import Any

import jsonschema
import pytest
import yaml

from provider import __version__
from provider.policy.file import parse_rules
from tests.deploy import manifests
from tests.deploy.chart import at
from tests.deploy.controller_chart import (
    CHART,
    LEAVES,
    MATRIX,
    NAME,
    SCHEMA,
    VALUES,
    WITHOUT_CRDS,
    config,
    container,
    pod,
    rendered,
    template,
)

CRDS = {
    one["metadata"]["name"]: one
    for path in (manifests.DEPLOY / "crds").glob("*s.yaml")
    for one in manifests.documents(path)
}


def only(case: str, kind: str, name: str = "") -> Any:
    """The document of a kind, and of a name if there are several."""
    found = list(manifests.of_kind(rendered(case), kind))
    [one] = [one for one in found if not name or one["metadata"]["name"] == name]
    return one


def names(case: str, kind: str) -> set[str]:
    return {one["metadata"]["name"] for one in manifests.of_kind(rendered(case), kind)}


# ---- values


def test_the_schema_knows_every_value_and_no_other() -> None:
    jsonschema.validate(VALUES, SCHEMA)
    assert set(SCHEMA["properties"]) == set(VALUES)
    assert not SCHEMA["additionalProperties"]
    for name, about in SCHEMA["properties"].items():
        if not about.get("additionalProperties", True) and "properties" in about:
            assert set(about["properties"]) == set(VALUES[name]), name


def test_a_wrong_type_is_refused() -> None:
    validator = jsonschema.Draft7Validator(SCHEMA)
    for path in LEAVES:
        values = copy.deepcopy(VALUES)
        *folders, name = path
        inner = values
        for step in folders:
            inner = inner[step]
        inner[name] = "text" if isinstance(inner[name], dict) else {"a": {"map": [1]}}
        assert not validator.is_valid(values), path


def test_every_value_is_in_the_matrix() -> None:
    untried = [
        path for path in LEAVES if all(at(path, values) is None for values in MATRIX.values())
    ]
    assert untried == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replicacount": 2}, "replicacount"),
        ({"storeRequeueInterval": "5 minutes"}, "storeRequeueInterval"),
        ({"metrics": {"listen": {"secure": {"enabled": True}}}}, "metrics are served over HTTP"),
        ({"genericTargets": {"enabled": True}}, "Secrets only"),
        ({"scopedRBAC": True}, "needs scopedNamespace"),
        ({"image": {"repository": "ghcr.io/external-secrets/external-secrets"}}, "image of Ext"),
        ({"leaderElect": False}, "two replicas would write the same Secrets"),
        ({"policy": {"rules": [{"name": "a", "namespaces": ["b"]}], "configMap": "c"}}, "either"),
        ({"serviceMonitor": {"enabled": True, "renderMode": "failIfMissing"}}, "no ServiceMon"),
    ],
)
def test_what_cannot_work_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(manifests.HelmRefused, match=said):
        template(WITHOUT_CRDS | values)


def _optional_as_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Every value that the schema does not require, taken away as `null`."""
    required = schema.get("required", ())
    return {
        name: _optional_as_null(about) if name in required else None
        for name, about in schema["properties"].items()
        if name not in required or "properties" in about
    }


def test_what_the_schema_does_not_require_may_be_taken_away() -> None:
    for document in template(_optional_as_null(SCHEMA)):
        for version in manifests.KUBERNETES:
            manifests.validate(document, version)


@pytest.mark.parametrize("name", ["image", "metrics", "leaderElect"])
def test_what_the_chart_cannot_do_without_is_not_taken_away(name: str) -> None:
    with pytest.raises(manifests.HelmRefused, match=f"missing property '{name}'"):
        template({name: None})


# ---- what is rendered


@pytest.mark.parametrize("case", MATRIX)
def test_everything_is_valid(case: str) -> None:
    for document in rendered(case):
        for version in manifests.KUBERNETES:
            if document["kind"] != "CustomResourceDefinition":
                manifests.validate(document, version)


def test_by_default_it_is_what_kustomize_renders() -> None:
    by_kustomize = {
        (one["kind"], one["metadata"]["name"]): one
        for one in manifests.rendered(manifests.DEPLOY / "controller" / "base")
        if one["kind"] != "Namespace"
    }
    by_helm = {
        (one["kind"], one["metadata"]["name"]): one
        for one in rendered("default")
        if one["kind"] != "CustomResourceDefinition"
    }
    # Only by Helm: for an operator of service bindings.
    del by_helm["ClusterRole", f"{NAME}-servicebindings"]
    assert by_helm.keys() == by_kustomize.keys()
    for key, one in by_helm.items():
        assert _bare(one) == _bare(by_kustomize[key]), key


def _bare(document: manifests.Document) -> Any:
    """Without the labels of each tool, and with Kubernetes's own defaults."""
    bare = json.loads(json.dumps(document))
    bare["metadata"]["labels"] = {
        name: value
        for name, value in bare["metadata"]["labels"].items()
        if name.startswith("rbac.authorization")
    }
    if bare["kind"] == "PodDisruptionBudget":
        del bare["spec"]["selector"]
    if bare["kind"] == "Deployment":
        del bare["spec"]["selector"], bare["spec"]["template"]["metadata"]["labels"]
        bare["spec"].pop("revisionHistoryLimit", None)
        spec = bare["spec"]["template"]["spec"]
        del spec["topologySpreadConstraints"][0]["labelSelector"]
        spec["containers"][0].pop("imagePullPolicy", None)
    return bare


def test_the_crds_are_the_generated_ones_and_stay() -> None:
    found = {one["metadata"]["name"]: one for one in manifests.of_kind(rendered("default"), CRD)}
    assert {name: one["spec"] for name, one in found.items()} == {
        name: one["spec"] for name, one in CRDS.items()
    }
    for name, one in found.items():
        assert one["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert CRDS[name]["metadata"]["labels"].items() <= one["metadata"]["labels"].items()


CRD = "CustomResourceDefinition"


def test_crds_of_the_whole_cluster_may_be_left_out_and_go_with_the_release() -> None:
    assert names("operator", CRD) == {name for name in CRDS if not name.startswith("cluster")}
    for one in manifests.of_kind(rendered("operator"), CRD):
        assert one["metadata"]["annotations"] == {"argocd.argoproj.io/sync-wave": "-1"}
    assert not names("scoped", CRD)


def test_the_operators_values_reach_the_controller() -> None:
    found = config("operator")
    assert (found.controller_class, found.concurrent) == ("prod", 5)
    assert found.store_requeue_interval == 60
    assert not found.enable_leader_election
    assert not found.enable_secret_store_reconciler
    assert not found.enable_cluster_store_reconciler
    assert not found.enable_cluster_external_secret_reconciler
    assert not found.has_cluster_generators
    assert not config("watched").unused_kinds ^ {
        "ClusterGenerator",
        "PushSecret",
        "ClusterPushSecret",
    }
    assert not found.enable_flood_gate
    assert found.enable_extended_metric_labels
    assert (found.client_qps, found.loglevel) == (1000000, "error")
    assert (found.metrics_addr, found.live_addr) == (("", 9080), ("", 9082))
    probe = container("operator")["livenessProbe"]
    assert probe["httpGet"] == {"path": "/healthz", "port": "live"}
    assert (probe["failureThreshold"], probe["periodSeconds"]) == (9, 20)
    assert "address" not in probe
    assert pod("operator")["serviceAccountName"] == "eso"
    account = only("operator", "ServiceAccount")["metadata"]
    assert account["annotations"] == MATRIX["operator"]["serviceAccount"]["annotations"]
    assert account["labels"]["team"] == "platform"
    # One replica cannot be kept available while its node is drained.
    assert not names("operator", "PodDisruptionBudget")


def test_names_may_look_like_numbers() -> None:
    values = {
        **MATRIX["watched"],
        "nameOverride": "3",
        "namespaceOverride": "2",
        "scopedNamespace": "2024",
        "scopedRBAC": True,
        "serviceAccount": {"name": "4"},
        "leaderElectionID": "5",
        "policy": {"configMap": "6"},
        "priorityClassName": "7",
        "podDisruptionBudget": {"nameOverride": "8"},
    }
    for document in template(values, release="1e3"):
        manifests.validate(document, manifests.KUBERNETES[-1])


def test_a_long_name_leaves_room_for_the_suffix_of_the_service() -> None:
    found = template(MATRIX["operator"] | WITHOUT_CRDS, release="r" * 53)
    assert len(manifests.only(found, "Service")["metadata"]["name"]) <= 63


def test_extra_arguments_keep_their_value() -> None:
    values = {"extraArgs": {"large": 1000000, "share": 0.5, "off": False, "text": "2.50"}}
    found = template(WITHOUT_CRDS | values)
    [one] = manifests.only(found, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert one["args"][1:] == ["--large=1000000", "--off=false", "--share=0.5", "--text=2.50"]


def test_by_default_the_options_are_the_controllers_own() -> None:
    assert container("default")["args"] == ["controller"]
    assert container("default")["image"] == f"secrets-provider-aws:{__version__}"
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (about["version"], about["appVersion"]) == (__version__, __version__)


def test_scoped_all_rights_are_in_one_namespace() -> None:
    found = [one for one in rendered("scoped") if "Role" in one["kind"]]
    assert not [one for one in found if one["kind"].startswith("Cluster")]
    by_place = {(one["metadata"]["name"], one["metadata"]["namespace"]) for one in found}
    assert by_place == {(NAME, "shop"), (f"{NAME}-leader", "external-secrets")}
    by_kustomize = manifests.rendered(manifests.DEPLOY / "controller" / "overlays" / "scoped")
    [role] = [
        one for one in manifests.of_kind(by_kustomize, "Role") if one["metadata"]["name"] == NAME
    ]
    assert _granted(only("scoped", "Role", NAME)) == _granted(role) - TOKENS
    assert config("scoped").namespace == "shop"
    assert config("scoped").allow_node_role


TOKENS = {("", "serviceaccounts/token", "create")}


def _granted(role: manifests.Document) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_rights_end_with_what_is_not_worked_on() -> None:
    left = _granted(only("default", "ClusterRole", NAME)) - _granted(
        only("operator", "ClusterRole", "secrets-controller-aws")
    )
    group = "external-secrets.io"
    assert left == {
        *((group, "clustersecretstores", verb) for verb in ("get", "list", "watch", "patch")),
        *((group, "clusterexternalsecrets", verb) for verb in ("get", "list", "watch", "patch")),
        *((group, "externalsecrets", verb) for verb in ("create", "update", "delete")),
        (group, "clustersecretstores/status", "patch"),
        (group, "clusterexternalsecrets/status", "patch"),
        (group, "externalsecrets/finalizers", "update"),
        (group, "clusterexternalsecrets/finalizers", "update"),
        *(("generators." + group, "clustergenerators", verb) for verb in ("list", "watch")),
    }
    left = _granted(only("default", "ClusterRole", NAME)) - _granted(
        only("watched", "ClusterRole", NAME)
    )
    assert {resource for _, resource, _ in left} == {
        "clustergenerators",
        *(
            f"{kind}{part}"
            for kind in ("pushsecrets", "clusterpushsecrets")
            for part in ("", "/status")
        ),
    }


def test_placed_the_pod_is_as_it_is_asked_for() -> None:
    deployment, spec = only("placed", "Deployment"), pod("placed")
    assert deployment["metadata"]["name"] == "aws-secrets"
    assert {one["metadata"].get("namespace", "platform") for one in rendered("placed")} == {
        "platform"
    }
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert {"team": "platform", "zone": "a", "owner": "platform"}.items() <= labels.items()
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "pool": "system"}
    [spread] = spec["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == deployment["spec"]["selector"]["matchLabels"]
    assert spec["securityContext"]["fsGroup"] == 2000
    assert "enabled" not in {*spec["securityContext"], *container("placed")["securityContext"]}
    assert spec["tolerations"] == [{"key": "system", "operator": "Exists"}]
    assert spec["affinity"] == {"podAntiAffinity": {}}
    assert spec["imagePullSecrets"] == [{"name": "all"}]
    assert spec["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert (spec["schedulerName"], spec["runtimeClassName"]) == ("mine", "gvisor")
    assert spec["shareProcessNamespace"]
    assert (spec["terminationGracePeriodSeconds"], spec["enableServiceLinks"]) == (60, False)
    assert container("placed")["image"] == f"registry.example/all@sha256:{'ab' * 32}"
    assert only("placed", "PodDisruptionBudget")["spec"]["maxUnavailable"] == "50%"
    assert names("placed", "ConfigMap") == {f"{NAME}-more"}


def test_openshift_chooses_the_ids() -> None:
    values = {"global": {"compatibility": {"openshift": {"adaptSecurityContext": "force"}}}}
    found = template(WITHOUT_CRDS | values)
    spec = manifests.only(found, "Deployment")["spec"]["template"]["spec"]
    assert not {"runAsUser", "runAsGroup"} & spec["securityContext"].keys()
    assert spec["securityContext"]["runAsNonRoot"]


def test_the_lease_is_the_one_that_the_role_allows() -> None:
    for case in ("default", "watched"):
        role = only(case, "Role", f"{NAME}-leader")
        assert role["rules"][1]["resourceNames"] == [config(case).leader_election_id]
    assert config("watched").leader_election_id == "audited-controller"


def test_limits_and_the_audit_log_reach_the_controller() -> None:
    found = config("watched")
    assert found.allowed_regions == ("eu-*",)
    assert found.allowed_accounts == ("111122223333",)
    assert found.allowed_role_arns == ("*:role/eso-*",)
    assert found.audit_log
    rules = only("watched", "ConfigMap", f"{NAME}-policy")
    (rule,) = parse_rules(rules["data"]["policy.yaml"])
    assert rule.secret_names == ("shop/*",)
    [mount] = container("watched")["volumeMounts"]
    [volume] = pod("watched")["volumes"]
    assert volume["configMap"]["name"] == rules["metadata"]["name"]
    assert str(found.policy_file) == f"{mount['mountPath']}/policy.yaml"
    assert "subPath" not in mount


def test_prometheus_and_grafana_find_it() -> None:
    labels = only("watched", "Deployment")["spec"]["template"]["metadata"]["labels"]
    service, monitor = only("watched", "Service"), only("watched", "ServiceMonitor")
    assert service["spec"]["selector"].items() <= labels.items()
    chosen = monitor["spec"]["selector"]["matchLabels"].items()
    assert chosen <= service["metadata"]["labels"].items()
    assert monitor["spec"]["namespaceSelector"]["matchNames"] == ["external-secrets"]
    assert monitor["metadata"]["namespace"] == "monitoring"
    originals = yaml.safe_load((manifests.DEPLOY / "alerts" / f"{NAME}.yaml").read_text())
    by_chart = only("watched", "PrometheusRule")["spec"]["groups"]
    name = re.compile(r'job=~?\\"[^"]*\\"')
    found, expected = (
        name.sub("", json.dumps(one, sort_keys=True)) for one in (by_chart, originals["groups"])
    )
    assert found == expected
    assert f'job=\\"{NAME}\\"' in json.dumps(by_chart)
    dashboard = manifests.DEPLOY / "dashboards" / f"{NAME}.json"
    config_map = only("watched", "ConfigMap", f"{NAME}-dashboard")
    assert config_map["data"] == {dashboard.name: dashboard.read_text()}
    assert config_map["metadata"]["labels"]["dashboards"] == "yes"


def test_without_the_operator_there_are_rights_only() -> None:
    kinds = {one["kind"] for one in rendered("rights only")}
    assert kinds == {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}
    [subject] = only("rights only", "ClusterRoleBinding")["subjects"]
    assert subject["name"] == "mine"


def test_the_notes_say_what_has_no_effect() -> None:
    unused = {"webhook": {"create": True}, "certController": {"create": True}}
    found = manifests.notes(CHART, WITHOUT_CRDS | unused | {"crds": {"createPushSecret": True}})
    assert "Accepted without effect: webhook, certController." in found
    assert "PushSecrets are not worked on" in found
    assert "image.repository has no registry" in found
    image = {"repository": "registry.example/spa"}
    quiet = manifests.notes(CHART, {"image": image, "crds": {"keep": False}})
    assert "registry" not in quiet
    assert "without effect" not in quiet
    assert "helm uninstall deletes all" in quiet
