"""The threat model names the tests that hold it: they exist, and no threat or fault is without."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs/threat-model.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", DOCUMENT)))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[test for _, test in NAMED])
def test_every_test_that_the_threat_model_names_exists(file: str, test: str) -> None:
    functions = {
        node.name
        for node in ast.parse((ROOT / file).read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    assert test in functions


@pytest.mark.parametrize(
    ("begin", "end", "heading", "least"),
    [
        ("## Threats", "## Faults", "| threat | counter-measure | held by |", 30),
        ("## Faults", "## What remains", "| fault | what happens | held by |", 15),
    ],
    ids=["threats", "faults"],
)
def test_each_has_a_counter_measure_and_a_test(
    begin: str, end: str, heading: str, least: int
) -> None:
    lines = DOCUMENT.partition(f"\n{begin}\n")[2].partition(f"\n{end}\n")[0].splitlines()
    held = [line for line in lines if line.startswith("| ") and line != heading]
    assert len(held) >= least
    for row in held:
        _threat, measure, tests = (cell.strip() for cell in row.strip("|").split("|"))
        assert measure
        assert "::test_" in tests, row
