"""Dashboard and alert rules ask for what the daemon has, and for nothing else."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from provider import errors
from provider.aws import faults
from testbed.cluster import read_yaml
from tests.e2e.world import World, a_world
from tests.runtime.promlint import problems

DEPLOY = Path(__file__).parents[2] / "deploy"
GUIDE = (DEPLOY.parent / "docs/operations.md").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads(
    (DEPLOY / "dashboards/secrets-provider-aws.json").read_text(encoding="utf-8")
)
[GROUP] = read_yaml(DEPLOY / "alerts" / "secrets-provider-aws.yaml")[0]["groups"]
RULES: list[dict[str, Any]] = GROUP["rules"]
PANELS: list[dict[str, Any]] = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
QUERIES = {
    **{f"alert {rule['alert']}": rule["expr"] for rule in RULES},
    **{
        f"panel {panel['title']} {target['refId']}": target["expr"]
        for panel in PANELS
        for target in panel["targets"]
    },
}

PREFIX = "secrets_provider_aws_"
OTHERS = {
    "up": {"job"},
    "kube_daemonset_status_number_unavailable": {"namespace", "daemonset"},
    "process_resident_memory_bytes": set[str](),
    "process_cpu_seconds_total": set[str](),
}
"""Metrics that are none of the daemon's own, and their labels."""
SCRAPED = {"instance", "job", "cluster", "namespace", "pod", "node"}
"""Labels that Prometheus and the monitors of the chart add."""
WORDS = {"by", "without", "on", "ignoring", "and", "or", "unless", "bool", "offset"}

_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_SELECTOR = re.compile(r"\{([^}]*)\}")
_RANGE = re.compile(r"\[[^\]]*\]|\boffset \d+[smhd]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\()(?![a-zA-Z0-9_:])")
_MATCHER = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


@dataclass(frozen=True)
class Query:
    """What a PromQL expression names."""

    metrics: set[str]
    grouped: set[str]
    matchers: list[tuple[str, str]]

    @classmethod
    def of(cls, expression: str) -> "Query":
        matchers = [(name, value) for name, _, value in _MATCHER.findall(expression)]
        rest = _RANGE.sub("", _SELECTOR.sub("", _STRING.sub('""', expression)))
        grouped = {name.strip() for found in _GROUPING.findall(rest) for name in found.split(",")}
        bare = _GROUPING.sub(" ", rest)
        return cls(set(_NAME.findall(bare)) - WORDS, grouped, matchers)


def samples(family: Metric) -> Iterator[str]:
    """Names under which a family is asked for."""
    match family.type:
        case "counter":
            yield f"{family.name}_total"
        case "histogram":
            yield from (f"{family.name}_{suffix}" for suffix in ("bucket", "count", "sum"))
        case _:
            yield family.name


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Metric]:
    """What a daemon with all options shows that has seen something of everything."""
    policy = tmp_path_factory.mktemp("policy") / "policy.yaml"
    policy.write_text("rules: []")
    options = ("--metrics-namespaces=team-*", f"--policy-file={policy}")
    with a_world("--rotation-poll-interval=0s", *options) as world:
        return families_of(world.start())


@pytest.fixture(scope="module")
def families_by_default() -> Mapping[str, Metric]:
    """The same of a daemon without options."""
    with a_world("--rotation-poll-interval=0s") as world:
        return families_of(world.start())


def families_of(world: World) -> Mapping[str, Metric]:
    return {one.name: one for one in text_string_to_metric_families(page_of(world))}


def page_of(world: World) -> str:
    world.aws.cloud.put_secret("db", "one")
    objects = "- {objectName: db, objectType: secretsmanager}\n"
    world.files(objects)
    world.files(objects)
    world.aws.cloud.remove_secret("db")
    world.refusal(objects)
    return world.metrics()


def test_every_name_is_as_promtool_wants_it(families: Mapping[str, Metric]) -> None:
    assert problems(families.values()) == []


def test_no_label_has_a_pod_or_a_secret_in_it(
    families_by_default: Mapping[str, Metric],
) -> None:
    labels = {
        (name, value)
        for family in families_by_default.values()
        for one in family.samples
        for name, value in one.labels.items()
    }
    assert not {name for name, _ in labels} & {"pod", "namespace", "class", "secret", "role"}
    assert not {value for _, value in labels} & {"web-1", "shop", "web", "db", "class"}


def test_every_query_asks_for_what_there_is(families: Mapping[str, Metric]) -> None:
    known = {
        name: {label for sample in family.samples for label in sample.labels}
        for family in families.values()
        for name in samples(family)
    } | OTHERS
    wrong = []
    for place, expression in QUERIES.items():
        query = Query.of(expression)
        wrong += [f"{place}: no metric {name}" for name in query.metrics - set(known)]
        labels = set().union(*(known.get(name, set()) for name in query.metrics)) | SCRAPED
        used = query.grouped | {name for name, _ in query.matchers}
        wrong += [f"{place}: no label {name}" for name in used - labels]
    assert wrong == []


def test_every_gauge_of_trouble_has_its_alert(families: Mapping[str, Metric]) -> None:
    asked = set().union(*(Query.of(rule["expr"]).metrics for rule in RULES))
    assert {
        f"{PREFIX}{name}"
        for name in ("mounts_failing", "credentials_failing", "policy_file_failing")
    } <= asked


def test_every_metric_of_ours_is_on_the_dashboard(families: Mapping[str, Metric]) -> None:
    shown = set().union(*(Query.of(one).metrics for one in QUERIES.values()))
    ours = [one for one in families.values() if one.name.startswith(PREFIX)]
    missing = [one.name for one in ours if not shown & set(samples(one))]
    assert missing == []


def test_every_metric_of_ours_is_in_the_guide(families: Mapping[str, Metric]) -> None:
    table = GUIDE.partition("All metrics")[2].partition("### Audit log")[0]
    told = {
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    ours = [one for one in families.values() if one.name.startswith(PREFIX)]
    shown = {
        one.name.removeprefix(PREFIX) + {"counter": "_total", "info": "_info"}.get(one.type, "")
        for one in ours
    }
    assert told == shown


def test_values_that_are_matched_can_occur() -> None:
    reasons = {name for name in vars(errors) if name[0].isupper()}
    outcomes = {"delivered", "unchanged", "failed", *get_args(faults.Outcome)}
    events = {
        "memory",
        "joined",
        "validated",
        "fetched",
        "missing",
        "hit",
        "miss",
        "stale",
        "failed",
    }
    may = {"reason": reasons, "outcome": outcomes, "event": events}
    may |= {"cache": {"values", "credentials", "roles"}, "service": {"secretsmanager", "ssm"}}
    for place, expression in QUERIES.items():
        for name, pattern in Query.of(expression).matchers:
            if name in may:
                assert set(pattern.split("|")) <= may[name], place


def test_brackets_are_closed() -> None:
    for place, expression in QUERIES.items():
        plain = _STRING.sub("", expression)
        for opening, closing in ("()", "{}", "[]"):
            assert plain.count(opening) == plain.count(closing), place


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"SecretsProvider[A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]


def test_rules_have_names_of_their_own() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_the_dashboard_has_what_grafana_needs() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", DASHBOARD["uid"])
    assert DASHBOARD["title"]
    assert {"from", "to"} == set(DASHBOARD["time"])
    names = {one["name"] for one in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)\b", json.dumps(DASHBOARD["panels"])))
    assert used == names
    ids = [one["id"] for one in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_panels_are_whole() -> None:
    chosen = 'cluster=~"$cluster",node=~"$node"'
    for panel in PANELS:
        title, targets = panel["title"], panel["targets"]
        assert panel["type"] in ("stat", "timeseries"), title
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, title
        assert panel["fieldConfig"]["defaults"]["unit"], title
        assert all(chosen in target["expr"] for target in targets), title
        assert len({target["refId"] for target in targets}) == len(targets), title


def test_panels_lie_side_by_side() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
