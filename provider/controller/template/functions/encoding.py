"""sprig's encodings, JSON and YAML. Binary data passes unchanged."""

import base64
import binascii
import re
from typing import Final

from provider.controller.template import go_json, go_yaml, yaml_writer
from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.registry import Table, adder
from provider.controller.template.unicode_text import from_utf8
from provider.controller.template.values import ANY, List, Map, Value

TABLE: Table = {}
add = adder(TABLE)

_ALPHABET_64: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_ALPHABET_32: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

add("b64enc", "string")(base64.b64encode)
add("b32enc", "string")(base64.b32encode)


class CorruptInput(Exception):
    """The data is not in its encoding from `offset` on, in bytes."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def decode_blocks(data: bytes, alphabet: frozenset[int], size: int) -> bytes:
    """The data without line breaks, checked as Go's decoders check it.

    `size` is the block: 4 for base64, 8 for base32. Raises CorruptInput.
    """
    kept = bytearray()
    for offset, byte in enumerate(data):
        if byte in alphabet:
            kept.append(byte)
        elif byte == 0x3D:
            return _padded(data, offset, kept, size)
        elif byte not in b"\r\n":
            raise CorruptInput(offset)
    if len(kept) % size:
        raise CorruptInput(_end_offset(data, kept, size))
    return bytes(kept)


def _end_offset(data: bytes, kept: bytearray, size: int) -> int:
    return len(data) - len(kept) % size


def _padded(data: bytes, offset: int, kept: bytearray, size: int) -> bytes:
    """Checks the padding, which begins at `offset`."""
    partial = len(kept) % size
    if partial not in ({4: (2, 3), 8: (2, 4, 5, 7)}[size]):
        raise CorruptInput(offset)
    wanted = size - partial
    at = offset
    for _ in range(wanted):
        while at < len(data) and data[at] in b"\r\n":
            at += 1
        if at >= len(data):
            raise CorruptInput(len(data))
        if data[at] != 0x3D:
            raise CorruptInput(at - 1 if size == 4 else at)
        at += 1
    rest = data[at:].lstrip(b"\r\n")
    if rest:
        raise CorruptInput(len(data) - len(rest))
    return bytes(kept) + b"=" * wanted


def base64_decode(data: bytes) -> bytes:
    """base64.StdEncoding.DecodeString. Raises CorruptInput."""
    return binascii.a2b_base64(decode_blocks(data, _ALPHABET_64, 4))


@add("b64dec", "string")
def _b64dec(data: bytes) -> bytes:
    try:
        return base64_decode(data)
    except CorruptInput as error:
        return b"illegal base64 data at input byte %d" % error.offset


@add("b32dec", "string")
def _b32dec(data: bytes) -> bytes:
    try:
        return base64.b32decode(decode_blocks(data, _ALPHABET_32, 8))
    except CorruptInput as error:
        return b"illegal base32 data at input byte %d" % error.offset
    except binascii.Error:
        return b"illegal base32 data at input byte 0"


_HEX: Final = re.compile(rb"[0-9a-fA-F]*")


@add("hexdec", "string")
def _hexdec(data: bytes) -> bytes:
    match = _HEX.match(data)
    if not match or match.end() != len(data):
        raise FunctionError("encoding/hex: invalid byte")
    if len(data) % 2:
        raise FunctionError("encoding/hex: odd length hex string")
    return bytes.fromhex(data.decode())


add("mustFromJson", "string", budget=True)(lambda budget, text: go_json.decode(text, budget))


@add("fromJson", "string", budget=True)
def _from_json(budget: Budget, text: bytes) -> Value:
    try:
        return go_json.decode(text, budget)
    except FunctionError:
        return None


add("mustToJson", "any", budget=True)(lambda budget, value: go_json.encode(value, budget))
add("mustToPrettyJson", "any", budget=True)(
    lambda budget, value: go_json.encode(value, budget, indent=True)
)
add("mustToRawJson toRawJson", "any", budget=True)(
    lambda budget, value: go_json.encode(value, budget, escape_html=False)
)


@add("toJson", "any", budget=True)
def _to_json(budget: Budget, value: Value) -> bytes:
    try:
        return go_json.encode(value, budget)
    except FunctionError:
        return b""


@add("toPrettyJson", "any", budget=True)
def _to_pretty_json(budget: Budget, value: Value) -> bytes:
    try:
        return go_json.encode(value, budget, indent=True)
    except FunctionError:
        return b""


@add("toYaml", "any", budget=True)
def _to_yaml(budget: Budget, value: Value) -> bytes:
    try:
        document = go_yaml.parse(go_json.encode(value, budget).decode(), budget)
        return yaml_writer.emit(document, budget).encode()
    except FunctionError:
        return b""


_MAP: Final = f"map[string]{ANY}"


@add("fromYaml", "string", budget=True)
def _from_yaml(budget: Budget, text: bytes) -> Value:
    """The mapping; one with the key Error where the text is not one."""
    try:
        value = go_yaml.as_json(go_yaml.parse(from_utf8(text), budget), budget)
    except FunctionError as error:
        return Map({b"Error": f"error converting YAML to JSON: {error}".encode()})
    if value is None:
        return Map({})
    if not isinstance(value, Map):
        what = f"json: cannot unmarshal {_json_kind(value)} into Go value of type {_MAP}"
        return Map({b"Error": f"error unmarshaling JSON: while decoding JSON: {what}".encode()})
    return value


def _json_kind(value: Value) -> str:
    """Go's name for a type of JSON."""
    if isinstance(value, List):
        return "array"
    return {bytes: "string", bool: "bool"}.get(type(value), "number")
