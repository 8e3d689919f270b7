"""YAML as people and attackers write it."""

from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provider.manifests import yaml_tree
from provider.manifests.nodes import Fields, Items, Scalar
from provider.manifests.problems import InvalidSpec
from provider.manifests.yaml_tree import Limits, read_document, read_documents


@pytest.fixture(params=["C", "Python"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Either parser: images without libyaml must behave alike."""
    chosen = yaml.CSafeLoader if request.param == "C" else yaml.SafeLoader
    monkeypatch.setattr(yaml_tree, "_Loader", chosen)
    return str(request.param)


def fields(text: str) -> Fields:
    node = read_document(text, "file")
    assert isinstance(node, Fields)
    return node


def scalar(text: str) -> Scalar:
    node = read_document(text, "file")
    assert isinstance(node, Scalar)
    return node


KINDS = {
    "word": ("text", "word"),
    "'5'": ("text", "5"),
    "5": ("integer", "5"),
    "0644": ("integer", None),
    "0x1f": ("integer", None),
    "1:30": ("integer", None),
    "1_000": ("integer", None),
    "+5": ("integer", None),
    "-5": ("integer", "-5"),
    "1.5": ("number", None),
    "yes": ("boolean", None),
    "Off": ("boolean", None),
    "~": ("null", None),
    "'yes'": ("text", "yes"),
    "2024-01-01": ("text", "2024-01-01"),
    "!!str yes": ("text", "yes"),
    "! yes": ("text", "yes"),
    "9" * 6000: ("integer", "9" * 6000),
}


def test_a_word_has_yamls_kind_and_its_own_spelling(loader: str) -> None:
    for text, expected in KINDS.items():
        node = scalar(text)
        assert (node.kind, node.words) == expected, text[:12]


def test_nodes_know_line_and_column(loader: str) -> None:
    node = read_document("- a: 1\n  b:\n    - x\n", "file")
    assert isinstance(node, Items)
    entry = node.nodes[0]
    assert isinstance(entry, Fields)
    listed = entry["b"]
    assert isinstance(listed, Items)
    word = listed.nodes[0]
    assert (word.line, word.column) == (3, 7)
    assert (entry.entries["b"].key.line, entry.entries["b"].key.column) == (2, 3)


def test_aliases_and_merges_are_followed(loader: str) -> None:
    node = fields("base: &base {a: 1, b: 2}\nuse: {<<: *base, b: 3}\nmany: {<<: [{a: 5}, *base]}")
    use, many = node["use"], node["many"]
    assert isinstance(use, Fields)
    assert isinstance(many, Fields)
    assert {key: field.node.text for key, field in use.entries.items()} == {"a": "1", "b": "3"}  # type: ignore[union-attr]  # scalars by the text above
    assert many["a"].text == "5"  # type: ignore[union-attr]  # a scalar by the text above


def test_a_repeated_key_is_reported_and_the_first_holds(loader: str) -> None:
    node = fields("a: 1\nb: 2\na: 3")
    assert [(key.text, key.line) for key in node.repeated] == [("a", 3)]
    assert node["a"] == Scalar("1", "integer", 1, 4)


def test_nothing_is_no_document(loader: str) -> None:
    assert read_document("", "file") is None
    assert read_document("# only a comment\n", "file") is None


def test_several_documents_come_one_by_one(loader: str) -> None:
    assert [node.line for node in read_documents("a: 1\n---\nb: 2\n---\nc: 3", "file")] == [1, 3, 5]


BOMB = "a0: &a0 [x, x]\n" + "\n".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60))

REFUSED = {
    "too long": ("x" * 300_000, "is too long"),
    "deep flow": ("[" * 100_000, "nest"),
    "deep blocks": ("- " * 100_000, "is nested too deep"),
    "deep mappings": ("{a: " * 50_000, "is nested too deep"),
    "deep by alias": (f"a: &a {'[' * 17}x{']' * 17}\nb: {'[' * 16}*a{']' * 16}", "too deep"),
    "many nodes": ("- x\n" * 20_000, "is too large"),
    "alias bomb": (BOMB, "is too large"),
    "alias in itself": ("&a [*a]", 'alias "a" is not defined'),
    "unknown alias": ("[*nope]", "alias"),
    "python tag": ("!!python/object/apply:os.system [x]", "is not allowed"),
    "custom tag": ("- !vault x", 'tag "!vault" is not allowed'),
    "binary tag": ("- !!binary eA==", "is not allowed"),
    "wrong collection tag": ("!!map [x]", "is not allowed"),
    "two documents": ("a: 1\n---\nb: 2", "a second one begins"),
    "unclosed": ("[a, b", "is not YAML"),
    "tab": ("a:\n\t- b", "cannot start any token: indent with spaces, not tabs"),
    "indentation": ("a: b\n  c: d", ": check the indentation"),
    "NUL": ("a: \0", "is not YAML"),
    "half a surrogate": ("a: \ud800", "is not YAML"),
    "escaped half surrogate": ('a: "\\ud800"', ""),
    "template": ("a: {{ .b }}", "a key must be text, got a mapping: quote a text that begins"),
    "key that is a list": ("? [a]\n: b", "a key must be text, got a list"),
    "merge of a word": ("<<: x", "<< merges mappings, got text"),
    "many directives": ("%TAG !a! b\n" * 200, "has more than 100 %TAG directives"),
}  # fmt: skip


def test_what_is_unfit_is_refused_with_a_reason(loader: str) -> None:
    for name, (text, why) in REFUSED.items():
        with pytest.raises(InvalidSpec) as refused:
            read_document(text, "file")
        assert why in str(refused.value), name
        assert "\n" not in str(refused.value), name
        assert len(str(refused.value)) < 300, name


def test_a_refusal_reports_the_place(loader: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        read_document("a: 1\nb: !x y", "file")
    assert str(refused.value) == 'file: tag "!x" is not allowed (line 2, column 4)'


def test_limits_are_the_callers() -> None:
    with pytest.raises(InvalidSpec):
        read_document("[[x]]", "file", Limits(depth=1))
    assert read_document("[[x]]", "file", Limits(depth=2, nodes=3)) is not None


@given(st.text("ab01 -:[]{},&*!<>|?'\"\\\n\t#%@`~=.yes\ud800é\0", max_size=60))
def test_any_text_gives_a_tree_or_a_refusal(text: str) -> None:
    with suppress(InvalidSpec):
        read_document(text, "file")


@given(
    st.recursive(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_what_yaml_dumps_is_read_back(value: object) -> None:
    node = read_document(yaml.safe_dump(value, allow_unicode=True), "file")
    assert node is not None
    assert plain(node) == value


def plain(node: Scalar | Items | Fields) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.nodes]
    return {key: plain(field.node) for key, field in node.entries.items()}
