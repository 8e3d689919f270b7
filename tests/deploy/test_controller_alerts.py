"""Alert rules and dashboard of the controller: Prometheus accepts them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import manifests
from tests.deploy.test_alerts import promtool

NAME = "secrets-controller-aws"
ALERTS = manifests.DEPLOY / "alerts" / f"{NAME}.yaml"
DASHBOARD: dict[str, Any] = json.loads(
    (manifests.DEPLOY / "dashboards" / f"{NAME}.json").read_text()
)
UNIT_TESTS = Path(__file__).parent / "data" / "controller-alerts.test.yaml"
EXPRESSIONS = [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())
]


def test_a_controller_that_goes_wrong_fires_the_alerts() -> None:
    promtool("test", "rules", UNIT_TESTS)


def test_every_alert_fires_in_a_unit_test() -> None:
    [group] = yaml.safe_load(ALERTS.read_text())["groups"]
    tested = UNIT_TESTS.read_text()
    assert [rule["alert"] for rule in group["rules"] if rule["alert"] not in tested] == []


def test_queries_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": one.replace("$__rate_interval", "5m")}
        for number, one in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", file)


@pytest.mark.parametrize("kind", ["secretstore", "clustersecretstore"])
def test_failing_stores_are_counted_where_all_are_of_one_kind(kind: str, tmp_path: Path) -> None:
    [panel] = [one for one in DASHBOARD["panels"] if one["title"] == "Failing stores"]
    [target] = panel["targets"]
    expression = target["expr"].replace("$cluster", ".*").replace("$namespace", ".*")
    failing = f'{kind}_status_condition{{name="aws", condition="Ready", status="False"}}'
    sample = {"eval_time": "1m", "expr": expression, "exp_samples": [{"value": 1, "labels": "{}"}]}
    case = {"input_series": [{"series": failing, "values": "1x5"}], "promql_expr_test": [sample]}
    file = tmp_path / "panel.test.yaml"
    file.write_text(yaml.safe_dump({"tests": [case]}))
    promtool("test", "rules", file)


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
