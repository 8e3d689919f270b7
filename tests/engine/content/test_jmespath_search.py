"""Values out of JSON secrets: exact, bounded, and never in an error."""

# ruff: noqa: E501 - the tables read best with one line for each row

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.engine.content.budget import Budget, TooCostly
from provider.engine.content.expressions import BadExpression, compile_expression
from provider.engine.content.jmespath_search import extract
from provider.engine.content.json_document import parse
from provider.errors import KeyNotFound, ProviderError, SecretUnusable


def extract_one(
    content: str | bytes, path: str, budget: Budget | None = None
) -> bytes | ProviderError:
    document = parse(content if isinstance(content, bytes) else content.encode())
    try:
        return extract(compile_expression(path), document, budget or Budget())
    except ProviderError as error:
        return error


NINES = "9" * 20_000

VALUES = {
    "text": ('{"a": "x"}', "a", b"x"),
    "empty text": ('{"a": ""}', "a", b""),
    "text is not re-encoded": ('{"a": "\\u00fc\\ud83d\\ude00\\n\\""}', "a", "ü😀\n\"".encode()),
    "text that looks like a number": ('{"a": "007"}', "a", b"007"),
    "true": ('{"a": true}', "a", b"true"),
    "false": ('{"a": false}', "a", b"false"),
    "integer": ('{"a": 42}', "a", b"42"),
    "large integer": ('{"a": 123456789012345678901234567890}', "a", b"123456789012345678901234567890"),
    "enormous integer": (f'{{"a": -{NINES}}}', "a", f"-{NINES}".encode()),
    "negative zero": ('{"a": -0}', "a", b"-0"),
    "decimal": ('{"a": 1.10}', "a", b"1.10"),
    "long decimal": ('{"a": 3.14159265358979323846264338327950288}', "a", b"3.14159265358979323846264338327950288"),
    "exponent": ('{"a": 1E400}', "a", b"1E400"),
    "object": ('{"a": {"b": 1.10, "ü": [1, null, "\\n"]}}', "a", '{"b":1.10,"ü":[1,null,"\\n"]}'.encode()),
    "empty object": ('{"a": {}}', "a", b"{}"),
    "list": ('{"a": [1, "b", true, []]}', "a", b'[1,"b",true,[]]'),
    "empty list": ('{"a": []}', "a", b"[]"),
    "nested": ('{"a": {"b": [{"c": "x"}]}}', "a.b[0].c", b"x"),
    "quoted key": ('{"a-b": "x"}', '"a-b"', b"x"),
    "literal key": ('{"api-key": "x"}', "api-key", b"x"),
    "whole document": ("[1,2]", "@", b"[1,2]"),
    "scalar document": ("5", "@", b"5"),
    "key twice": ('{"a": 1, "a": 2}', "a", b"2"),
    "function": ('{"a": ["x", "y"]}', "join('-', a)", b"x-y"),
    "to_string keeps numbers": ('{"a": [1.10, "ü"]}', "to_string(a)", '[1.10,"ü"]'.encode()),
    "numbers compare": ('[{"n": 1.5, "v": "x"}, {"n": 3, "v": "y"}]', "[?n > `2.5`].v | [0]", b"y"),
    "decimals equal": ('[{"n": 1.50, "v": "x"}]', "[?n == `1.5`].v | [0]", b"x"),
    "numbers are numbers": ('{"a": 1.50}', "type(a)", b"number"),
    "largest": ('{"a": [1.50, 7.25]}', "max(a)", b"7.25"),
    "sum": ('{"a": [1.5, 2]}', "sum(a)", b"3.5"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "path", "expected"), VALUES.values(), ids=VALUES.keys())
def test_values_come_out_undamaged(content: str, path: str, expected: bytes) -> None:
    assert extract_one(content, path) == expected


NOTHING = {
    "null": ('{"a": null, "b": "hunter2"}', "a", 'the keys are "a", "b"'),
    "missing": ('{"b": "hunter2"}', "a", 'the keys are "b"'),
    "missing literal key": ('{"b": "hunter2"}', "api-key", 'the keys are "b"'),
    "in a list": ('["hunter2"]', "a", "the secret is a list, not an object"),
    "literal key in a list": ('["hunter2"]', "api-key", "the secret is a list, not an object"),
    "in text": ('"hunter2"', "a", "the secret is a string, not an object"),
    "in a number": ("12345", "a", "the secret is a number, not an object"),
    "in nothing": ("{}", "a", "the secret has no keys"),
}


@pytest.mark.parametrize(("content", "path", "keys"), NOTHING.values(), ids=NOTHING.keys())
def test_nothing_found_names_the_keys(content: str, path: str, keys: str) -> None:
    error = extract_one(content, path)
    assert isinstance(error, KeyNotFound)
    assert keys in str(error)
    assert "hunter2" not in str(error)


def test_key_names_are_bounded_in_number_and_length() -> None:
    error = extract_one(json.dumps({"k" * 5000 + str(i): i for i in range(500)}), "a")
    assert "and 480 more" in str(error)
    assert len(str(error)) < 2000


UNUSABLE = {
    "not JSON": (b"hunter2", "is not JSON"),
    "empty": (b"", "is not JSON"),
    "cut": (b'{"a": "hunter2"', "is not JSON"),
    "NaN": (b'{"a": NaN}', "is not JSON"),
    "binary": (b"\xff\xfehunter2", "is binary, not JSON"),
    "deep": (b'{"a":' * 100_000, "is nested too deep"),
}


@pytest.mark.parametrize(("content", "why"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_secret_that_is_no_json_is_reported_without_its_content(content: bytes, why: str) -> None:
    with pytest.raises(SecretUnusable, match=why) as error:
        extract_one(content, "a")
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is error.value.__context__ is None


MISFITS = {
    "function of another type": ('{"a": "hunter2"}', "abs(a)"),
    "too few arguments": ('{"a": "hunter2"}', "join(a)"),
    "slice by zero": ('["hunter2"]', "[::0]"),
    "infinite ceiling": ('{"a": 1e999}', "ceil(a)"),
    "infinite sum": ('{"a": [1e999]}', "sum(a)"),
    "expression as value": ('{"a": "hunter2"}', "&a"),
    "half a surrogate": ('{"a": "hunter2\\ud800"}', "a"),
    "half a surrogate inside": ('{"a": ["hunter2\\ud800"]}', "a"),
    "mixed sort": ('["hunter2", 5]', "sort(@)"),
}


@pytest.mark.parametrize(("content", "path"), MISFITS.values(), ids=MISFITS.keys())
def test_an_expression_that_does_not_fit_is_reported_without_values(
    content: str, path: str
) -> None:
    error = extract_one(content, path)
    assert isinstance(error, SecretUnusable)
    assert "hunter2" not in str(error)


BOMBS = {
    "doubling lists": "|".join(["[@,@]"] * 60),
    "doubling flat lists": "|".join(["[@,@][]"] * 60),
    "doubling objects": "|".join(["{a:@,b:@}"] * 60),
    "doubling text": "to_string(@)|" + "|".join(["join('',[@,@])"] * 50),
    "wide separator": "join(to_string(@), values(@)[].keys(@))",
    "square": "|".join(["[@,@][]"] * 16 + ["map(&@, @)"] * 4),
    "doubling maps": "|".join(["map(&[@,@], [@,@])"] * 40),
    "compared": f"({'|'.join(['[@,@]'] * 30)}) == ({'|'.join(['[@,@]'] * 30)})",
    "nested compares": "==".join(["@"] * 60),
}


@pytest.mark.parametrize("path", BOMBS.values(), ids=BOMBS.keys())
def test_an_expression_that_explodes_ends_soon(path: str) -> None:
    content = json.dumps({f"key{i}": {"name": "hunter2" * 10} for i in range(500)})
    found = extract_one(content, path, Budget(steps=40_000))
    assert isinstance(found, TooCostly) or len(found) < 2_000_000  # type: ignore[arg-type]  # bytes


WALKS = {
    "sum": "sum(@)",
    "sort": "sort(@)",
    "contains": "contains(@, `9`)",
    "reverse": "reverse(@)",
    "compare": "@==@",
    "slice": "[::1]",
    "flatten": "[]",
    "projection": "[*]",
    "filter": "[?`false`]",
}


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS.keys())
def test_work_on_a_long_list_is_paid_for_each_time(walk: str) -> None:
    content = json.dumps([1] * 1000)
    assert isinstance(extract_one(content, f"[{walk}]", Budget(steps=8000)), bytes)
    path = f"length([{','.join([walk] * 20)}])"
    assert isinstance(extract_one(content, path, Budget(steps=8000)), TooCostly)


@pytest.mark.parametrize("copy", ["[::1]", "[]", "[*]", "reverse(@)"])
def test_a_copy_is_paid_for_even_if_it_is_dropped(copy: str) -> None:
    path = "|".join([*[copy] * 20, "length(@)"])
    assert isinstance(extract_one(json.dumps([1] * 1000), path, Budget(steps=8000)), TooCostly)


def test_a_separator_is_paid_for_each_time_it_is_used() -> None:
    content = json.dumps({"a": ["x"] * 1000, "s": "y" * 1000})
    assert isinstance(extract_one(content, "join(s, a)", Budget(size=500_000)), TooCostly)
    assert isinstance(extract_one(content, "join('y', a)", Budget(size=500_000)), bytes)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=2), inner),
    max_leaves=15,
)  # fmt: skip


@given(json_values.filter(lambda value: value is not None and not isinstance(value, str)))
def test_a_whole_document_comes_out_as_compact_json(value: Any) -> None:
    found = extract_one(json.dumps(value), "@")
    assert found == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


SHAPES = """
L.R L|R L[?R] L[] L[*] [L,R] {x:L,y:R} L==R L<R L&&R !L sort(L) sum(L) join(L,R) keys(L) values(L)
map(&L,R) sort_by(L,&R) max_by(L,&R) merge(L,R) to_string(L) to_number(L) length(L) contains(L,R)
not_null(L,R) reverse(L) ceil(L) avg(L) max(L)
"""

EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "@", "[]", "[*]", "*", "`1`", "'x'", "[0]", "[::2]", '`[1,"a"]`']),
    lambda inner: st.builds(
        lambda shape, left, right: shape.replace("L", left).replace("R", right),
        st.sampled_from(SHAPES.split()),
        inner,
        inner,
    ),
    max_leaves=8,
)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:jmespath")
@given(EXPRESSIONS, json_values)
def test_any_expression_on_any_json_is_bytes_or_an_error_of_ours(path: str, value: Any) -> None:
    try:
        found = extract_one(json.dumps(value), path)
    except BadExpression:
        return
    assert isinstance(found, (bytes, KeyNotFound, SecretUnusable, TooCostly))


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:jmespath")
@given(EXPRESSIONS, json_values, st.integers(0, 60), st.integers(0, 60))
def test_any_expression_keeps_within_any_budget(
    path: str, value: Any, steps: int, size: int
) -> None:
    try:
        found = extract_one(json.dumps(value), path, Budget(steps=steps, size=size))
    except BadExpression:
        return
    assert isinstance(found, (bytes, KeyNotFound, SecretUnusable, TooCostly))
    if isinstance(found, bytes):
        assert len(json.dumps(found.decode())) < 7 * (size + steps) + 40


@given(st.binary(max_size=40))
def test_any_bytes_are_taken_or_refused(content: bytes) -> None:
    try:
        found = extract_one(content, "a")
    except SecretUnusable:
        return
    assert isinstance(found, (bytes, KeyNotFound))
