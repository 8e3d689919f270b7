"""Places in `objects` as places of the file, however the scalar is written."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provider.manifests.nodes import Fields, Items, Scalar
from provider.manifests.yaml_tree import read_document
from provider.tools.sources import Lines, Place
from provider.tools.validate.places import Embedded

WRITTEN = {
    "literal": "a:\n  objects: |\n    - first\n    - target\n",
    "literal with a comment": "objects: | # why\n\n    - first\n      target\n",
    "literal stripped": "objects: |-\n  first\n  target\n\nother: x\n",
    "literal with an indicator": "objects: |2\n    first\n    target\n",
    "literal with anchor": "objects: &o |\n  first\n  target\n",
    "anchor on a line of its own": "objects: !!str &o\n  |\n  first\n  target\n",
    "windows": "objects: |\r\n  first\r\n  target\r\n",
    "folded": "objects: >\n  first\n  second target\n",
    "folded with more": "objects: >+\n\n  first\n\n    more\n    more\n  last\n  target\n\n",
    "folded with an indicator": "objects: >1\n  first\n  target\n",
    "double": 'objects: "- first\\n- target"\n',
    "double over lines": 'objects: "first\\\n\n \\  x \\u00e9\\U0001f600 \\x41\n\n\n target\\t"\n',
    "single": "objects: 'it''s first\n\n  target'\n",
    "plain": "objects: first\n  second\n\n  target\n",
    "alias": "a: &o |\n  first\n  target\nobjects: *o\n",
    "json": '{"objects": "first\\n\\ttarget\\/"}',
    "other characters": "objects: |\n  é 😀\n  é 😀 target\n",
    "unicode breaks": "objects: |\n  a\u2028  target\n",
}


def objects_of(text: str) -> Scalar:
    node = read_document(text, "objects")
    while isinstance(node, Fields) and "objects" not in node.entries:
        node = node["a"]
    assert isinstance(node, Fields)
    scalar = node["objects"]
    assert isinstance(scalar, Scalar)
    return scalar


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN.keys())
def test_the_place_of_a_word_is_found(text: str) -> None:
    scalar = objects_of(text)
    inner = Lines(scalar.text).place(scalar.text.index("target"))
    expected = Lines(text).place(text.index("target"))
    assert Embedded(Lines(text), scalar).place(inner.line, inner.column) == expected


def test_the_place_of_the_end_is_found() -> None:
    text = 'objects: "ab"\n'
    assert Embedded(Lines(text), objects_of(text)).place(1, 3) == Place(1, 13)
    assert Embedded(Lines(text), objects_of(text)).place(9, 9) == Place(1, 13)


def test_a_file_of_many_texts_is_read_once_and_not_once_for_each() -> None:
    """Reading the rest of the file for each text would take minutes here."""
    most = 6000
    text = "- |\n  first\n  target\n" * most
    node, lines = read_document(text, "objects"), Lines(text)
    assert isinstance(node, Items)
    for index, scalar in enumerate(node.nodes):
        assert isinstance(scalar, Scalar)
        assert Embedded(lines, scalar).place(2, 1) == Place(3 * index + 3, 3)


def test_an_unknown_place_is_not_exact() -> None:
    embedded = Embedded(Lines("objects: something else\n"), Scalar("- a", "text", 1, 10))
    assert embedded.place(1, 3) == Place(1, 10, exact=False)


@pytest.mark.parametrize("style", ["|", ">", '"', "'", None])
@given(text=st.text(alphabet="ab -:#'\"\\\n\té😀", min_size=1, max_size=60))
def test_every_character_maps_to_the_same_character(style: str | None, text: str) -> None:
    written = yaml.safe_dump({"objects": text}, default_style=style, allow_unicode=True, width=20)
    if style is None:
        written = yaml.safe_dump({"objects": text}, allow_unicode=True, width=20)
    scalar, lines = objects_of(written), Lines(written)
    embedded, own = Embedded(lines, scalar), Lines(scalar.text)
    for offset, character in enumerate(scalar.text):
        inner = own.place(offset)
        place = embedded.place(inner.line, inner.column)
        assert place.exact
        if character not in " \n\t'\"\\\u2028":
            assert lines[place.line][place.column - 1] in (character, "\\")
