"""Files of several values: whoever reads one gets the values back."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from hypothesis import example, given
from hypothesis import strategies as st

from provider.engine.content.formats import Format, write
from provider.errors import SecretUnusable

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
tricky = st.text(st.sampled_from("'\"\\$`#{} \n\r\tax=é"), max_size=8)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


def written(kind: Format, values: dict[str, str]) -> bytes:
    return write(kind, values, {key: value.encode() for key, value in values.items()})


def read_dotenv(file: Path, content: bytes) -> dict[str, str | None]:
    file.write_bytes(content)
    return dict(dotenv_values(file, interpolate=False))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("formats") / ".env"


@given(st.dictionaries(names, texts | tricky, max_size=6))
@example({"A": "it's \\\\ $5", "B": "'", "C": '"'})
@example({"A": "x\\", "B": "'\"", "C": "y\\"})
def test_python_reads_from_a_dotenv_file_what_was_written(
    file: Path, values: dict[str, str]
) -> None:
    try:
        content = written("dotenv", values)
    except SecretUnusable:
        assert any(value.endswith("\\") or "\0" in value for value in values.values())
        return
    assert read_dotenv(file, content) == values


DOTENV = {
    "plain": ("hunter2", b"K='hunter2'\n"),
    "empty": ("", b"K=''\n"),
    "dollar": ("$HOME ${HOME}", b"K='$HOME ${HOME}'\n"),
    "comment": ("a #b", b"K='a #b'\n"),
    "lines": ("a\nb", b"K='a\nb'\n"),
    "apostrophe": ("it's", b'K="it\'s"\n'),
    "quotes": ('say "x"', b"K='say \"x\"'\n"),
    "both quotes": ("'\"", b'K="\'\\""\n'),
    "apostrophe and dollar": ("it's $5", b"K='it\\'s $5'\n"),
    "backslash": ("a\\b", b"K='a\\b'\n"),
    "carriage return": ("a\r\nb", b'K="a\\r\nb"\n'),
    "backslash at the end": ("a\\", b"K=a\\\n"),
}


@pytest.mark.parametrize(("value", "expected"), DOTENV.values(), ids=DOTENV.keys())
def test_dotenv_quotes_as_little_as_readers_agree_on(value: str, expected: bytes) -> None:
    assert written("dotenv", {"K": value}) == expected


@pytest.mark.parametrize(
    "values",
    [
        {"api key": "hunter2"},
        {"": "hunter2"},
        {"1st": "hunter2"},
        {"A=B": "hunter2"},
        {"A\nB": "hunter2"},
        {"É": "hunter2"},
        {"A": "hunter2\0"},
        {"A": "hunter2 \\"},
    ],
    ids=["space", "empty", "digit", "sign", "line", "letter", "NUL", "backslash"],
)
def test_what_a_dotenv_file_cannot_hold_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(SecretUnusable) as caught:
        written("dotenv", values)
    assert "hunter2" not in str(caught.value)


_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_UNIT = re.compile(r"\\u([0-9A-F]{4})|\\(.)|(.)", re.DOTALL)


def unescaped(text: str) -> str:
    units = "".join(
        chr(int(found[1], 16)) if found[1] else _ESCAPED.get(found[2], found[2]) or found[3]
        for found in _UNIT.finditer(text)
    )
    return units.encode("utf-16-be", "surrogatepass").decode("utf-16-be")


def read_properties(content: bytes) -> dict[str, str]:
    """As java.util.Properties.load reads, without continued lines, which are never written."""
    found = {}
    for line in content.decode("iso-8859-1").split("\n")[:-1]:
        key = re.match(r"(?:\\.|[^\\=: \t\f])*", line)
        assert key is not None
        assert not line.startswith(("#", "!"))
        value = line[key.end() :]
        assert value.startswith("=")
        found[unescaped(key[0])] = unescaped(value[1:].lstrip(" \t\f"))
    return found


@given(st.dictionaries(texts | tricky, texts | tricky, max_size=6))
@example({" a b ": "  x ", "#k": "!v", "k=": "\\u0041", "ü😀": "\x00\x7f\n\r"})
def test_java_reads_from_a_properties_file_what_was_written(values: dict[str, str]) -> None:
    content = written("properties", values)
    assert content.isascii()
    assert read_properties(content) == values


def test_properties_are_written_as_java_writes_them() -> None:
    content = written("properties", {"db url": " jdbc:x=1 y", "ü": "é😀", "#": "a\tb\\"})
    assert content.decode().splitlines() == [
        r"db\ url=\ jdbc\:x\=1 y",
        r"\u00FC=\u00E9\uD83D\uDE00",
        r"\#=a\tb\\",
    ]


json_values: Any = st.recursive(
    st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@given(st.dictionaries(texts, json_values, max_size=5))
def test_json_holds_the_values_as_they_are(values: dict[str, Any]) -> None:
    assert json.loads(write("json", values, {})) == values
