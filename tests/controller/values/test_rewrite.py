"""New names for keys."""

import pytest

from provider.controller.template import TemplateError
from provider.controller.values.rewrite import (
    compile_transform,
    regexp_rewriter,
    rewritten,
    transform_rewriter,
)
from provider.errors import InvalidRequest


def test_a_regular_expression_replaces_as_go_does() -> None:
    assert regexp_rewriter("(.*)", "new-$1")("foo") == "new-foo"
    assert regexp_rewriter("(.*)", "$1x")("foo") == ""
    assert regexp_rewriter("(.*)", "${1}x")("foo") == "foox"
    assert regexp_rewriter("^.*/", "")("한글/키") == "키"


def test_a_malformed_regular_expression_is_a_mistake_of_the_manifest() -> None:
    with pytest.raises(InvalidRequest, match="error parsing regexp: missing"):
        regexp_rewriter("(", "x")


def test_a_regular_expression_cannot_take_exponential_time() -> None:
    assert regexp_rewriter("(a*)*b", "x")("a" * 250) == "a" * 250


def test_a_template_sees_the_key_as_value() -> None:
    rename = transform_rewriter(compile_transform('{{ .value | upper | replace "-" "_" }}'))
    assert rename("db-password") == "DB_PASSWORD"


def test_a_key_that_a_transform_lacks_is_no_error() -> None:
    assert transform_rewriter(compile_transform("{{ .nope }}"))("a") == "<no value>"


def test_a_mistake_in_a_transform_names_it() -> None:
    with pytest.raises(TemplateError, match="template: transform:1: unclosed action"):
        compile_transform("{{ .value")


def test_of_two_keys_with_one_new_name_the_last_in_order_wins() -> None:
    assert rewritten({"b": 2, "a": 1, "c": 3}, lambda _: "x") == {"x": 3}
