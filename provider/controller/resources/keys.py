"""Keys and values of Secrets: conversion, validation, decoding, null bytes.

Each function raises ValueError with the text for the condition. Values never occur in texts.
"""

import base64
import re
import unicodedata
from collections.abc import Mapping

from provider.controller.resources.external_secret import (
    ConversionStrategy,
    DecodingStrategy,
    NullBytePolicy,
)
from provider.manifests.problems import quote

LONGEST_KEY = 253
_TIP = "invalid secret keys (TIP: use rewrite or conversionStrategy to change keys): "
_ALLOWED = "only alphanumeric, '-', '.' and '_' are allowed"
_STANDARD = re.compile(rb"[A-Za-z0-9+/]*+={0,2}")
_URL = re.compile(rb"[-A-Za-z0-9_]*+={0,2}")
_NOT_STANDARD = re.compile(rb"[^A-Za-z0-9+/\r\n]")
_NOT_URL = re.compile(rb"[^-A-Za-z0-9_\r\n]")


def convert_keys(data: Mapping[str, bytes], strategy: ConversionStrategy) -> dict[str, bytes]:
    """The data with keys that a Secret can hold; ValueError where two become the same."""
    converted: dict[str, bytes] = {}
    for key in data:
        name = convert_key(key, strategy)
        if name in converted:
            raise ValueError(f"secret name collision during conversion: {name}")
        converted[name] = data[key]
    return converted


def convert_key(key: str, strategy: ConversionStrategy) -> str:
    """A key whose other characters are replaced: by `_`, or by `_U` and their number."""
    if strategy == "Unicode":
        return "".join(one if _is_plain(one) else f"_U{ord(one):04x}_" for one in key)
    return "".join(one if _is_plain(one) else "_" for one in key)


def _is_plain(character: str) -> bool:
    """Whether a character is a letter, a number, or one of `-._`, in Go's sense of Unicode."""
    if character.isascii():
        return character.isalnum() or character in "-._"
    return unicodedata.category(character)[0] in "LN"


def check_keys(data: Mapping[str, bytes]) -> dict[str, bytes]:
    """The data without an empty key; ValueError where a key cannot be one of a Secret."""
    for key in sorted(data):
        if len(key.encode(errors="surrogatepass")) > LONGEST_KEY:
            raise ValueError(
                f"{_TIP}key has length {len(key)} but max is {LONGEST_KEY}: {quote(key)}"
            )
        wrong = re.search(r"[^-._a-zA-Z0-9]", key)
        if wrong:
            what = f"key has invalid character {_encodable(wrong[0])}"
            raise ValueError(f"{_TIP}{what}, {_ALLOWED}: {_encodable(key)}")
    return {key: value for key, value in data.items() if key}


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def decode_values(data: Mapping[str, bytes], strategy: DecodingStrategy) -> dict[str, bytes]:
    """The data with each value decoded; ValueError names the key that cannot be."""
    decoded = {}
    for key, value in data.items():
        try:
            decoded[key] = _decode(value, strategy)
        except ValueError as error:
            what = f"failure decoding key {quote(key)[1:-1]}: {error}"
            raise ValueError(_not_decoded(strategy, what)) from None
    return decoded


def decode_value(value: bytes, strategy: DecodingStrategy) -> bytes:
    try:
        return _decode(value, strategy)
    except ValueError as error:
        raise ValueError(_not_decoded(strategy, str(error))) from None


def _not_decoded(strategy: DecodingStrategy, what: str) -> str:
    return f"error applying decoding strategy {strategy} to data: {what}"


def _decode(value: bytes, strategy: DecodingStrategy) -> bytes:
    if strategy == "None":
        return value
    if strategy == "Base64":
        return go_base64(value, url=False)
    if strategy == "Base64URL":
        return go_base64(value, url=True)
    for url in (False, True):
        try:
            return go_base64(value, url=url)
        except ValueError:
            continue
    return value


def go_base64(value: bytes, *, url: bool) -> bytes:
    """Padded Base64 as Go decodes it: line breaks are skipped, unused bits are not checked.

    Raises ValueError with Go's text.
    """
    text = value.translate(None, b"\r\n")
    whole = _URL if url else _STANDARD
    if len(text) % 4 or not whole.fullmatch(text):
        fault_at = _fault_at(value, _NOT_URL if url else _NOT_STANDARD)
        raise ValueError(f"illegal base64 data at input byte {fault_at}")
    return base64.urlsafe_b64decode(text) if url else base64.b64decode(text)


def _fault_at(value: bytes, foreign: re.Pattern[bytes]) -> int:
    """Where Go finds the fault of a text that is no Base64; `foreign` finds what it has not."""
    found = foreign.search(value)
    at = found.start() if found else len(value)
    filled = (at - value.count(b"\r", 0, at) - value.count(b"\n", 0, at)) % 4
    if found is None:
        return at - filled
    return _fault_in_padding(value, at + 1, filled) if found[0] == b"=" else at


def _fault_in_padding(value: bytes, at: int, filled: int) -> int:
    """The same, where the byte before `at` is the first `=` after `filled` characters of four."""
    if filled < 2:
        return at - 1
    at = _after_breaks(value, at)
    if filled == 2:
        if at == len(value):
            return at
        if value[at] != ord("="):
            return at - 1
        at = _after_breaks(value, at + 1)
    return at


def _after_breaks(value: bytes, at: int) -> int:
    while at < len(value) and value[at] in b"\r\n":
        at += 1
    return at


def check_null_bytes(data: Mapping[str, bytes], policy: NullBytePolicy) -> None:
    """ValueError for a value with a null byte, where the policy is Fail."""
    if policy != "Fail":
        return
    for key in sorted(data):
        if b"\0" in data[key]:
            raise ValueError(
                f"fetched secret value for key {quote(key)} contains null bytes; "
                "use decodingStrategy if it is encoded, or nullBytePolicy Ignore to take it"
            )
