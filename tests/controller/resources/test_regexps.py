"""Regular expressions of RE2, and Go's words for what does not compile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.controller.resources.regexps import contains_match, regexp_fault

FAULTS = {
    "[": "error parsing regexp: missing closing ]: `[`",
    "(": "error parsing regexp: missing closing ): `(`",
    "a**": "error parsing regexp: invalid nested repetition operator: `**`",
    "*": "error parsing regexp: missing argument to repetition operator: `*`",
    "a{1001}": "error parsing regexp: invalid repeat count: `{1001}`",
    "\\": "error parsing regexp: trailing backslash at end of expression",
    "\\8": "error parsing regexp: invalid escape sequence: `\\8`",
    ")": "error parsing regexp: unexpected ): `)`",
    "(?=a)": "error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
    "[z-a]": "error parsing regexp: invalid character class range: `z-a`",
}


@pytest.mark.parametrize(("pattern", "fault"), FAULTS.items())
def test_faults_are_told_in_gos_words(pattern: str, fault: str) -> None:
    assert regexp_fault(pattern) == fault


def test_matches_anywhere_in_the_text() -> None:
    assert regexp_fault("^team-") is None
    assert contains_match("team", "my-team-a")
    assert not contains_match("^team", "my-team-a")


def test_a_huge_expression_is_refused() -> None:
    assert regexp_fault(r"^[\pL\pN]+-(a|b|c){2,5}$") is None
    assert "too large" in (regexp_fault(r"\pL{20}") or "")
    assert "too large" in (regexp_fault(r"\PL" * 40) or "")


@given(st.text())
def test_nothing_is_raised(pattern: str) -> None:
    fault = regexp_fault(pattern)
    assert fault is None or fault.startswith("error parsing regexp: ")
