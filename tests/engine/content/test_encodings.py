"""Encoded values: which are taken, and what a refusal tells."""

import pytest

from provider.engine.content.encodings import Encoding, decode
from provider.errors import SecretUnusable

DECODED: dict[str, tuple[bytes, Encoding, bytes]] = {
    "base64": (b"AP8=", "base64", b"\x00\xff"),
    "base64 in lines": (b"AP\r\n8=\n", "base64", b"\x00\xff"),
    "base64 of nothing": (b"", "base64", b""),
    "hex": (b"00fF", "hex", b"\x00\xff"),
    "hex in lines": (b" 00\nff ", "hex", b"\x00\xff"),
}


@pytest.mark.parametrize(("content", "encoding", "expected"), DECODED.values(), ids=DECODED.keys())
def test_what_is_encoded_is_decoded(content: bytes, encoding: Encoding, expected: bytes) -> None:
    assert decode(content, encoding) == expected


REFUSED: dict[str, tuple[bytes, Encoding]] = {
    "no padding": (b"AP8", "base64"),
    "alphabet of URLs": (b"_-8=", "base64"),
    "text": (b"hunter2!", "base64"),
    "not ASCII": ("hünter2=".encode(), "base64"),
    "odd hex": (b"abc", "hex"),
    "no hex": (b"hunter2!", "hex"),
    "prefixed hex": (b"0x00", "hex"),
    "not ASCII hex": ("٠٠".encode(), "hex"),
}


@pytest.mark.parametrize(("content", "encoding"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_decode_is_reported_without_its_content(
    content: bytes, encoding: Encoding
) -> None:
    with pytest.raises(SecretUnusable) as caught:
        decode(content, encoding)
    assert str(caught.value) == f"the value is not {encoding}"
    assert caught.value.__cause__ is None
