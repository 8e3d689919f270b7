"""A secret that is a JSON object, read as Go's encoding/json reads it."""

import pytest

from provider import errors
from provider.controller.values.json_object import described, read_object

CANARY = "canary-4711"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"{}", {}),
        (b' { "a" : "x" } \n', {"a": b"x"}),
        (b'{"a":"1","a":"2"}', {"a": b"2"}),
        (b'{"n":12345678901234567890123,"f":1.10,"e":1E3}', None),
        (b'{"o":{"b": [1,  2]},"l":[ ]}', {"o": b'{"b": [1,  2]}', "l": b"[ ]"}),
        (b'{"t":true,"f":false,"n":null}', {"t": b"true", "f": b"false", "n": b""}),
        (
            b'{"u":"\\u00e9\\ud83d\\ude00","lone":"\\ud800"}',
            {"u": "é😀".encode(), "lone": b"\xef\xbf\xbd"},
        ),
        (b'{"raw":"\xff","o":["\xff"]}', {"raw": b"\xef\xbf\xbd", "o": b'["\xff"]'}),
        (b'{"":"x"}', {"": b"x"}),
        (b"{" + b'"n":' + b"9" * 10_000 + b"}", {"n": b"9" * 10_000}),
    ],
)
def test_what_an_object_holds(document: bytes, expected: dict[str, bytes] | None) -> None:
    if expected is None:
        expected = {"n": b"12345678901234567890123", "f": b"1.10", "e": b"1E3"}
    assert read_object(document) == expected


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"   ",
        b"{",
        b'{"a"',
        b'{"a":',
        b'{"a":1',
        b'{"a":1,}',
        b'{"a":1 "b":2}',
        b"{'a':1}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":01}',
        b'{"a":"\n"}',
        b'{1:"a"}',
        b'\xef\xbb\xbf{"a":1}',
        b"null",
        b"[]",
        b'"' + CANARY.encode() + b'"',
        b'{"a":"' + CANARY.encode() + b'"} x',
        b'{"a":' + b"[" * 50_000,
    ],
)
def test_what_is_no_object_is_refused_without_a_quote(document: bytes) -> None:
    with pytest.raises(errors.SecretUnusable) as raised:
        read_object(document)
    assert CANARY not in str(raised.value)


def test_keys_of_a_document_for_messages() -> None:
    document = ('{"user":"' + CANARY + '","pass word":1}').encode()
    assert described(document) == 'the keys are "user", "pass word"'
    assert described(CANARY.encode()) == "the secret is not JSON"
