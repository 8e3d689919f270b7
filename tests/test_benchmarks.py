"""The parts of the benchmark that measure nothing: figures, comparison, picture, requests."""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree as ET

import pytest

from benchmarks import plot
from benchmarks.daemon import ROOT, image_environment
from benchmarks.figures import TOLERANCE, Figure, Run, Unit, compare, with_reference
from benchmarks.goals import GOALS, reference_of
from benchmarks.pods import Pods, objects
from benchmarks.rows.node import calls_of
from benchmarks.table import shown
from provider.csi.request.attributes import RawRequest, decode_mount, parse_decoded
from provider.v1alpha1 import service_pb2 as pb

TIME = Figure("node.start", "node start", 100.0, "ms")


def run(*figures: Figure) -> Run:
    return Run({"latency": "20 ms", "python": "CPython 3.11.0"}, figures, {"a row": "a reason"})


def test_repeats_become_a_median_and_a_spread() -> None:
    figure = Figure.of("x", "x", [10, 10, 10, 12, 90], "ms")
    assert figure.value == 10
    assert figure.spread > 0
    assert Figure.of("x", "x", [10, 11, 12], "ms").spread == 0


def test_a_run_outlives_its_file() -> None:
    made = run(TIME, Figure("node.start.sts", "… STS calls", 30, "calls", 0.125))
    assert Run.from_json(made.to_json()) == made


def test_no_more_digits_are_kept_than_were_measured() -> None:
    figures = json.loads(run(replace(TIME, value=123.456789)).to_json())["figures"]
    assert figures["node.start"]["value"] == 123.5


@pytest.mark.parametrize(
    ("then", "now", "verdict"),
    [
        (TIME, replace(TIME, value=120.0), "same"),
        (TIME, replace(TIME, value=130.0), "worse"),
        (TIME, replace(TIME, value=130.0, spread=0.2), "same"),
        (replace(TIME, spread=0.2), replace(TIME, value=130.0), "same"),
        (TIME, replace(TIME, value=70.0), "better"),
        (replace(TIME, unit="1/s"), replace(TIME, unit="1/s", value=70.0), "worse"),
        (replace(TIME, unit="1/s"), replace(TIME, unit="1/s", value=140.0), "better"),
        (replace(TIME, unit="calls"), replace(TIME, unit="calls", value=107.0), "worse"),
        (replace(TIME, unit="MiB"), replace(TIME, unit="MiB", value=107.0), "worse"),
        (replace(TIME, unit="MiB", value=0.3), replace(TIME, unit="MiB", value=0.9), "same"),
        (replace(TIME, value=0.0), TIME, "worse"),
        (replace(TIME, value=0.0), replace(TIME, value=0.0), "same"),
        (TIME, replace(TIME, value=0.0), "better"),
    ],
    ids=[
        "slower within tolerance",
        "slower",
        "slower within spread",
        "slower within spread of then",
        "faster",
        "fewer a second",
        "more a second",
        "more calls",
        "more memory",
        "more memory by next to nothing",
        "more than none",
        "none still",
        "none any more",
    ],
)
def test_runs_are_compared_by_ratio(then: Figure, now: Figure, verdict: str) -> None:
    (change,) = compare(run(now), run(then))
    assert change.verdict == verdict


def test_the_reference_of_the_same_run_stands_beside_each_figure() -> None:
    other = Figure("other", "other", 1.0, "ms")
    merged = with_reference([TIME, other], [replace(TIME, value=620.0)])
    assert [figure.reference for figure in merged] == [620.0, None]
    made = run(*merged)
    assert Run.from_json(made.to_json()) == made


def test_known_figures_of_the_reference_hold_for_the_same_work_alone() -> None:
    measured = replace(TIME, reference=700.0)
    assert reference_of(measured) == 700.0
    assert reference_of(TIME) == GOALS["node.start"].reference
    assert reference_of(TIME, latency_is_usual=False) is None


def test_only_what_both_runs_have_is_compared() -> None:
    assert list(compare(run(TIME), run(replace(TIME, name="other")))) == []


def test_every_unit_has_a_tolerance() -> None:
    assert set(TOLERANCE) == set(get_args(Unit))


def test_the_image_is_what_the_daemon_is_measured_as() -> None:
    environment = image_environment((ROOT / "Dockerfile").read_text())
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment["MALLOC_ARENA_MAX"] == "2"


def test_only_the_last_stage_of_the_image_counts() -> None:
    assert image_environment("\nFROM a\nENV A=1\n\nFROM b\nENV B=2 \\\n    C=3\nENV D=4\n") == {
        "B": "2",
        "C": "3",
        "D": "4",
    }


def test_requests_are_such_as_the_driver_sends() -> None:
    request = pb.MountRequest.FromString(Pods().request(3, 5))
    raw = RawRequest(request.attributes, request.secrets, request.permission, request.target_path)
    spec = parse_decoded(decode_mount(raw, default_region="us-east-1"))
    assert len(spec.klass.objects) == 5
    assert spec.pod.service_account == "app-003"
    assert set(spec.tokens) == {"sts.amazonaws.com", "pods.eks.amazonaws.com"}


def test_every_pod_of_a_node_is_another() -> None:
    requests = [pb.MountRequest.FromString(one) for one in Pods().node(10, 3, 1)]
    assert len({request.target_path for request in requests}) == 10
    assert len({json.loads(one.attributes)["objects"] for one in requests}) == 3
    assert objects(0, 2) != objects(1, 2)


def test_calls_are_counted_by_the_start_of_their_names() -> None:
    calls = {"sts AssumeRole": 1, "ssm GetParameters": 2, "secretsmanager GetSecretValue": 4}
    assert calls_of(calls, "sts", "ssm") == 3


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (26000, "calls", "26,000"),
        (94.9, "$", "$94.90"),
        (0.771, "ms", "0.77 ms"),
        (20.04, "ms", "20.0 ms"),
        (1234.5, "ms", "1,234 ms"),
    ],
)
def test_numbers_are_shown_with_the_digits_that_mean_something(
    value: float, unit: Unit, text: str
) -> None:
    assert shown(value, Figure("x", "x", value, unit)) == text


def test_the_picture_shows_what_was_measured_and_leaves_out_the_rest() -> None:
    growth = [Figure(f"growth.pods.{pods}", "x", pods * 2, "ms") for pods in (10, 500)]
    picture = ET.fromstring(plot.svg(run(TIME, *growth)))
    texts = [one.text for one in picture.iter() if one.tag.endswith("text")]
    assert "node start" in texts
    assert "100 ms" in texts
    assert {"20", "1000"} <= set(texts)
    assert "620 ms" in texts, "the reference, known for calls of 20 ms"
    assert ET.fromstring(plot.svg(run())).tag.endswith("svg")


def test_the_picture_compares_with_nothing_measured_on_other_work() -> None:
    picture = plot.svg(replace(run(TIME), machine={"latency": "5 ms"}))
    assert "100 ms" in picture
    assert "620 ms" not in picture


def test_goals_are_for_figures_that_exist() -> None:
    committed = Path(ROOT / "benchmarks" / "figures.json")
    measured = Run.from_json(committed.read_text())
    assert GOALS.keys() <= {figure.name for figure in measured.figures}
