"""The README says what the program says."""

import pytest

from tests import readme


def test_help_and_options_are_up_to_date() -> None:
    assert readme.difference(readme.README.read_text()) == "", "make readme"


def test_what_differs_is_shown() -> None:
    old = "# Title\n<!-- help:start -->\nold\n<!-- help:end -->\nrest\n"
    assert "\n-old\n" in readme.difference(old)
    new = readme.up_to_date(old)
    assert new.startswith("# Title\n<!-- help:start -->\n```text\nusage: ")
    assert new.endswith("```\n<!-- help:end -->\nrest\n")
    assert readme.difference(new) == ""


def test_the_help_must_have_its_place() -> None:
    with pytest.raises(SystemExit, match="help:start"):
        readme.difference("# Title\n")
