"""JMESPath expressions before there is anything to apply them to."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.engine.content.expressions import BadExpression, Expression, compile_expression

EXPRESSIONS = ["a", "a.b", "a[0]", '"api-key"', "length(@)", "a[?b=='c'].d", "{x: a, y: b}", "`1`"]
KEYS = ["api-key", "/db/user", "user name", "a.b-c", "1st", "ключ-1", "x:y", "-", "@x"]
FAULTS = {
    "unclosed": ("foo[", "is not a JMESPath expression: Incomplete expression"),
    "operator": ("a-b || c", "is not a JMESPath expression: Unknown token '-'"),
    "unknown function": ("a.nope(@)", 'calls the function "nope"'),
    "unknown function inside": ("[*].{a: map(&nope(@), @)}", 'calls the function "nope"'),
    "long": ("a" * 5000, "is too long"),
    "huge index": (f"a[{'9' * 900}", "is not a JMESPath expression"),
    "many nodes": (f"[{','.join('*' * 500)}]", "is too large: more than 500 nodes"),
    "deep groups": ("(" * 500 + "a", "is nested too deep"),
    "deep lists": ("[" * 500, "is nested too deep"),
    "deep hashes": ("{a:" * 100 + "a" + "}" * 100, "is nested too deep"),
    "deep chain": ("|".join("a" * 100), "is nested too deep"),
    "deep literal": (f"`{'[' * 500}{']' * 500}` | @ |", "is not a JMESPath expression"),
    "double dot": ("a..b", "is not a JMESPath expression"),
    "dot at the end": ("api-key.", "is not a JMESPath expression"),
    "newline": ("a\nb-c", "is not a JMESPath expression"),
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_are_compiled(text: str) -> None:
    expression = compile_expression(text)
    assert expression.compiled is not None
    assert expression.nodes >= 1


@pytest.mark.parametrize("text", KEYS)
def test_what_can_only_be_a_key_is_one(text: str) -> None:
    assert compile_expression(text) == Expression(text)


@pytest.mark.parametrize(("text", "why"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_have_a_reason_on_one_line(text: str, why: str) -> None:
    with pytest.raises(BadExpression) as fault:
        compile_expression(text)
    assert why in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:jmespath")
@given(st.text("ab.[]{}()*?@&|!=<>'`\"\\,: -0129_:", max_size=40))
def test_any_text_is_an_expression_a_key_or_a_fault(text: str) -> None:
    with suppress(BadExpression):
        assert compile_expression(text).text == text
