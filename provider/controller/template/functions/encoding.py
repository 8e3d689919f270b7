"""sprig's encodings, JSON and YAML. Binary data passes unchanged."""

import base64
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

_ALPHABET_32: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

add("b64enc", "string")(base64.b64encode)
add("b32enc", "string")(base64.b32encode)


def _base32(data: bytes) -> bytes:
    """base32.StdEncoding.DecodeString. Raises ValueError with Go's text."""
    text = data.translate(None, b"\r\n")
    rest = text.lstrip(_ALPHABET_32)
    kept = len(text) - len(rest)
    partial, signs = kept % 8, len(rest) - len(rest.lstrip(b"="))
    fault = None
    if not rest:
        fault = kept - partial if partial else None
    elif not signs or partial < 2 or len(rest) > 8:
        fault = kept
    elif len(rest) + partial < 8:
        fault = len(text)
    elif signs + partial < 8:
        fault = kept + signs - 1
    elif partial in (3, 6):
        fault = kept
    if fault is not None:
        raise ValueError(f"illegal base32 data at input byte {fault}")
    return base64.b32decode(text[:kept] + b"=" * (-kept % 8))


@add("b64dec", "string")
def _b64dec(data: bytes) -> bytes:
    try:
        return go_base64(data, url=False)
    except ValueError as error:
        return str(error).encode()


@add("b32dec", "string")
def _b32dec(data: bytes) -> bytes:
    try:
        return _base32(data)
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
