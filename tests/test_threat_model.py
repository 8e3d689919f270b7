"""The threat model names the tests that hold it: they exist, and no threat is without one."""

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


def test_every_threat_has_a_counter_measure_and_a_test() -> None:
    threats = DOCUMENT.partition("## Threats")[2].partition("## What remains")[0]
    rows = [line for line in threats.splitlines() if line.startswith("| ")]
    held = [row for row in rows if "threat | counter-measure" not in row]
    assert len(held) > 30
    for row in held:
        _threat, measure, tests = (cell.strip() for cell in row.strip("|").split("|"))
        assert measure
        assert "::test_" in tests, row
