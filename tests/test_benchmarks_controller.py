"""How the benchmark of the controller counts."""

import inspect
import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.controller import large, rows
from benchmarks.controller.aws import AwsProcess
from benchmarks.controller.cluster import Cluster, counted, written
from benchmarks.controller.goals import GOALS, LARGE_GOALS
from benchmarks.controller.memory import bytes_per_object
from benchmarks.controller.shape import BATCH, LARGE, USUAL, Shape
from benchmarks.controller.watching import is_ready
from testbed.cluster import Address, ClusterClient
from testbed.tls import Authority

LINES = [
    ("watch", {"resource": "secrets"}),
    ("watch", {"resource": "externalsecrets"}),
    ("update", {"resource": "leases"}),
    ("list", {"resource": "secrets"}),
    ("create", {"resource": "secrets"}),
    ("create", {"resource": "serviceaccounts", "subresource": "token"}),
    ("patch", {"resource": "externalsecrets", "subresource": "status"}),
]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    ca, audit = tmp_path / "ca.pem", tmp_path / "audit.log"
    Authority().write(ca)
    lines = [json.dumps({"verb": verb, "objectRef": what}) for verb, what in LINES]
    audit.write_text("\n".join(lines))
    address = Address("https://127.0.0.1:1", ca, "token", tmp_path / "kubeconfig")
    return Cluster(address, ClusterClient(address), USUAL, audit)


def test_requests_are_counted_without_watches_and_lease(cluster: Cluster) -> None:
    requests = cluster.requests()
    assert requests["watch", ""] == 2
    assert counted(requests) == 4
    assert written(requests) == 2


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], False),
        ([{"type": "Ready", "status": "False"}], False),
        ([{"type": "Deleted", "status": "True"}], False),
        ([{"type": "Ready", "status": "True"}], True),
    ],
)
def test_ready_is_what_the_condition_says(conditions: list[dict[str, str]], expected: bool) -> None:
    assert is_ready({"status": {"conditions": conditions}}) is expected
    assert not is_ready({})


def test_the_fake_aws_counts_in_its_own_process() -> None:
    with AwsProcess(0.0, ["a"], 1) as aws:
        assert aws.account.url.startswith("http://127.0.0.1:")
        assert aws.account.roles["a"].endswith(":role/a")
        assert aws.calls() == {}
        aws.clear()


def test_goals_are_those_of_figures_that_are_measured() -> None:
    source = "".join(inspect.getsource(one) for one in (rows, large))
    for name in {**GOALS, **LARGE_GOALS}:
        row, _, what = name.partition(".")
        assert f'"{name}"' in source or (f'.{what}"' in source and f'"{row}"' in source), name


def test_the_least_calls_are_those_of_each_identity() -> None:
    # Two roles with 25 own secrets and a shared one each, and access keys with 50 own ones.
    assert Shape(size=100, namespaces=4, stores=4).least_calls() == 2 + 2 * 2 + 3
    # One role; the others have access keys, also through the ClusterSecretStore.
    assert Shape(size=100, namespaces=4, stores=3).least_calls() == 1 + 2 + 4


def test_new_objects_are_never_in_the_busy_namespace() -> None:
    places = Counter(LARGE.place_of(number) for number in range(LARGE.size + 1))
    assert places[0] == LARGE.hot
    assert len(places) == LARGE.namespaces
    assert max(one for place, one in places.items() if place) == BATCH - 4


def test_an_external_secret_at_rest_needs_little_memory() -> None:
    assert bytes_per_object(100) < 5 * 1024
