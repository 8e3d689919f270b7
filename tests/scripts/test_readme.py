"""scripts/readme.py: what it writes, and what it reports."""

import pytest

from scripts import readme

PARTS = ("daemon",)


def test_differences_are_shown() -> None:
    old = "# Title\n<!-- daemon:start -->\nold\n<!-- daemon:end -->\nrest\n"
    assert "\n-old\n" in readme.difference(old, PARTS)
    new = readme.up_to_date(old, PARTS)
    assert new.startswith("# Title\n<!-- daemon:start -->\n```text\nusage: ")
    assert new.endswith("```\n<!-- daemon:end -->\nrest\n")
    assert readme.difference(new, PARTS) == ""


def test_a_document_without_a_place_for_a_part_is_refused() -> None:
    with pytest.raises(SystemExit, match="daemon:start"):
        readme.difference("# Title\n", PARTS)
