"""Keys of a secret as files: which, under what names, and what is refused."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.csi.files.json_keys import choose, files_of, formatted
from provider.csi.request.model import KeyChoice
from provider.csi.request.parameters import parse_class
from provider.csi.request.paths import fault_in
from provider.engine.content.budget import Budget
from provider.engine.content.json_document import parse
from provider.errors import KeyNotFound, ProviderError, SecretUnusable

SECRET = b"""{"user": "ada", "port": 5432, "ratio": 1.10, "tls": true, "none": null,
"db_a": {"x": [1, 2.50]}, "db_b": "", "a/b": "nested"}"""


@cache
def choice(keys: str = "'*'", more: str = "", translation: str = "") -> KeyChoice:
    text = f"- {{objectName: db, objectType: secretsmanager, jsonKeys: {keys}, {more}}}"
    parameters = {"objects": text, "pathTranslation": translation}
    (obj,) = parse_class(parameters, default_mode=0o644, default_region="x").objects
    assert obj.keys is not None
    return obj.keys


def files(wanted: KeyChoice, secret: bytes = SECRET) -> dict[str, bytes]:
    found = files_of(wanted, choose(wanted, parse(secret), Budget()))
    return {file: content for _, file, content in found}


def test_every_key_with_a_value_becomes_a_file_as_jmespath_writes_it() -> None:
    assert files(choice()) == {
        "user": b"ada",
        "port": b"5432",
        "ratio": b"1.10",
        "tls": b"true",
        "db_a": b'{"x":[1,2.50]}',
        "db_b": b"",
        "a_b": b"nested",
    }


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("[user, port]", {"user", "port"}),
        ("['db_*']", {"db_a", "db_b"}),
        ("['db_[b]', user]", {"db_b", "user"}),
        ("['d?_a']", {"db_a"}),
        ("['USER*']", set()),
        ("['x*']", set()),
        ("['n*']", set()),
        ("[a/b]", {"a_b"}),
    ],
    ids=["names", "glob", "set", "one letter", "capitals", "no match", "null", "translated"],
)
def test_names_and_globs_choose_keys(keys: str, expected: set[str]) -> None:
    assert set(files(choice(keys))) == expected


def test_a_key_that_is_spelled_like_a_glob_is_meant_too() -> None:
    assert files(choice("['a[1]']"), b'{"a[1]": "x", "a1": "y"}') == {"a[1]": b"x", "a1": b"y"}


@pytest.mark.parametrize("keys", ["[user, nope, none]", "[nope, '*', none]"])
def test_listed_names_without_a_value_are_named(keys: str) -> None:
    with pytest.raises(KeyNotFound) as caught:
        files(choice(keys))
    text = str(caught.value)
    assert text.startswith(
        'jsonKeys "nope", "none": there is nothing, or null; the keys are "user"'
    )
    assert "ada" not in text


@pytest.mark.parametrize(
    ("secret", "kind"), [(b"[1]", "a list"), (b'"hunter2"', "a string"), (b"null", "null")]
)
def test_only_an_object_has_keys(secret: bytes, kind: str) -> None:
    with pytest.raises(SecretUnusable, match=f"the secret is {kind}, not an object"):
        files(choice(), secret)


def test_a_prefix_comes_before_the_names_and_may_make_folders() -> None:
    assert set(files(choice("[user]", "keyPrefix: db-"))) == {"db-user"}
    nested = choice("[user, a/b]", "keyPrefix: conf/db-", "False")
    assert set(files(nested)) == {"conf/db-user", "conf/db-a/b"}


HOSTILE = {
    "parent": '{"../x": "hunter2"}',
    "parent within": '{"a/../../x": "hunter2"}',
    "absolute": '{"/etc/x": "hunter2"}',
    "dots": '{"..": "hunter2"}',
    "dot": '{".": "hunter2"}',
    "data link": '{"..data": "hunter2"}',
    "NUL": '{"a\\u0000b": "hunter2"}',
    "too long": '{"%s": "hunter2"}' % ("k" * 256),
    "empty": '{"": "hunter2"}',
    "half a surrogate": '{"\\ud800": "hunter2"}',
    "value": '{"a": "\\ud800hunter2"}',
    "deep value": '{"a": ["\\ud800hunter2"]}',
}


@pytest.mark.parametrize("translation", ["", "False", "/"])
def test_a_hostile_secret_is_refused_and_never_a_file(translation: str) -> None:
    for name, secret in HOSTILE.items():
        with pytest.raises(SecretUnusable) as caught:
            files(choice(translation=translation), secret.encode())
        text = str(caught.value)
        assert "the key " in text or "the value of " in text, name
        assert "hunter2" not in text, name
        assert "\n" not in text, name
        assert len(text) < 500, name


@pytest.mark.parametrize("key", ["../x", "/etc/x", "a/../x", ""])
def test_a_prefix_does_not_make_a_hostile_key_good(key: str) -> None:
    with pytest.raises(SecretUnusable):
        files(choice("'*'", "keyPrefix: p-"), b'{"%s": "x"}' % key.encode())


def test_of_many_hostile_keys_the_first_are_named() -> None:
    with pytest.raises(SecretUnusable) as caught:
        files(choice(), b"{%s}" % b",".join(b'"../%d": 1' % number for number in range(9)))
    assert str(caught.value).count('the key "') == 5
    assert "and 4 more" in str(caught.value)


@given(st.dictionaries(st.text(max_size=6) | st.sampled_from(["..", "a/b", "/"]), st.integers()))
def test_whatever_the_keys_are_files_are_what_the_driver_takes(values: dict[str, int]) -> None:
    for translation in ("", "False"):
        try:
            found = files_of(choice(translation=translation), values)
        except ProviderError:
            continue
        assert not [file for _, file, _ in found if fault_in(file)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("json", b'{"port":5432,"ratio":1.10,"db_a":{"x":[1,2.50]}}'),
        ("dotenv", b"port='5432'\nratio='1.10'\ndb_a='{\"x\":[1,2.50]}'\n"),
        ("properties", b'port=5432\nratio=1.10\ndb_a={"x"\\:[1,2.50]}\n'),
    ],
)
def test_a_format_holds_the_chosen_keys_in_one_file(kind: str, expected: bytes) -> None:
    wanted = choice("[port, ratio, db_a]", f"format: {kind}")
    assert wanted.format is not None
    assert formatted(wanted.format, choose(wanted, parse(SECRET), Budget())) == expected


def test_what_a_format_cannot_hold_is_reported_with_its_name() -> None:
    with pytest.raises(SecretUnusable, match='format dotenv: the key "a/b" is not the name'):
        formatted("dotenv", {"a/b": "hunter2"})
