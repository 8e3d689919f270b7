"""Whatever the input: an output or one of our own errors."""

import re

from hypothesis import given
from hypothesis import strategies as st

from provider.controller.target.yaml_map import parse_yaml_map
from provider.controller.template import Limits, TemplateError, compile_template
from provider.controller.template.functions import FUNCTIONS
from provider.controller.values.property import read_property
from provider.controller.values.rewrite import regexp_rewriter
from provider.errors import InvalidRequest

SMALL = Limits(steps=20_000, memory_bytes=1 << 20, output_bytes=1 << 16)
DATA = {
    "a": b"tom", "b": b"\xff\x00", "n": b"42", "j": b'{"x":[1,{"y":null}]}', "e": b"",
    "p": b"-----BEGIN A-----\nQUFB\n-----END A-----\n", "u": "한 é".encode(),
}  # fmt: skip
SLOW = {"genPrivateKey", "genCA", "genSelfSignedCert", "genSignedCert", "bcrypt", "derivePassword"}

values = st.sampled_from([
    ".a", ".b", ".n", ".j", ".e", ".p", ".u", ".nope", ".", "nil", "true", "1", "-1", "0", "1.5",
    "1e300", "9223372036854775807", '""', '"x"', "`(`", "(list)", "(list 1 nil)", "(dict)",
    '(dict "k" (list))', "(until 3)", "(splitList `,` `a,b`)", "(int64 2)", "(fromJson .j)",
    "now", "(semver `1.2.3`)", "(float64 `NaN`)", "99999", "$", "'x'", "(repeat 300 `é`)",
])  # fmt: skip
names = st.sampled_from(sorted(set(FUNCTIONS) - SLOW))
calls = st.tuples(names, st.lists(values, max_size=4)).map(lambda c: " ".join([c[0], *c[1]]))
pipelines = st.lists(st.one_of(calls, values), min_size=1, max_size=3).map(" | ".join)
actions = st.one_of(
    pipelines.map("{{{{ {} }}}}".format),
    st.tuples(
        st.sampled_from(["if", "with", "range", "range $i, $e :=", "$x :=", "define `d`"]),
        pipelines,
    ).map(lambda parts: f"{{{{ {parts[0]} {parts[1]} }}}}"),
    st.sampled_from(
        [
            "{{ end }}",
            "{{ else }}",
            "{{ break }}",
            "{{ continue }}",
            "{{- ",
            " -}}",
            "{{",
            "}}",
            "{{/* */}}",
            "text",
            "\n",
            "{{ template `d` . }}",
            "{{ $x }}",
            "{{ $e }}",
            "{{ else if .a }}",
        ]
    ),
)


def error_of(text: str, **more: bytes) -> str:
    """The error of a template, or an empty text. Any other exception fails the test."""
    try:
        compile_template("k", text, limits=SMALL).render({**DATA, **more})
    except TemplateError as error:
        return str(error)
    return ""


@given(st.lists(actions, max_size=8).map("".join))
def test_any_template_renders_or_fails_with_a_template_error(text: str) -> None:
    assert re.match("template: k:|$", error_of(text))


@given(calls)
def test_any_call_of_any_function_returns_or_fails_with_a_template_error(call: str) -> None:
    assert re.match("template: k:1:|$", error_of(f"{{{{ {call} }}}}"))


@given(st.text(alphabet="{}-\"'`$.:=|()/*\\ \nabc019é%_,", max_size=60), st.booleans())
def test_any_text_is_a_template_or_a_template_error(text: str, inside: bool) -> None:
    error = error_of(f"{{{{{text}}}}}" if inside else text)
    assert re.match(r"template: k:\d|$", error)


@given(st.text(alphabet='%+-# 0123456789.*[]vTtbcdoOqxXUeEfFgGsw"é', max_size=20))
def test_any_format_is_printed(layout: str) -> None:
    text = "{{ printf .f 42 1.5 .a nil (list 1 .a) (dict `k` true) true }}"
    error = error_of(text, f=layout.encode())
    assert not error or "padded" in error or "exceed" in error


PATH_PARTS = [
    "a", "b", "0", "1", "*", "?", "#", ".", "|", "\\", "@this", "@keys", "@reverse", "@flatten",
    "@join", "@tostr", "@fromstr", "@valid", "@ugly", "@values", "@group", ":{\"deep\":true}",
    "#(", "#[", ")", ")#", "]", "==", "!=", ">", "<=", "%", "\"x\"", "~true", "[", "{", "}", ",",
    "!1", "!true", "!\"s\"", "..", ":", "é",
]  # fmt: skip
documents = st.one_of(
    st.sampled_from([
        '{"a":{"b":[1,"x",null,true,{"a":1.5}]},"0":"z","b":"\\u00e9\\n"}', '[[1,[2]],{"a":[]}]',
        '{"a":1}\n{"a":2}', '"s"', "", '{"a":"', '{"a":[1,2', "{a:1}", "nope",
    ]),
    st.text(alphabet='{}[]":,\\u019-.etrufalsn ab\n', max_size=40),
)  # fmt: skip


@given(documents, st.lists(st.sampled_from(PATH_PARTS), max_size=8).map("".join))
def test_any_property_of_any_document_is_read_or_refused(document: str, path: str) -> None:
    try:
        found = read_property(document.encode(), path)
    except InvalidRequest:
        return
    assert found is None or isinstance(found, bytes)


@given(st.text(alphabet="ab:-?&*!|>'\"{}[],#% \n\t01.~<é\u0085\u2028\ufeff", max_size=40))
def test_any_text_is_a_yaml_map_or_refused(text: str) -> None:
    try:
        found = parse_yaml_map(text.encode())
    except InvalidRequest:
        return
    assert all(isinstance(value, bytes) for value in found.values())


@given(st.binary(max_size=40))
def test_any_bytes_are_a_yaml_map_or_refused(content: bytes) -> None:
    try:
        parse_yaml_map(content)
    except InvalidRequest:
        return


@given(
    st.text(alphabet="ab(){}[]|*+?.^$\\PpQEC1,:<>é", max_size=20),
    st.text(alphabet="$0123{}ab", max_size=8),
    st.text(alphabet="ab/é", max_size=10),
)
def test_any_regular_expression_rewrites_or_is_refused(source: str, target: str, key: str) -> None:
    try:
        rename = regexp_rewriter(source, target)
    except InvalidRequest:
        return
    assert isinstance(rename(key), str)
