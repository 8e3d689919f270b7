"""`remoteRef.property`: gjson paths and ESO's rule for dots."""

import json

import pytest

from provider.controller.values.property import property_faults, read_property
from provider.errors import InvalidRequest
from tests.controller.template.oracle import ROWS, load

DOCUMENT = (
    b'{"tls.crt": "CRT", "a": {"b.c": 1, "b": {"c": "nested"}}, "n": null, "d": 1, "d": 2,'
    b' "o": { "x" : [1, 2] }, "big": 12345678901234567890, "f": 1.10, "s": "a\\n\\u00e9",'
    b' "list": [{"k": "x", "v": 1}, {"k": "y", "v": 2}]}'
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tls.crt", b"CRT"),
        ("a.b.c", b"nested"),
        ("n", b""),
        ("d", b"1"),
        ("o", b'{ "x" : [1, 2] }'),
        ("o.x.1", b"2"),
        ("big", b"12345678901234567890"),
        ("f", b"1.1"),
        ("s", "a\né".encode()),
        ('list.#(k=="y").v', b"2"),
        ("list.#.k", b'["x","y"]'),
        ("list.#", b"2"),
        ("nope", None),
        ("a.nope", None),
        ("", DOCUMENT),
    ],
)
def test_the_value_of_a_property(path: str, value: bytes | None) -> None:
    assert read_property(DOCUMENT, path) == value


def test_binary_documents_are_searched_as_they_are() -> None:
    assert read_property(b'{"a":"\xff\x00"}', "a") == b"\xff\x00"
    assert read_property(b"\xff\xfe", "a") is None


@pytest.mark.parametrize("name", ["@pretty", "@dig:x", "o|@pretty"])
def test_a_modifier_that_is_not_supported_says_so(name: str) -> None:
    with pytest.raises(InvalidRequest, match=r"the gjson modifier @[a-z]+ is not supported"):
        read_property(DOCUMENT, name)


@pytest.mark.parametrize(
    "path",
    [
        "x" * 2000,
        "[" * 500,
        "@this|" * 170,
        "{" + "o," * 300 + "o}|" + "[@this,@this]|" * 20,
        "*." * 400,
    ],
)
def test_a_costly_path_ends(path: str) -> None:
    large = b'{"o":' + b"[" * 1000 + b"1" * 1000 + b"]" * 1000 + b"}"
    try:
        read_property(large, path)
    except InvalidRequest as error:
        assert "11111" not in str(error)  # noqa: PT017 - whether it fails depends on the path


@pytest.mark.parametrize("path", ["[@this,@this]", "[@this,@this]|@flatten"])
def test_a_path_that_doubles_the_document_ends_early(path: str) -> None:
    with pytest.raises(InvalidRequest, match="more than 100000 steps"):
        read_property(b'{"o":1}', "|".join([path] * 40))


def test_lists_in_lists_are_flattened_within_the_limit() -> None:
    with pytest.raises(InvalidRequest, match="more than 100000 steps"):
        read_property(b"[" * 10_000, '@flatten:{"deep":true}')


def test_a_property_ends_when_the_time_is_over() -> None:
    with pytest.raises(InvalidRequest, match="takes too long"):
        read_property(DOCUMENT, "list.#.k", lambda _steps=0: True)


@pytest.mark.parametrize("path", ["*a" * 400, 'list.#(k%"' + "*a" * 400 + '").v'])
def test_wildcards_are_not_tried_on_long_texts_without_time_for_it(path: str) -> None:
    document = json.dumps({"a" * 60_000: 1, "list": [{"k": "a" * 60_000, "v": 1}]}).encode()
    with pytest.raises(InvalidRequest, match="takes too long"):
        read_property(document, path, lambda steps=0: steps > 100_000)


QUERY = 'users.#(name=="anna"'


@pytest.mark.parametrize(
    ("path", "fault"),
    {
        QUERY: 'the query "#(name==\\"anna\\"" has no closing )',
        "users.#[a": 'the query "#[a" has no closing ]',
        f"{{a,b:{QUERY})}}": None,
        f"[a,@values.{QUERY}]": '"[a,@values.users.#(name==\\"anna…" has no closing ]',
        f"#(x.{QUERY}).y==1)": None,
        "#(x.@dig:y==1)": "the gjson modifier @dig is not supported",
        'a.#(b=="x.@dig")': None,
        "a|@pretty": "the gjson modifier @pretty is not supported",
        "a.{b,c": '"{b,c" has no closing }',
        "[a,{b,c]": '"[a,{b,c]" has no closing ]',
        "#(a==1)b": '"b" follows "#(a==1)" without a dot',
        "#(a==1)#.b": None,
        "[a,b]#.c": '"#.c" follows "[a,b]" without a dot',
        '@flatten:{"deep":true}.0': None,
        "!true.a": None,
        "#(a!1)": "a query has the operator !, which matches nothing",
        '#(a=~"x.*")': 'the value "~\\"x.*\\"" of a query matches nothing',
        "#(a==~true)": None,
        "[" * 1024: f'"{"[" * 30}…" has no closing ]',
        "[" * 500 + "a" + "]" * 500: "is nested too deeply",
        "a" * 1025: "is longer than 1024 characters",
    }.items(),
    ids=lambda one: one[:24] if one else "",
)
def test_paths_that_are_surely_mistakes(path: str, fault: str | None) -> None:
    assert [one.message for one in property_faults(path) if one.kind != "doubtful"] == [
        fault
    ] * bool(fault)


@pytest.mark.parametrize(
    ("path", "fault"),
    {
        "a..b": "a step of the path is empty",
        ".a": "a step of the path is empty",
        "a.": "a step of the path is empty",
        "..0.a": None,
        "$.a": "gjson takes $ as a key",
        "a.users[0].b": 'gjson takes the bracket as a part of the key, in "users[0]"',
        "users[?a=='b']": "gjson takes the bracket as a part of the key",
        r"users\[0\]": None,
        'a."b-c"': "gjson takes the quotes as a part of the key",
        "#(a=='b')": "gjson takes single quotes as a part of the value of a query",
        '#(a=="b" && c=="d")': "a query has one condition",
        "a b.*.tls\\.crt.@type": None,
    }.items(),
)
def test_paths_that_are_probably_mistakes(path: str, fault: str | None) -> None:
    found = property_faults(path)
    assert len(found) == bool(fault)
    assert not any(
        one.kind != "doubtful" or not one.message.startswith(fault or "") for one in found
    )


def test_no_path_that_finds_something_in_go_is_a_mistake() -> None:
    paths = {row["path"] for row in load(ROWS / "gjson.json")["rows"] if row["exists"]}
    wrong = {
        path
        for path in paths
        if path and any(one.kind != "doubtful" for one in property_faults(path))
    }
    assert wrong == {"[name", "{name"}  # gjson searches for the empty key
