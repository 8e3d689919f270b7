"""scripts/readme.py: what it writes, and what it reports."""

import pytest

from provider.csi.config import OPTIONS
from scripts import readme


def test_differences_are_shown() -> None:
    old = "# Title\n<!-- help:start -->\nold\n<!-- help:end -->\nrest\n"
    assert "\n-old\n" in readme.difference(old)
    new = readme.up_to_date(old)
    assert new.startswith("# Title\n<!-- help:start -->\n```text\nusage: ")
    assert new.endswith("```\n<!-- help:end -->\nrest\n")
    assert readme.difference(new) == ""


def test_a_readme_without_a_place_for_the_help_is_refused() -> None:
    with pytest.raises(SystemExit, match="help:start"):
        readme.difference("# Title\n")


def test_the_table_has_a_row_for_every_option() -> None:
    rows = readme.options_table().splitlines()
    assert len(rows) == len(OPTIONS) + 2
    assert {row.count("|") for row in rows} == {4}
