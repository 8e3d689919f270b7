"""deploy/alerts and deploy/dashboards: Prometheus accepts them, and they tell nodes apart."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.cluster import read_yaml
from tests.deploy import manifests

ALERTS = manifests.DEPLOY / "alerts" / "secrets-provider-aws.yaml"
UNIT_TESTS = Path(__file__).parent / "data" / "alerts.test.yaml"
DASHBOARD: dict[str, Any] = json.loads(
    (manifests.DEPLOY / "dashboards" / "secrets-provider-aws.json").read_text()
)
RULES = [rule for group in read_yaml(ALERTS)[0]["groups"] for rule in group["rules"]]

SHARED = re.compile(
    r"(?:secrets_provider_aws_(?:build|aws_req|cache_ev|credentials|values_cached|policy_file)"
    r"|controller_runtime_|workqueue_)\w+({[^}]*})?"
)
"""Metrics that both doors export, or other controllers, with their labels."""


def promtool(*arguments: str | Path) -> str:
    """What promtool says; fails the test where promtool fails."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("there is no promtool; on Debian: apt-get install prometheus")
    done = subprocess.run(
        [program, *arguments], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_node_that_goes_wrong_fires_the_alerts() -> None:
    promtool("test", "rules", UNIT_TESTS)


def test_every_alert_fires_in_a_unit_test() -> None:
    tested = UNIT_TESTS.read_text()
    assert [rule["alert"] for rule in RULES if rule["alert"] not in tested] == []


def test_queries_of_metrics_of_both_doors_name_the_door() -> None:
    for name in ("secrets-provider-aws", "secrets-controller-aws"):
        rules = (manifests.DEPLOY / "alerts" / f"{name}.yaml").read_text()
        panels = (manifests.DEPLOY / "dashboards" / f"{name}.json").read_text().replace("\\", "")
        labels = SHARED.findall(rules + panels)
        assert len(labels) > 5
        assert [one for one in labels if f'job=~".*{name}.*"' not in one] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_about_a_node_names_pod_and_node(rule: dict[str, Any]) -> None:
    expression = rule["expr"]
    assert "by (instance" not in expression
    if " by (" not in expression and "absent(" not in expression:
        text = rule["annotations"]["summary"]
        assert "(pod {{ $labels.pod }} on node {{ $labels.node }})" in text


def expressions() -> Iterator[tuple[str, dict[str, Any]]]:
    """Title of the panel and each of its queries."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target


def test_queries_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": one["expr"].replace("$__rate_interval", "5m")}
        for number, (_, one) in enumerate(expressions())
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", file)


def test_panels_by_node_show_nodes() -> None:
    by_node = [one for title, one in expressions() if title.endswith("by node")]
    assert by_node
    for one in by_node:
        assert "by (cluster, node)" in one["expr"]
        assert one["legendFormat"] == "{{cluster}} {{node}}"


def test_clusters_nodes_and_namespaces_can_be_chosen() -> None:
    chosen = {one["name"] for one in DASHBOARD["templating"]["list"]}
    assert chosen == {"datasource", "cluster", "node", "namespace"}


def test_the_dashboard_shows_failing_volumes_by_namespace() -> None:
    (one,) = [one for title, one in expressions() if title == "Failing volumes by namespace"]
    assert "sum by (cluster, namespace)" in one["expr"]
    assert 'namespace=~"$namespace"' in one["expr"]
