"""sprig's encodings, JSON and YAML. Binary data passes unchanged."""

import base64
import binascii
import re
from typing import Final

from provider.controller.resources.keys import go_base64
from provider.controller.template import go_json, go_yaml, yaml_writer
from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions
from provider.controller.template.unicode_text import from_utf8
from provider.controller.template.values import ANY, List, Map, Value

TABLE = Functions()
add = TABLE.add

_ALPHABET_32: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

add("b64enc", "string")(base64.b64encode)
add("b32enc", "string")(base64.b32encode)


def _base32_blocks(data: bytes) -> bytes:
    """The data without line breaks; ValueError, with Go's text, where Go's decoder refuses it."""
    kept = bytearray()
    for offset, byte in enumerate(data):
        if byte in _ALPHABET_32:
            kept.append(byte)
        elif byte == ord("="):
            return bytes(kept) + _padding(data, offset, len(kept) % 8)
        elif byte not in b"\r\n":
            raise _illegal(offset)
    if len(kept) % 8:
        raise _illegal(len(data) - len(kept) % 8)
    return bytes(kept)


def _padding(data: bytes, at: int, partial: int) -> bytes:
    """The padding, which begins at `at`, of a block with `partial` characters."""
    if partial not in (2, 4, 5, 7):
        raise _illegal(at)
    for _ in range(8 - partial):
        while at < len(data) and data[at] in b"\r\n":
            at += 1
        if data[at : at + 1] != b"=":
            raise _illegal(at)
        at += 1
    rest = data[at:].lstrip(b"\r\n")
    if rest:
        raise _illegal(len(data) - len(rest))
    return b"=" * (8 - partial)


def _illegal(offset: int) -> ValueError:
    return ValueError(f"illegal base32 data at input byte {offset}")


@add("b64dec", "string")
def _b64dec(data: bytes) -> bytes:
    try:
        return go_base64(data, url=False)
    except ValueError as error:
        return str(error).encode()


@add("b32dec", "string")
def _b32dec(data: bytes) -> bytes:
    try:
        return base64.b32decode(_base32_blocks(data))
    except binascii.Error:
        return b"illegal base32 data at input byte 0"
    except ValueError as error:
        return str(error).encode()


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
