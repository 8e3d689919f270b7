"""Schemas of External Secrets resources, from the tables of the controller's parser.

`object_schema` is as a CustomResourceDefinition has it, `of_kind` as an editor wants it: it refuses
unknown keys, which the API server drops.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from provider.controller.resources.table import (
    Column,
    Rule,
    Version,
    choices,
    columns,
    extra,
    is_mapping,
    item_type,
    rules,
)
from provider.tools.resources.kinds import CLUSTER_WIDE, KINDS

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest dialect that yaml-language-server supports well."""
_KUBERNETES = "x-kubernetes-"
_TYPES = {float: "string", bool: "boolean", int: "integer"}
"""A float is a duration."""
_EITHER = f"{_KUBERNETES}int-or-string"
_OPENAPI_FORMATS = frozenset({"int32", "int64"})


def meaning(table: type) -> str:
    """What a table is, from its docstring."""
    return (table.__doc__ or "").strip()


def object_schema(table: type, version: Version) -> Schema:
    """The structural schema of a table in a version of its kind."""
    keys = [one for one in columns(table) if not (one.key.only_v1 and version == "v1beta1")]
    schema: Schema = {"type": "object"}
    if keys:
        schema["properties"] = {one.name: _property(one, version) for one in keys}
    if required := [one.name for one in keys if one.required]:
        schema["required"] = required
    return schema | _validations(rules(table)) | dict(extra(table))


def of_kind(name: str) -> Schema:
    """The JSON schema of a kind for editors, in all its versions."""
    kind = KINDS[name]
    space = {} if name in CLUSTER_WIDE else {"namespace": {"type": "string"}}
    spec = _strict(object_schema(kind.table, cast("Version", kind.versions[0])))
    metadata = {"name": {"type": "string"}, **space}
    return {
        "$schema": DIALECT,
        "title": f"{name} of External Secrets",
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {
            "apiVersion": {"enum": [f"{kind.group}/{version}" for version in kind.versions]},
            "kind": {"const": name},
            "metadata": {"type": "object", "properties": metadata, "required": ["name"]},
            "spec": {"description": meaning(kind.table), **spec},
            "status": {"type": "object"},
        },
    }


def _strict(schema: Mapping[str, Any]) -> Schema:
    """The schema without what only Kubernetes knows, and without unknown keys."""
    found = {key: one for key, one in schema.items() if not key.startswith(_KUBERNETES)}
    if found.get("format") in _OPENAPI_FORMATS:
        del found["format"]
    if _EITHER in schema:
        found["type"] = ["integer", "string"]
    if "properties" in found:
        found["properties"] = {name: _strict(one) for name, one in found["properties"].items()}
    if isinstance(found.get("items"), dict):
        found["items"] = _strict(found["items"])
    is_closed = found.get("type") == "object" and "additionalProperties" not in found
    return {**found, "additionalProperties": False} if is_closed else found


def _property(column: Column, version: Version) -> Schema:
    key = column.key
    schema: Schema = {"description": key.meaning, **_value(column.type, column, version)}
    if version in key.stored:
        schema["default"] = key.stored[version]
    return schema | _validations(key.rules) | dict(key.extra)


def _value(kind: Any, column: Column, version: Version) -> Schema:
    if dataclasses.is_dataclass(kind):
        return object_schema(cast("type", kind), version)
    if (item := item_type(kind)) is not None:
        return {"type": "array", "items": _value(item, column, version)}
    if is_mapping(kind):
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if kind is float and column.key.number_too:
        return {"type": "integer"} if version == "v1beta1" else {_EITHER: True}
    if kind in _TYPES:
        return {"type": _TYPES[kind]}
    return _text(kind, column, version)


def _text(kind: Any, column: Column, version: Version) -> Schema:
    options = column.key.choices.get(version, choices(kind) or ())
    shape = column.key.items if item_type(column.type) is not None else column.key.shape
    schema: Schema = {"type": "string"}
    if shape:
        schema |= {"minLength": 1, "maxLength": shape.longest, "pattern": shape.pattern}
    return schema | ({"enum": list(options)} if options else {})


def _validations(found: tuple[Rule, ...]) -> Schema:
    if not found:
        return {}
    validations = [
        {"rule": one.cel, "message": one.message}
        | ({"messageExpression": one.expression} if one.expression else {})
        for one in found
    ]
    return {f"{_KUBERNETES}validations": validations}
