"""Texts of users in messages."""

import pytest

from provider.engine.model import SecretRef
from provider.manifests.problems import InvalidSpec, Problem, quote

HOSTILE = 'a\n"\x1b[2J\x7f\x9b\u202e\ud800b'


@pytest.mark.parametrize("text", [quote(HOSTILE), str(SecretRef("ssmparameter", HOSTILE, "1\r"))])
def test_no_text_of_a_user_adds_a_line_or_controls_a_terminal(text: str) -> None:
    assert text.isprintable(), ascii(text)
    assert text.startswith('"a\\n')


def test_an_error_in_context_keeps_its_problems() -> None:
    invalid = InvalidSpec([Problem("region", "is required")])
    error = invalid.in_context("class a", after=". Correct it.")
    assert str(error) == "class a: region: is required. Correct it."
    assert error.problems == invalid.problems


def test_a_long_text_is_cut() -> None:
    assert quote("é" * 200) == f'"{"é" * 100}…"'
