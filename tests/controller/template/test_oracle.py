"""24,000 rows that real Go made: the same output, or an error on both sides."""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from provider.controller.gjson.search import get
from provider.controller.target.yaml_map import parse_yaml_map
from provider.controller.template import TemplateError, compile_template, pkcs12_process
from provider.controller.template.functions import pkcs12_files
from provider.controller.template.limits import Budget, Limits
from provider.controller.template.unicode_text import from_utf8, to_utf8
from provider.controller.values.property import read_property
from provider.controller.values.rewrite import regexp_rewriter
from provider.errors import InvalidRequest
from tests.controller.template.oracle import DATA, ROWS, data_of, load, text

NO_COMPLEX = "complex numbers do not exist here: they are an error"
TYPED_NIL = "a nil that is an element of a list is a plain nil: lenient templates print <no value>"
LINE_SEPARATOR = "PyYAML indents behind U+2028, which go-yaml does not"
INVALID_UTF8 = "xstrings gives bytes that are no UTF-8 the kind of the word before them"
JUNK = "ESO 2.9 skips what is before the first block; the oracle is ESO 0.16"
BEHIND = "ESO crashes on what is behind the last block; here it is ignored"

KNOWN: Mapping[str, Mapping[str, str]] = {
    "language": {
        "{{ 1i }}": NO_COMPLEX,
        "{{ range $e := list nil }}{{ $e.foo }}{{ end }}": TYPED_NIL,
    },
    "collections": {
        '{{ toYaml (dict "k" "\u2028") }}': LINE_SEPARATOR,
        '{{ toYaml (list "\u2028") }}': LINE_SEPARATOR,
        '{{ toYaml (dict "\u2028" 1) }}': LINE_SEPARATOR,
    },
    "strings": {
        "{{ .bad | snakecase }}": INVALID_UTF8,
        "{{ .bin | snakecase }}": INVALID_UTF8,
        "{{ .bad | kebabcase }}": INVALID_UTF8,
        "{{ .bin | kebabcase }}": INVALID_UTF8,
    },
    "pem": {
        '{{ filterPEM "CERTIFICATE" (print "junk" .leaf "\\n\\n  " .eckey "trailing") }}': JUNK,
        '{{ filterPEM "certificate" (print "junk" .leaf "\\n\\n  " .eckey "trailing") }}': JUNK,
        '{{ fullPemToPkcs12 (print .leaf "junk") .eckey }}': BEHIND,
    },
}
FILES = sorted(path.stem for path in ROWS.glob("*.json"))


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each row with a PKCS #12 file starts a process; `test_hostile_keys` does."""
    monkeypatch.setattr(pkcs12_files, "open_file", pkcs12_process.opened)


def render(row: Mapping[str, Any], data: Mapping[str, bytes]) -> bytes:
    delimiters = (row.get("left") or "{{", row.get("right") or "}}")
    template = compile_template(
        "k", row["template"], missing_key_fails=not row.get("lenient"), delimiters=delimiters
    )
    return template.render(data)


def ours(row: Mapping[str, Any], document: Mapping[str, Any], data: Mapping[str, bytes]) -> object:
    """What we answer; None for an error."""
    try:
        if "template" in row:
            return render(row, data)
        if "path" in row:
            source = from_utf8(text(document["json"][row["document"]]))
            found = get(source, row["path"], Budget(Limits()))
            return found.exists, to_utf8(found.string())
        if "regexp" in row:
            source, target, key = row["regexp"]
            return regexp_rewriter(source, target)(key).encode()
        return parse_yaml_map(text(row.get("yaml", "")))
    except (TemplateError, InvalidRequest):
        return None


def theirs(row: Mapping[str, Any]) -> object:
    """What Go answers; None for an error."""
    if "error" in row:
        return None
    if "path" in row:
        return row["exists"], text(row["out"])
    if "out" in row:
        return text(row["out"])
    return {key: text(value) for key, value in row.get("map", {}).items()}


@pytest.mark.parametrize("name", FILES)
def test_every_row_agrees_with_go(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashlib, "scrypt", cache(hashlib.scrypt))  # costs a tenth of a second
    monkeypatch.setattr(rsa, "generate_private_key", cache(rsa.generate_private_key))  # up to two
    document = load(ROWS / f"{name}.json")
    data = data_of(document)
    differing = {
        row.get("template") or repr(row)
        for row in document["rows"]
        if ours(row, document, data) != theirs(row)
    }
    assert differing == set(KNOWN.get(name, {}))


def test_faults_of_regular_expressions_are_told_in_gos_words() -> None:
    document = load(ROWS / "regex.json")
    data = data_of(document)
    mark = "error parsing regexp: "
    failed = [row for row in document["rows"] if mark in row.get("error", "")]
    assert failed
    for row in failed:
        with pytest.raises(TemplateError) as raised:
            render(row, data)
        fault = str(raised.value).partition(mark)[2]
        assert fault, row
        assert row["error"].partition(mark)[2].startswith(fault), row


def test_the_rows_call_every_function() -> None:
    from provider.controller.template.functions import FUNCTIONS  # noqa: PLC0415 - one test

    templates = " ".join(
        row["template"]
        for name in FILES
        for row in load(ROWS / f"{name}.json")["rows"]
        if "template" in row
    )
    words = set(templates.replace("(", " ").replace("|", " ").replace(")", " ").split())
    # made after the oracle's version of ESO, or random: test_pem.py and others test them
    elsewhere = {"certSANs", "pemTruststoreToPKCS12", "pemTruststoreToPKCS12Pass", "rsaDecrypt"}
    assert set(FUNCTIONS) - words - elsewhere == {"htpasswd", "genSignedCertWithKey"} - words


GOLDEN = load(DATA / "templates.json")


def test_golden_templates() -> None:
    for case in GOLDEN["cases"]:
        row = {"template": case["template"], "left": "", "right": ""}
        wanted = case["out"].encode() if "out" in case else None
        assert ours(row, {}, data_of(GOLDEN)) == wanted, case["template"]


def test_golden_gjson_and_the_rule_of_dots() -> None:
    golden = load(DATA / "gjson.json")
    document = golden["json"].encode()
    for case in golden["cases"]:
        found = get(golden["json"], case["path"], Budget(Limits()))
        assert (found.exists, found.string()) == (case["exists"], case["string"]), case["path"]
        if "eso" in case:
            assert read_property(document, case["path"]) == case["eso"]["k"].encode()


def test_golden_yaml_maps() -> None:
    for case in load(DATA / "yaml_map.json")["cases"]:
        if "error" in case:
            with pytest.raises(InvalidRequest):
                parse_yaml_map(case["yaml"].encode())
        else:
            found = parse_yaml_map(case["yaml"].encode())
            assert found == {key: value.encode() for key, value in case["map"].items()}


def test_golden_regexps() -> None:
    for case in load(DATA / "regexp.json")["cases"]:
        if "error" in case:
            with pytest.raises(InvalidRequest, match="error parsing regexp: missing"):
                regexp_rewriter(case["source"], case["target"])
        else:
            rename = regexp_rewriter(case["source"], case["target"])
            assert rename(case["key"]) == case["out"]
