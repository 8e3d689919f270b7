"""scripts/check_docs.py: every mistake that it looks for is found."""

from pathlib import Path

import pytest

from scripts import check_docs

ROW = "| a threat | a measure | `tests/test_a.py::test_a` |"


def test_an_error_without_a_row_is_found() -> None:
    found = list(check_docs.unexplained_errors("| RoleMissing | FAILED_PRECONDITION |"))
    assert "docs/errors.md: no row for TokenMissing with UNAUTHENTICATED" in found
    assert not any("RoleMissing" in line for line in found)


def test_an_error_with_a_wrong_status_is_found() -> None:
    found = list(check_docs.unexplained_errors("| TokenMissing, RoleMissing | INTERNAL |"))
    assert "docs/errors.md: no row for RoleMissing with FAILED_PRECONDITION" in found


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text(
        "# The `d`, again\n"
        "[x](b.md#c) [y](a.md#the-d-again) [z](https://example.com) [here](#e) [m](mailto:a@b.c)"
    )
    assert list(check_docs.broken_links([document])) == [
        "a.md: broken link b.md#c",
        "a.md: broken link #e: no such heading",
    ]


def test_equal_headings_have_numbered_anchors() -> None:
    assert check_docs.anchors("# A\n## B c\n## A\n") == {"a", "b-c", "a-1"}


def test_an_alert_without_a_runbook_is_found_and_the_reverse() -> None:
    assert list(check_docs.runbook_faults("### B\n### C\n", "  - alert: A\n  - alert: B\n")) == [
        "docs/runbooks.md: no section for A",
        "docs/runbooks.md: no alert is named C",
    ]


@pytest.mark.parametrize("definition", ["def", "async def"])
def test_a_test_that_does_not_exist_is_found(tmp_path: Path, definition: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text(f"{definition} test_a() -> None: ...\n")
    named = "`tests/test_a.py::test_a`, `tests/test_a.py::test_b`, `tests/test_c.py::test_c`"
    assert list(check_docs.missing_tests(named, tmp_path)) == [
        "docs/threat-model.md: no test tests/test_a.py::test_b",
        "docs/threat-model.md: no test tests/test_c.py::test_c",
    ]


@pytest.mark.parametrize(
    ("row", "mistakes"),
    [(ROW, 0), ("| a threat |  | `tests/test_a.py::test_a` |", 1), ("| a | b | nothing |", 1)],
    ids=["complete", "no measure", "no test"],
)
def test_a_row_without_measure_or_test_is_found(row: str, mistakes: int) -> None:
    rows = "\n".join([row, *[ROW] * check_docs.FEWEST_ROWS])
    document = f"\n## Threats\n\n{rows}\n\n## Faults\n\n{rows}\n\n## What remains\n"
    assert len(list(check_docs.untested_rows(document))) == 2 * mistakes


def test_a_table_that_got_lost_is_found() -> None:
    assert len(list(check_docs.untested_rows("# Threat model\n"))) == 2
