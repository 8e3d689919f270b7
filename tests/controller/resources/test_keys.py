"""Conversion and validation of keys, decoding of values, null bytes."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.controller.resources.external_secret import ConversionStrategy, DecodingStrategy
from provider.controller.resources.keys import (
    check_keys,
    check_null_bytes,
    convert_key,
    convert_keys,
    decode_value,
    decode_values,
    go_base64,
)

CONVERTED: list[tuple[str, ConversionStrategy, str]] = [
    ("/e2e/find/name/x/one", "Default", "_e2e_find_name_x_one"),
    ("a b/c", "Unicode", "a_U0020_b_U002f_c"),
    ("😀", "Unicode", "_U1f600_"),
    ("😀", "Default", "_"),
    ("비밀-1._", "Default", "비밀-1._"),
    ("½²", "Default", "½²"),
    ("é€", "Default", "é_"),
]


@pytest.mark.parametrize(("key", "strategy", "expected"), CONVERTED)
def test_keys_are_converted_as_by_the_operator(
    key: str, strategy: ConversionStrategy, expected: str
) -> None:
    assert convert_key(key, strategy) == expected


def test_two_keys_that_become_the_same_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"^secret name collision during conversion: a_b$"):
        convert_keys({"a/b": b"1", "a:b": b"2"}, "Default")
    assert convert_keys({"a/b": b"1", "a:b": b"2"}, "Unicode") == {
        "a_U002f_b": b"1",
        "a_U003a_b": b"2",
    }


def test_a_key_that_no_secret_can_hold_is_named() -> None:
    message = (
        "invalid secret keys (TIP: use rewrite or conversionStrategy to change keys): key has "
        "invalid character /, only alphanumeric, '-', '.' and '_' are allowed: foo/bar"
    )
    with pytest.raises(ValueError, match="TIP") as caught:
        check_keys({"ok": b"", "foo/bar": b"x"})
    assert str(caught.value) == message
    with pytest.raises(ValueError, match="비"):
        check_keys({"비": b""})
    with pytest.raises(ValueError, match="key has length 254 but max is 253"):
        check_keys({"x" * 254: b""})
    assert check_keys({"": b"1", "x" * 253: b"2"}) == {"x" * 253: b"2"}


BASE64: list[tuple[bytes, bytes | int, bytes | int]] = [
    (b"", b"", b""),
    (b"YWJj", b"abc", b"abc"),
    (b"YWI=", b"ab", b"ab"),
    (b"YQ==", b"a", b"a"),
    (b"YQ=", 3, 3),
    (b"YQ", 0, 0),
    (b"Y", 0, 0),
    (b"YWJjZ", 4, 4),
    (b"YWJj=", 4, 4),
    (b"YQ===", 4, 4),
    (b"YQ==YQ==", 4, 4),
    (b"YW\nJj\r\n", b"abc", b"abc"),
    (b"YQ=\n=", b"a", b"a"),
    (b"YQ=\n=x", 5, 5),
    (b"YWI=\n", b"ab", b"ab"),
    (b"YWI=x", 4, 4),
    (b"Y===", 1, 1),
    (b"=", 0, 0),
    (b"YW-j", 2, b"ao\xa3"),
    (b"YW_/", 2, 3),
    (b"a b", 1, 1),
    (b"test1234", b"\xb5\xeb-\xd7m\xf8", b"\xb5\xeb-\xd7m\xf8"),
    (b"YR==", b"a", b"a"),
    (b"YWJ=", b"ab", b"ab"),
    (b"YWJjYQ", 4, 4),
    (b"\n\nYQ", 2, 2),
    (b"YWJjYWI\n", 5, 5),
    (b"====", 0, 0),
    (b"YWI==", 4, 4),
    ("é".encode(), 0, 0),
    (b"YQ=a", 2, 2),
    (b"YWJj\nYQ=\n", 9, 9),
]
"""What Go 1.24 makes of texts by StdEncoding and URLEncoding: bytes, or the place of the fault."""


@pytest.mark.parametrize(("text", "standard", "url"), BASE64)
def test_base64_is_read_as_go_reads_it(
    text: bytes, standard: bytes | int, url: bytes | int
) -> None:
    for expected, is_url in ((standard, False), (url, True)):
        if isinstance(expected, bytes):
            assert go_base64(text, url=is_url) == expected
        else:
            with pytest.raises(
                ValueError, match=rf"^illegal base64 data at input byte {expected}$"
            ):
                go_base64(text, url=is_url)


@given(st.binary())
def test_base64_gives_back_what_was_encoded(value: bytes) -> None:
    assert go_base64(base64.encodebytes(value), url=False) == value
    assert go_base64(base64.urlsafe_b64encode(value), url=True) == value


@given(st.text(alphabet="YQ=-/\n ").map(str.encode))
def test_base64_raises_nothing_but_value_errors(text: bytes) -> None:
    assert isinstance(decode_value(text, "Auto"), bytes)


DECODED: list[tuple[bytes, DecodingStrategy, bytes]] = [
    (b"YQ==", "None", b"YQ=="),
    (b"YQ==", "Base64", b"a"),
    (b"-_-_", "Base64URL", b"\xfb\xff\xbf"),
    (b"-_-_", "Auto", b"\xfb\xff\xbf"),
    (b"a b", "Auto", b"a b"),
]


@pytest.mark.parametrize(("value", "strategy", "expected"), DECODED)
def test_values_are_decoded(value: bytes, strategy: DecodingStrategy, expected: bytes) -> None:
    assert decode_value(value, strategy) == expected


def test_what_cannot_be_decoded_is_told_without_the_value() -> None:
    prefix = "error applying decoding strategy Base64 to data: "
    with pytest.raises(ValueError, match="illegal") as caught:
        decode_value(b"hush hush", "Base64")
    assert str(caught.value) == f"{prefix}illegal base64 data at input byte 4"
    with pytest.raises(ValueError, match="illegal") as caught:
        decode_values({"a": b"YQ==", "b": b"hush hush"}, "Base64")
    assert str(caught.value) == (
        f"{prefix}failure decoding key b: illegal base64 data at input byte 4"
    )


def test_null_bytes_are_refused_by_the_policy_only() -> None:
    check_null_bytes({"a": b"\0"}, "Ignore")
    check_null_bytes({"a": b"x"}, "Fail")
    with pytest.raises(
        ValueError, match=r'^fetched secret value for key "a" contains null bytes; '
    ):
        check_null_bytes({"a": b"hush\0"}, "Fail")
