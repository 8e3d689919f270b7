"""The JSON schemas: as the parser, as the committed copies, as the examples."""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from provider.csi.request.keys import OBJECT_KEYS, PARAMETER_KEYS
from provider.csi.request.parameters import parse_class
from provider.manifests.problems import InvalidSpec
from provider.tools.resource_schemas import of_kind as schema_of
from provider.tools.resources.kinds import KINDS
from provider.tools.schema import as_text, of_class, of_objects
from tests.cli.conftest import Run
from tests.deploy.manifests import EXAMPLES, documents, of_kind

SCHEMAS = Path(__file__).parents[2] / "deploy" / "schema"
FILES = {
    "class": "secretproviderclass.schema.json",
    "objects": "objects.schema.json",
    **{kind.lower(): f"{kind.lower()}.schema.json" for kind in KINDS},
}
CLASSES = [
    pytest.param(document, id=document["metadata"]["name"])
    for path in sorted(EXAMPLES.glob("*.yaml"))
    if not path.name.startswith("driver-values")
    for document in of_kind(documents(path), "SecretProviderClass")
]


CLASS, OBJECTS = jsonschema.Draft7Validator(of_class()), jsonschema.Draft7Validator(of_objects())


@pytest.mark.parametrize(("of", "file"), FILES.items())
def test_the_committed_copies_are_up_to_date(of: str, file: str) -> None:
    assert (SCHEMAS / file).read_text() == as_text(of), "make schema"


@pytest.mark.parametrize("arguments", [["class"], ["objects"], []], ids=str)
def test_the_command_prints_them(command: Run, arguments: list[str]) -> None:
    result = command("schema", *arguments)
    assert result.code == 0
    assert result.out == (SCHEMAS / FILES[arguments[0] if arguments else "class"]).read_text()
    assert command("schema", "pod").code == 2


@pytest.mark.parametrize("schema", [of_class(), of_objects()], ids=["class", "objects"])
def test_they_are_schemas(schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("document", CLASSES)
def test_examples_are_valid(document: Any) -> None:
    CLASS.validate(document)
    OBJECTS.validate(yaml.safe_load(document["spec"]["parameters"]["objects"]))


def test_every_key_has_its_meaning() -> None:
    items, parameters = of_objects()["items"], of_class()["properties"]["spec"]["properties"]
    for key in OBJECT_KEYS:
        assert items["properties"][key.name]["description"].startswith(key.meaning)
    for key in PARAMETER_KEYS:
        assert key.name in parameters["parameters"]["properties"]


ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a"
GOOD = {
    "plain": "{objectName: a, objectType: secretsmanager}",
    "ARN without type": f'{{objectName: "{ARN}"}}',
    "number as a name": "{objectName: 123, objectType: secretsmanager}",
    "number as a version": "{objectName: /a, objectType: ssmparameter, objectVersion: 3}",
    "permission": '{objectName: a, objectType: secretsmanager, filePermission: "0400"}',
    "boolean": "{objectName: a, objectType: secretsmanager, optional: true}",
    "quoted boolean": '{objectName: a, objectType: secretsmanager, optional: "True"}',
    "all keys": '{objectName: a, objectType: secretsmanager, jsonKeys: "*"}',
    "some keys": "{objectName: a, objectType: secretsmanager, jsonKeys: [a, b*, 3]}",
    "jmesPath": (
        "{objectName: a, objectType: secretsmanager, jmesPath: [{path: x, objectAlias: x}]}"
    ),
    "failover": "{objectName: a, objectType: secretsmanager, failoverObject: {objectName: b}}",
    "failover in a list": (
        "{objectName: a, objectType: secretsmanager, failoverObject: [{objectName: b}]}"
    ),
}
BAD = {
    "no name": "{objectType: secretsmanager}",
    "no type": "{objectName: a}",
    "wrong type": "{objectName: a, objectType: ssm}",
    "name as a list": "{objectName: [a], objectType: secretsmanager}",
    "name as a boolean": "{objectName: yes, objectType: secretsmanager}",
    "fraction": "{objectName: 1.5, objectType: secretsmanager}",
    "unquoted permission": "{objectName: a, objectType: secretsmanager, filePermission: 0400}",
    "short permission": '{objectName: a, objectType: secretsmanager, filePermission: "400"}',
    "maybe": "{objectName: a, objectType: secretsmanager, optional: maybe}",
    "encoding": "{objectName: a, objectType: secretsmanager, objectEncoding: base32}",
    "keys as a word": "{objectName: a, objectType: secretsmanager, jsonKeys: a}",
    "keys as a mapping": "{objectName: a, objectType: secretsmanager, jsonKeys: {a: b}}",
    "jmesPath as a mapping": (
        "{objectName: a, objectType: secretsmanager, jmesPath: {path: x, objectAlias: x}}"
    ),
    "jmesPath without alias": "{objectName: a, objectType: secretsmanager, jmesPath: [{path: x}]}",
    "two failover objects": (
        "{objectName: a, objectType: secretsmanager, "
        "failoverObject: [{objectName: b}, {objectName: c}]}"
    ),
    "unknown key": "{objectName: a, objectType: secretsmanager, objectAlais: b}",
    "no mapping": "a",
}


def takes(schema: dict[str, Any], value: object) -> bool:
    return bool(jsonschema.Draft7Validator(schema).is_valid(value))


def parses(parameters: dict[str, str]) -> bool:
    """Without so much as a warning: an editor marks what is not known as well."""
    try:
        return not parse_class(parameters, default_mode=0o644, default_region=None).warnings
    except InvalidSpec:
        return False


@pytest.mark.parametrize(
    ("text", "is_good"),
    [(text, True) for text in GOOD.values()] + [(text, False) for text in BAD.values()],
    ids=[*GOOD, *BAD],
)
def test_parser_and_schema_agree_on_objects(text: str, is_good: bool) -> None:
    failover = {"failoverRegion": "eu-west-2"} if "failoverObject" in text else {}
    assert parses({"region": "eu-west-1", **failover, "objects": f"- {text}"}) is is_good
    assert takes(of_objects(), yaml.safe_load(f"- {text}")) is is_good


@pytest.mark.parametrize(
    ("parameters", "is_good"),
    [
        ({"region": "eu-west-1"}, True),
        ({"region": "EU"}, False),
        ({"failoverRegion": "eu-west-2"}, True),
        ({"failoverRegion": "eu west"}, False),
        ({"pathTranslation": "False"}, True),
        ({"pathTranslation": "-"}, True),
        ({"pathTranslation": "__"}, False),
        ({"usePodIdentity": "T"}, True),
        ({"usePodIdentity": "yes"}, False),
        ({"preferredAddressType": "IPv6"}, True),
        ({"preferredAddressType": "ipv5"}, False),
        ({"regoin": "eu-west-1"}, False),
    ],
    ids=str,
)
def test_parser_and_schema_agree_on_parameters(parameters: dict[str, str], is_good: bool) -> None:
    given = {"objects": "- {objectName: a, objectType: secretsmanager}", **parameters}
    document = {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": "x"},
        "spec": {"provider": "aws", "parameters": given},
    }
    assert parses(given) is is_good
    assert takes(of_class(), document) is is_good


def test_objects_are_required_and_text() -> None:
    parameters = of_class()["properties"]["spec"]["properties"]["parameters"]
    assert not takes(parameters, {})
    assert not takes(parameters, {"objects": [{"objectName": "a"}]})
    assert not takes(of_objects(), [])


DEMO = Path(__file__).parents[2] / "demo" / "controller" / "manifests"
RESOURCES = [
    pytest.param(document, id=f"{path.stem}-{document['kind']}-{document['metadata']['name']}")
    for path in sorted(DEMO.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
    if document["kind"] in KINDS
]


@pytest.mark.parametrize("kind", KINDS)
def test_resources_have_schemas(kind: str) -> None:
    schema = schema_of(kind)
    jsonschema.Draft7Validator.check_schema(schema)
    assert "x-kubernetes" not in as_text(kind.lower())


@pytest.mark.parametrize("document", RESOURCES)
def test_resources_of_users_are_valid(document: Any) -> None:
    validator = resource_validator(document["kind"])
    validator.validate(document)
    document = {**document, "spec": {**document["spec"], "refreshIntervall": "1h"}}
    with pytest.raises(jsonschema.ValidationError, match="refreshIntervall"):
        validator.validate(document)


@cache
def resource_validator(kind: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(schema_of(kind))
