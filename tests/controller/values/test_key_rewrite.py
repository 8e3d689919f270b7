"""Rewriting the keys of an entry, as External Secrets Operator does."""

from typing import Any

import pytest

from provider import errors
from provider.controller.resources.rewrite import (
    Rewrite,
    RewriteMerge,
    RewriteRegexp,
    RewriteTransform,
)
from provider.controller.values.key_rewrite import rewrite_keys

CANARY = "canary-4711"


def never(_steps: int = 0, /) -> bool:
    return False


def regexp(source: str, target: str) -> Rewrite:
    return Rewrite(regexp=RewriteRegexp(source=source, target=target))


def transform(template: str) -> Rewrite:
    return Rewrite(transform=RewriteTransform(template=template))


def merge(**options: Any) -> Rewrite:
    return Rewrite(merge=RewriteMerge(**options))


def rewritten(data: dict[str, str], *rewrites: Rewrite) -> dict[str, str]:
    given = {key: value.encode() for key, value in data.items()}
    return {key: one.decode() for key, one in rewrite_keys(given, rewrites, never).items()}


@pytest.mark.parametrize(
    ("source", "target", "key", "expected"),
    [
        ("(.*)", "new-$1", "foo", "new-foo"),
        ("(.)", "${1}x", "ab", "axbx"),
        ("(.)", "$1x", "ab", ""),
        ("^prod/", "", "prod/db", "db"),
        ("[^a-z]", "_", "a/b:c", "a_b_c"),
    ],
)
def test_regular_expressions_are_those_of_go(
    source: str, target: str, key: str, expected: str
) -> None:
    assert rewritten({key: "1"}, regexp(source, target)) == {expected: "1"}


def test_operations_run_in_order() -> None:
    found = rewritten({"a/b": "1"}, regexp("/", "."), transform("{{ .value | upper }}-x"))
    assert found == {"A.B-x": "1"}


def test_of_two_keys_that_become_one_the_last_in_order_wins() -> None:
    assert rewritten({"b": "2", "c": "3", "a": "1"}, regexp(".", "k")) == {"k": "3"}


MERGED = {
    "one": '{"a": "1", "n": 1.50, "big": 1e21, "t": true, "x": null}',
    "two": '{"b": {"y": "<>", "x": [1, 2]}}',
}


def test_merge_makes_a_key_of_each_property() -> None:
    assert rewritten(MERGED, merge()) == {
        "a": "1",
        "n": "1.5",
        "big": "1000000000000000000000",
        "t": "true",
        "x": "",
        "b": '{"x":[1,2],"y":"\\u003c\\u003e"}',
    }


def test_merge_into_one_document_keeps_the_other_keys() -> None:
    found = rewritten({"one": '{"b":"<"}', "two": '{"a":1}'}, merge(strategy="JSON", into="all"))
    assert found == {"one": '{"b":"<"}', "two": '{"a":1}', "all": '{"a":1,"b":"<"}'}


def test_conflicts_of_a_merge() -> None:
    data = {"a": '{"k":"1","l":"1"}', "b": '{"k":"2","l":"2"}', "c": '{"k":"3"}'}
    with pytest.raises(errors.InvalidRequest) as raised:
        rewritten(data, merge())
    assert str(raised.value) == (
        "error applying rewrite to keys: failed rewrite operation[0]: "
        "merge failed with conflicts: k, l"
    )
    assert rewritten(data, merge(conflict_policy="Ignore")) == {"k": "3", "l": "2"}
    last = merge(conflict_policy="Ignore", priority=("b", "a"))
    assert rewritten(data, last) == {"k": "1", "l": "1"}


def test_a_key_of_the_priority_that_is_not_there() -> None:
    with pytest.raises(errors.InvalidRequest, match='merge failed with key "z" not found in input'):
        rewritten({"a": "{}"}, merge(priority=("z",)))
    assert rewritten({"a": '{"k":"v"}'}, merge(priority=("z",), priority_policy="IgnoreNotFound"))


@pytest.mark.parametrize(
    "content", [CANARY, f'["{CANARY}"]', f'{{"a":"{CANARY}"', "[" * 50_000, '{"a": NaN}']
)
def test_a_merge_of_what_is_no_object_quotes_nothing(content: str) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        rewritten({"a": content}, merge())
    assert 'failed to unmarshal JSON: the value of key "a" is no JSON object' in str(raised.value)
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize(
    ("rewrite", "why"),
    [
        (regexp("x", "y" * 513), "the target is longer than 512 characters"),
        (regexp("[", "y"), r"failed rewrite operation\[0\]: error parsing regexp"),
        (transform("{{ .value"), "unclosed action"),
        (transform("{{ nope .value }}"), 'function "nope" not defined'),
    ],
)
def test_rewrites_that_cannot_be_done(rewrite: Rewrite, why: str) -> None:
    with pytest.raises(errors.ProviderError, match=why):
        rewritten({"x": "1"}, rewrite)


def test_a_long_key_is_not_rewritten() -> None:
    with pytest.raises(errors.InvalidRequest, match="a key is longer than 2048 characters"):
        rewritten({"x" * 2049: CANARY}, regexp("x", "y"))


def test_rewriting_ends_when_the_time_is_over() -> None:
    with pytest.raises(errors.OutOfTime, match="takes too long"):
        rewrite_keys({"x": b"1"}, [regexp("x", "y")], lambda _steps=0: True)


def test_a_key_never_grows_over_the_limit() -> None:
    with pytest.raises(errors.InvalidRequest, match="a key is longer than 2048 characters"):
        rewritten({"a" * 1000: "1"}, regexp(".*", "$0" * 200))
    with pytest.raises(errors.InvalidRequest, match="a key is longer than 2048 characters"):
        rewritten({"a" * 1000: "1"}, regexp("a", "b" * 500))


def test_the_time_is_over_also_within_one_key() -> None:
    left = 10

    def expired(_steps: int = 0, /) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    with pytest.raises(errors.OutOfTime):
        rewrite_keys({"a" * 2000: b"1"}, [regexp("a", "b")], expired)
