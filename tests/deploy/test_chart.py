"""deploy/chart: what helm renders is valid and hardened whatever the values."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from provider import __version__
from provider.policy.file import parse_rules
from tests.deploy import manifests, policy
from tests.deploy.chart import (
    CHART,
    MATRIX,
    MONITOR,
    PROVIDERS,
    RULES,
    UNHARDENED,
    config,
    environment,
    pod,
    rendered,
)
from tests.deploy.conftest import Start
from tests.deploy.test_alerts import promtool

NAME = "secrets-provider-aws"


@pytest.mark.parametrize("case", MATRIX)
def test_everything_is_valid(case: str) -> None:
    for version in manifests.KUBERNETES:
        for document in rendered(case):
            manifests.validate(document, version)


@pytest.mark.parametrize("case", [case for case in MATRIX if case not in UNHARDENED])
def test_it_is_as_a_platform_team_asks(case: str) -> None:
    assert policy.violations(rendered(case)) == []


@pytest.mark.parametrize("case", MATRIX)
def test_the_daemon_starts_with_what_it_is_given(case: str) -> None:
    mounted = {one["mountPath"] for one in policy.provider(pod(case))["volumeMounts"]}
    assert str(config(case).provider_volume) in mounted
    assert config(case).metrics_address == (
        "",
        pod(case)["containers"][0]["ports"][0]["containerPort"],
    )


def test_the_reference_s_values_run_the_daemon_and_mount(start: Start) -> None:
    assert start(policy.provider(pod("reference"))).files() == {"db": b"value"}


@pytest.mark.parametrize(
    ("values", "folder"),
    [({}, "."), ({"driverWritesSecrets": False}, "overlays/provider-writes")],
    ids=["default", "provider writes"],
)
def test_chart_and_kustomize_render_the_same(values: dict[str, Any], folder: str) -> None:
    by_kustomize = manifests.rendered(manifests.DEPLOY / "daemonset" / folder)
    by_helm = manifests.templated(CHART, values)
    assert len(by_helm) == len(by_kustomize)
    for document in by_helm:
        other = manifests.only(by_kustomize, document["kind"])
        assert without_labels(document) == without_labels(other)


def without_labels(document: manifests.Document) -> dict[str, Any]:
    """What does not depend on which tool it is by."""
    bare = copy.deepcopy(dict(document))
    del bare["metadata"]["labels"]
    if bare["kind"] == "DaemonSet":
        del bare["spec"]["selector"]
        del bare["spec"]["template"]["metadata"]["labels"]
        # Kubernetes's own default for an image with a tag.
        policy.provider(bare["spec"]["template"]["spec"]).pop("imagePullPolicy", None)  # type: ignore[attr-defined]  # a dict
    return bare


def test_the_chart_is_of_the_version_of_this_tree() -> None:
    for folder in (CHART, CHART.parent / "with-driver"):
        about = yaml.safe_load((folder / "Chart.yaml").read_text())
        assert (about["version"], about["appVersion"]) == (__version__, __version__)


def test_names_and_labels_of_one_s_own_reach_every_object() -> None:
    for document in rendered("named"):
        assert document["metadata"]["labels"]["owner"] == "platform"
    daemonset = manifests.only(rendered("named"), "DaemonSet")
    assert daemonset["metadata"]["name"] == "aws-secrets"
    assert daemonset["metadata"]["labels"]["app.kubernetes.io/name"] == "spa"
    assert pod("named")["serviceAccountName"] == "aws-secrets-account"
    binding = manifests.only(rendered("named"), "ClusterRoleBinding")
    assert binding["subjects"][0]["name"] == "aws-secrets-account"


@pytest.mark.parametrize(
    ("case", "image"),
    [
        ("default", f"secrets-provider-aws:{__version__}"),
        ("reference", "registry.example/secrets-provider-aws:1.2.3"),
        ("named", f"registry.example/spa@sha256:{'ab' * 32}"),
    ],
)
def test_a_digest_wins_over_a_tag_and_a_tag_over_the_chart_s_version(case: str, image: str) -> None:
    assert policy.provider(pod(case))["image"] == image


def test_what_is_looked_up_in_kubernetes_depends_on_the_values() -> None:
    account = ("", "serviceaccounts", "get")
    assert policy.granted(rendered("default"), NAME) == {account, ("", "nodes", "get")}
    assert policy.granted(rendered("aws"), NAME) == {account}
    assert policy.granted(rendered("watched"), NAME) == {
        account,
        ("", "nodes", "get"),
        ("", "events", "create"),
        ("", "events", "patch"),
    }
    assert (config("watched").events, config("watched").rotated_events) == (True, True)
    assert not config("default").events


def test_an_account_of_one_s_own_is_left_alone() -> None:
    assert {one["kind"] for one in rendered("own account")} == {"DaemonSet"}
    assert pod("own account")["serviceAccountName"] == "mine"


def test_the_provider_sees_the_pods_of_the_node_only_to_write_itself() -> None:
    assert policy.host_paths(pod("default")) == {PROVIDERS: PROVIDERS}
    assert config("default").driver_writes_secrets
    folder = "/etc/kubernetes/secrets-store-csi-providers"
    pods = "/data/kubelet/pods"
    assert policy.host_paths(pod("provider writes")) == {folder: folder, pods: pods}
    assert not config("provider writes").driver_writes_secrets
    assert str(config("provider writes").kubelet_path / "pods") == pods


def test_standard_variables_carry_what_concerns_aws() -> None:
    assert environment("default") == {}
    assert environment("aws") == {
        "AWS_REGION": "eu-west-1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "HTTPS_PROXY": "http://proxy:3128",
        "HTTP_PROXY": "http://proxy:80",
        "NO_PROXY": ".internal",
        "AWS_CA_BUNDLE": "/etc/secrets-provider-aws/ca/bundle.pem",
    }
    assert (config("aws").region, config("aws").pod_identity_http_timeout) == ("eu-west-1", 1.0)
    [mount] = [
        one for one in policy.provider(pod("aws"))["volumeMounts"] if one["name"] == "ca-bundle"
    ]
    [volume] = [one for one in pod("aws")["volumes"] if one["name"] == "ca-bundle"]
    assert (mount["mountPath"], mount["readOnly"]) == ("/etc/secrets-provider-aws/ca", True)
    assert volume["configMap"] == {"name": "company-ca"}


def test_the_daemon_is_tuned_by_values_or_arguments() -> None:
    tuned = config("tuned")
    assert tuned.rotation_poll_interval == 300
    assert tuned.cache_max_bytes == 32 * 1024 * 1024
    assert (tuned.log_level, tuned.log_format) == ("debug", "json")
    assert (tuned.qps, tuned.burst) == (1000000, 2000000)
    assert tuned.mount_workers == 64
    assert environment("tuned") == {"AWS_ENDPOINT_URL_STS": "https://sts.example"}
    assert {"name": "more", "emptyDir": {}} in pod("tuned")["volumes"]


def test_limits_audit_and_namespaces_reach_the_daemon() -> None:
    limited = config("limited")
    assert limited.allowed_regions == ("eu-*", "us-east-1")
    assert limited.allowed_accounts == ("111122223333",)
    assert limited.allowed_role_arns == ("arn:aws:iam::111122223333:role/*",)
    assert limited.metrics_namespaces == ("team-*", "shop")
    assert limited.audit_log
    assert not config("default").audit_log
    assert config("default").policy_file is None


def test_rules_of_namespaces_are_a_config_map_that_the_daemon_reads() -> None:
    configmap = manifests.only(rendered("limited"), "ConfigMap")
    (rule,) = parse_rules(configmap["data"]["policy.yaml"])
    assert rule.covers("team-shop")
    assert (rule.regions, rule.accounts) == (("eu-west-1",), ("012345678901",))
    assert (rule.role_arns, rule.secret_names) == (("*:role/shop",), ("shop/*",))
    names = {"limited": configmap["metadata"]["name"], "policy of one's own": "limits"}
    for case, name in names.items():
        (volume,) = [one for one in pod(case)["volumes"] if one["name"] == "policy"]
        assert volume["configMap"] == {"name": name}
        (mount,) = [
            one for one in policy.provider(pod(case))["volumeMounts"] if one["name"] == "policy"
        ]
        # A mount with subPath would not change with the ConfigMap.
        assert mount.keys() == {"name", "mountPath", "readOnly"}
        assert config(case).policy_file == Path(mount["mountPath"]) / "policy.yaml"


def test_the_pod_is_placed_by_values() -> None:
    template = manifests.only(rendered("placed"), "DaemonSet")["spec"]["template"]
    assert template["metadata"]["labels"]["team"] == "platform"
    assert template["metadata"]["annotations"]["note"] == "here"
    spec = template["spec"]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "pool": "workers"}
    assert spec["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert set(spec["affinity"]) == {"nodeAffinity", "podAffinity"}
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["dnsConfig"] == {"options": [{"name": "ndots", "value": "1"}]}
    assert policy.provider(spec)["resources"] == {
        "requests": {"cpu": "100m", "memory": "100Mi"},
        "limits": {"cpu": "1", "memory": "512Mi"},
    }


def test_the_node_s_network_is_used_only_where_asked_for() -> None:
    for case in MATRIX.keys() - {"host network"}:
        assert "hostNetwork" not in pod(case)
    assert pod("host network")["hostNetwork"]
    # Or names would be those of the node, without the cluster's.
    assert pod("host network")["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert policy.violations(rendered("host network")) == ["shares hostNetwork with the node"]


@pytest.mark.parametrize("case", MATRIX)
def test_the_pod_outlives_the_drain(case: str) -> None:
    assert config(case).drain_timeout <= pod(case)["terminationGracePeriodSeconds"] - 10


@pytest.mark.parametrize(
    ("case", "strategy"),
    [
        (
            "placed",
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        ),
        ("on delete", {"type": "OnDelete"}),
        (
            "host network",
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}},
        ),
    ],
)
def test_an_update_strategy_is_one_that_kubernetes_takes(case: str, strategy: object) -> None:
    assert manifests.only(rendered(case), "DaemonSet")["spec"]["updateStrategy"] == strategy


@pytest.mark.parametrize(
    ("given", "surge", "unavailable"),
    [
        ({"maxSurge": 0}, 0, 1),
        ({"maxSurge": "0%", "maxUnavailable": "0%"}, 0, 1),
        ({"maxSurge": None}, 0, 1),
        ({"maxUnavailable": None}, "10%", 0),
        ({"maxSurge": 2}, 2, 0),
    ],
    ids=str,
)
def test_either_a_surge_or_unavailable_pods_are_asked_for(
    given: dict[str, object], surge: object, unavailable: object
) -> None:
    found = manifests.templated(CHART, {"updateStrategy": {"rollingUpdate": given}})
    rolling = manifests.only(found, "DaemonSet")["spec"]["updateStrategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": surge, "maxUnavailable": unavailable}


def test_names_may_look_like_numbers() -> None:
    values = {
        **MATRIX["watched"],
        "nameOverride": "3",
        "rbac": {"serviceAccountName": "4"},
        "caBundle": {"configMap": "5"},
        "policy": {"configMap": "6"},
        "priorityClassName": "7",
        "networkPolicy": {"enabled": True},
    }
    for document in manifests.templated(CHART, values, release="1e3", namespace="2"):
        manifests.validate(document, manifests.KUBERNETES[-1])


def test_monitors_find_the_pods() -> None:
    labels = manifests.only(rendered("watched"), "DaemonSet")["spec"]["template"]["metadata"][
        "labels"
    ]
    service = manifests.only(rendered("watched as a service"), "Service")
    assert service["spec"]["selector"].items() <= labels.items()
    by_pod = manifests.only(rendered("watched"), "PodMonitor")
    assert by_pod["spec"]["selector"]["matchLabels"].items() <= labels.items()
    by_service = manifests.only(rendered("watched as a service"), "ServiceMonitor")
    chosen = by_service["spec"]["selector"]["matchLabels"].items()
    assert chosen <= service["metadata"]["labels"].items()
    for monitor in (by_pod, by_service):
        # What the alerts know the provider by, and that a volume's namespace stays a label.
        (endpoint,) = monitor["spec"].get("podMetricsEndpoints") or monitor["spec"]["endpoints"]
        assert endpoint["honorLabels"]
        assert (endpoint["interval"], endpoint["scrapeTimeout"]) == ("15s", "10s")
        node, cluster = endpoint["relabelings"]
        assert (node["targetLabel"], cluster["targetLabel"]) == ("node", "cluster")
        assert endpoint["metricRelabelings"] == MONITOR["metricRelabelings"]
        assert labels[monitor["spec"]["jobLabel"]] == NAME
        assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_the_notes_tell_how_to_check_the_driver_and_what_is_special() -> None:
    assert "tokenRequests" in manifests.notes(CHART, {})
    special = manifests.notes(CHART, MATRIX["provider writes"] | MATRIX["own account"])
    assert "linux.providersDir" in special
    assert "/data/kubelet/pods" in special
    assert "service account mine must be allowed to get serviceaccounts and nodes" in special


def test_the_notes_tell_what_is_likely_to_be_missing() -> None:
    values = {"alerts": {"enabled": True}, "secrets-store-csi-driver": {"syncSecret": {}}}
    by_default = manifests.notes(CHART, values)
    assert "image.repository has no registry" in by_default
    assert "Values of secrets-store-csi-driver have no effect here" in by_default
    assert "the alert SecretsProviderAbsent fires" in by_default
    complete = manifests.notes(
        CHART, {"image": {"repository": "registry.example/spa"}, "podMonitor": {"enabled": True}}
    )
    assert "registry" not in complete
    assert "no effect" not in complete


def test_a_release_of_any_name_keeps_the_names_of_others_free() -> None:
    found = manifests.templated(CHART, {}, release="prod")
    assert {one["metadata"]["name"] for one in found} == {f"prod-{NAME}"}


def test_every_alert_rule_reaches_prometheus() -> None:
    originals = yaml.safe_load((manifests.DEPLOY / "alerts" / f"{NAME}.yaml").read_text())["groups"]
    by_chart = [
        group
        for document in manifests.of_kind(rendered("watched as a service"), "PrometheusRule")
        for group in document["spec"]["groups"]
    ]
    assert _without_names(by_chart) == _without_names(originals)


def test_alerts_take_thresholds_severities_and_labels_from_values(tmp_path: Path) -> None:
    [group] = manifests.only(rendered("watched"), "PrometheusRule")["spec"]["groups"]
    by_name = {rule["alert"]: rule for rule in group["rules"]}
    assert set(by_name) == set(RULES)
    for name, rule in by_name.items():
        assert rule["expr"].endswith(" > 7.5") == ("threshold" in RULES[name])
        assert rule.get("for") == RULES[name].get("for")
        assert rule["labels"] == {"severity": "page", "team": "platform"}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [group]}))
    promtool("check", "rules", tmp_path / "rules.yaml")


def test_an_alert_that_is_null_is_left_out() -> None:
    values = {"alerts": {"enabled": True, "rules": {"SecretsProviderAbsent": None}}}
    [group] = manifests.only(manifests.templated(CHART, values), "PrometheusRule")["spec"]["groups"]
    assert {rule["alert"] for rule in group["rules"]} == set(RULES) - {"SecretsProviderAbsent"}


def test_probes_take_their_times_from_values_and_ask_the_same() -> None:
    container, by_default = (policy.provider(pod(case)) for case in ("placed", "default"))
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert MATRIX["placed"][probe].items() <= container[probe].items()
        for handler in ("exec", "httpGet"):
            assert container[probe].get(handler) == by_default[probe].get(handler)


def test_the_dns_policy_is_a_value() -> None:
    assert pod("reference")["dnsPolicy"] == "ClusterFirst"
    assert "dnsPolicy" not in pod("default")


def test_a_network_policy_allows_what_the_example_allows() -> None:
    values = {"networkPolicy": {"enabled": True}}
    by_chart = manifests.only(manifests.templated(CHART, values), "NetworkPolicy")["spec"]
    [example] = manifests.documents(manifests.EXAMPLES / "network-policy.yaml")
    labels = {
        **example["spec"]["podSelector"]["matchLabels"],
        "app.kubernetes.io/instance": NAME,
    }
    assert by_chart == {**example["spec"], "podSelector": {"matchLabels": labels}}


def test_a_network_policy_is_made_of_values() -> None:
    found = rendered("behind a network policy")
    spec = manifests.only(found, "NetworkPolicy")["spec"]
    labels = manifests.only(found, "DaemonSet")["spec"]["template"]["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"].items() <= labels.items()
    given = MATRIX["behind a network policy"]["networkPolicy"]
    metrics, more = spec["ingress"]
    assert (metrics["from"], [more]) == (given["metricsFrom"], given["extraIngress"])
    dns, aws, api_server, agent, proxy = spec["egress"]
    assert (dns["to"], aws["to"], api_server["to"]) == (
        given["dnsTo"],
        given["awsTo"],
        given["apiServerTo"],
    )
    ports = [[one["port"] for one in rule["ports"]] for rule in (dns, aws, api_server, agent)]
    assert ports == [[53, 53], [443], [6443], [80]]
    assert [proxy] == given["extraEgress"]


def _without_names(groups: list[Any]) -> str:
    return re.sub(r'(job|daemonset)=~?\\"[^"]*\\"', "", json.dumps(groups, sort_keys=True))


@pytest.mark.parametrize("case", ["watched", "renamed"])
def test_alerts_select_the_names_of_the_release(case: str) -> None:
    """Whatever nameOverride and fullnameOverride are."""
    values = MATRIX["watched"] | ({"nameOverride": "spa"} if case == "renamed" else {})
    found = manifests.templated(CHART, values, release="prod")
    daemonset = manifests.only(found, "DaemonSet")
    job = daemonset["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
    expressions = {
        rule["alert"]: rule["expr"]
        for group in manifests.only(found, "PrometheusRule")["spec"]["groups"]
        for rule in group["rules"]
    }
    assert f'up{{job="{job}"}}' in expressions["SecretsProviderDown"]
    name = daemonset["metadata"]["name"]
    assert f'daemonset="{name}"' in expressions["SecretsProviderNotReady"]
    assert "job=~" not in "".join(expressions.values())
    dashboards = json.dumps([one["data"] for one in manifests.of_kind(found, "ConfigMap")])
    assert ("secrets-provider-aws.*|spa" in dashboards) == (case == "renamed")


def test_the_dashboard_reaches_grafana() -> None:
    dashboard = manifests.DEPLOY / "dashboards" / f"{NAME}.json"
    by_chart = {
        name: text
        for document in manifests.of_kind(rendered("watched"), "ConfigMap")
        for name, text in document["data"].items()
    }
    assert by_chart == {dashboard.name: dashboard.read_text()}
