"""`schema`: JSON schemas of a class and of its `objects`, for editors.

Generated from the parser's own tables of keys (`provider.csi.request.keys`). A schema is stricter than the
parser in what the latter only warns of: keys that nobody knows, or in other capitals. What keys
mean to each other is for `validate`.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from provider.tools.arguments import Parser, listed
from provider.tools.ended import ending
from provider.csi.request.keys import OBJECT_KEYS, PARAMETER_KEYS, Key

PROGRAM = "secrets-provider-aws schema"

Schema = dict[str, Any]

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest that editors know well (yaml-language-server)."""

_ABOUT = """\
Print a JSON schema for editors. Those that use yaml-language-server take the first line of a file:
  # yaml-language-server: $schema=secretproviderclass.schema.json
objects is text to YAML, and so it is checked in a class for being there alone; a file of its own
(for kustomize or Helm to put in) can have the schema of the objects."""


def parser() -> Parser:
    """All options, for whoever prints or completes them."""
    schemas: dict[object, str] = {
        "class": "a SecretProviderClass; the default",
        "objects": "the text of objects",
    }
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [class|objects]",
        description=_ABOUT,
        epilog=listed("schemas", schemas),
    )
    parser.add_argument(
        "of", nargs="?", choices=("class", "objects"), default="class", help="of what"
    )
    return parser


def run(arguments: Sequence[str]) -> int:
    """Parse `arguments`, print; the exit code."""

    def show() -> int:
        sys.stdout.write(as_text(parser().parse_args(arguments).of))
        return 0

    return ending(PROGRAM, show)


def as_text(of: str) -> str:
    """The schema as a file."""
    schemas: Mapping[str, Callable[[], Schema]] = {"class": of_class, "objects": of_objects}
    return json.dumps(schemas[of](), indent=2, ensure_ascii=False) + "\n"


def of_objects() -> Schema:
    """What the text under `objects` may be."""
    entry = _mapping(OBJECT_KEYS)
    # The one thing here that keys mean to each other: it is what is forgotten most.
    entry["if"] = {"properties": {"objectName": {"pattern": "^arn:"}}}
    entry["else"] = {"required": ["objectType"]}
    return {
        "$schema": _DIALECT,
        "title": "objects of a SecretProviderClass of the provider aws",
        "type": "array",
        "minItems": 1,
        "items": entry,
    }


def of_class() -> Schema:
    """What a manifest of the class may be: the driver's fields, our parameters."""
    parameters = {key.name: _parameter(key) for key in PARAMETER_KEYS}
    required = [key.name for key in PARAMETER_KEYS if key.required]
    return {
        "$schema": _DIALECT,
        "title": "SecretProviderClass of the provider aws",
        **_object(
            {
                "apiVersion": {"const": "secrets-store.csi.x-k8s.io/v1"},
                "kind": {"const": "SecretProviderClass"},
                "metadata": {"type": "object", "required": ["name"]},
                "spec": _object(
                    {
                        "provider": {"const": "aws"},
                        "parameters": _object(parameters, required),
                        "secretObjects": {"type": "array", "items": _SECRET_OBJECT},
                    },
                    ["provider", "parameters"],
                ),
            },
            ["apiVersion", "kind", "metadata", "spec"],
        ),
    }


def _object(properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(properties),
    }


_STRINGS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_SECRET_OBJECT: Schema = {
    "description": "A Kubernetes Secret that the driver makes of the files",
    **_object(
        {
            "secretName": {"type": "string"},
            "type": {"type": "string", "description": "Type of the Secret, such as Opaque"},
            "labels": _STRINGS,
            "annotations": _STRINGS,
            "data": {
                "type": "array",
                "minItems": 1,
                "items": _object(
                    {
                        "objectName": {
                            "type": "string",
                            "description": "Path of a file of the class",
                        },
                        "key": {"type": "string", "description": "Key in the Secret"},
                    },
                    ["objectName", "key"],
                ),
            },
        },
        ["secretName", "type", "data"],
    ),
}


def _mapping(keys: Sequence[Key]) -> Schema:
    required = [key.name for key in keys if key.required]
    return _object({key.name: {**_about(key), **_value(key)} for key in keys}, required)


def _parameter(key: Key) -> Schema:
    """A parameter: the API server takes nothing but text."""
    if key.type == "list":
        return {**_about(key), "type": "string", "minLength": 1}
    return {**_about(key), **_text(key, "string")}


def _about(key: Key) -> Schema:
    default = f". Default: {key.default}" if key.default else ""
    return {"description": f"{key.meaning}{default}"}


def _value(key: Key) -> Schema:
    """What may stand under a key of the `objects` text."""
    match key.type:
        case "list":
            return {"type": "array", "items": _mapping(key.keys)}
        case "mapping":
            one = _mapping(key.keys)
            return {"anyOf": [one, {"type": "array", "minItems": 1, "maxItems": 1, "items": one}]}
        case "names":
            several = {"type": "array", "items": {"type": ["string", "integer"]}}
            return {"anyOf": [{"const": "*"}, several]}
        case "boolean":
            return {"anyOf": [{"type": "boolean"}, _text(key, "string")]}
        case "quoted":
            return _text(key, "string")
        case "text":
            return _text(key, ["string", "integer"])


def _text(key: Key, kind: str | list[str]) -> Schema:
    if key.choices:
        return {"enum": list(key.choices)}
    if key.pattern:
        return {"type": "string", "pattern": f"^(?:{key.pattern})$"}
    return {"type": kind}
