"""Prints JSON schemas of a class, of its `objects`, and of External Secrets resources, for editors.

They are generated from the parser's tables of keys (`provider.csi.request.keys`). A schema refuses
what the parser only warns about: unknown keys, and keys with another capitalization. Rules between
keys are left to `validate`.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence

from provider.csi.request.keys import OBJECT_KEYS, PARAMETER_KEYS
from provider.manifests.keys import Key
from provider.tools.arguments import Parser, paragraph
from provider.tools.resource_schemas import DIALECT, Schema, of_kind
from provider.tools.resources.kinds import KINDS

_KINDS = {name.lower(): name for name in KINDS}
"""The kinds of External Secrets resources, by the names of their schemas."""

EXIT_CODES: Mapping[int, str] = {0: "the schema is printed", 2: "wrong command line"}
_ABOUT = """\
Print a JSON schema for editors. Editors with yaml-language-server read it from the first line:
  # yaml-language-server: $schema=secretproviderclass.schema.json
In a class, objects is only text to YAML, so this schema does not check its content. If objects is
in a file of its own (for kustomize or Helm), use the schema of the objects there.

example:
  secrets-provider-aws schema externalsecret > externalsecret.schema.json"""


def add_options(parser: Parser) -> None:
    schemas = {
        "class": "a SecretProviderClass (default)",
        "objects": "the text of objects",
        **{name: f"the kind {kind}, in all its versions" for name, kind in _KINDS.items()},
    }
    parser.usage = f"{parser.prog} [SCHEMA]"
    parser.description = _ABOUT
    parser.epilog = f"{paragraph('schemas', schemas)}\n\n{paragraph('exit codes', EXIT_CODES)}"
    which, kinds = "see below", tuple(schemas)
    parser.add_argument(
        "of", nargs="?", choices=kinds, default="class", metavar="SCHEMA", help=which
    )


def run(options: Namespace) -> int:
    sys.stdout.write(as_text(options.of))
    return 0


def as_text(of: str) -> str:
    schemas: Mapping[str, Callable[[], Schema]] = {"class": of_class, "objects": of_objects}
    schema = of_kind(_KINDS[of]) if of in _KINDS else schemas[of]()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def of_objects() -> Schema:
    """The schema of the text under `objects`."""
    entry = _mapping(OBJECT_KEYS)
    # The only rule between keys here, because it is the most common mistake.
    entry["if"] = {"properties": {"objectName": {"pattern": "^arn:"}}}
    entry["else"] = {"required": ["objectType"]}
    return {
        "$schema": DIALECT,
        "title": "objects of a SecretProviderClass of the provider aws",
        "type": "array",
        "minItems": 1,
        "items": entry,
    }


def of_class() -> Schema:
    """The schema of the manifest: the fields of the driver, the parameters of this provider."""
    parameters = {key.name: _parameter(key) for key in PARAMETER_KEYS}
    required = [key.name for key in PARAMETER_KEYS if key.required]
    return {
        "$schema": DIALECT,
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
    """The schema of a parameter. The API server accepts only text."""
    bounds = {"minLength": 1} if key.required else {}
    return {**_about(key), **_text(key, "string"), **bounds}


def _about(key: Key) -> Schema:
    default = f". Default: {key.default}" if key.default else ""
    return {"description": f"{key.meaning}{default}"}


def _value(key: Key) -> Schema:
    """The schema of a value in the `objects` text."""
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
        return {"type": kind, "pattern": f"^(?:{key.pattern})$"}
    return {"type": kind}
