"""scripts/check_workflows.py: finds actions that are not pinned, and checks .github."""

from pathlib import Path

import pytest

from scripts import check_workflows

COMMIT = "de0fac2e4500dabe0009e67214ff5f5447ce83dd"


@pytest.mark.parametrize(
    "line",
    ["actions/checkout@v6", f"actions/checkout@{COMMIT}", "a/b@main # v1.2.3", "a/b"],
    ids=["tag", "no version", "branch", "nothing"],
)
def test_an_action_that_is_not_pinned_is_found(line: str) -> None:
    [found] = check_workflows.unpinned({"a.yml": f"jobs:\n      - uses: {line}\n"})
    assert found.startswith("a.yml:2: ")


def test_an_action_with_two_pins_is_found() -> None:
    texts = [f"uses: a/b@{commit * 40} # v1.2.3\n" for commit in "ab"]
    [found] = check_workflows.unpinned(dict(zip(("a.yml", "b.yml"), texts, strict=True)))
    assert found == "b.yml:1: a/b is pinned to another commit elsewhere"


def test_wrong_shell_in_a_step_is_found() -> None:
    workflow = "jobs: {a: {steps: [{run: 'if ${{ true }}; then'}]}}"
    assert any(
        "a.yml.a.0.sh: line" in one for one in check_workflows.shell_problems({"a.yml": workflow})
    )


def test_what_a_program_reports_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_workflows, "WORKFLOWS", tmp_path)
    (tmp_path / "a.yml").write_text("on: push\njobs: {a: {runs-on: x, stepz: []}}\n")
    found = "\n".join(check_workflows.problems())
    if skipped := check_workflows.skipped():
        pytest.skip(", ".join(skipped))
    assert "stepz" in found
