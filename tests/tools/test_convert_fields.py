"""No field is lost without a word: `convert` keeps it, reports it, or notes it in a comment.

The tests walk the tables of the parsers, so that they see new fields too.
"""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import is_dataclass
from itertools import pairwise
from typing import Any

import pytest
import yaml

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.store import StoreSpec
from provider.controller.resources.table import Column, choices, columns, is_mapping, item_type
from provider.csi.request.keys import EXTRACTION_KEYS, OBJECT_KEYS, PARAMETER_KEYS
from provider.tools.convert.classes import convert_secret
from provider.tools.convert.from_classes import convert_class
from provider.tools.resources.lookup import lookup
from provider.tools.resources.parsed import instances, read_resources
from provider.tools.sources import Source
from provider.tools.validate.review import review

STORE = "spec.provider.aws"
ROLE = "arn:aws:iam::111122223333:role/reader"
KEY = {"name": "keys", "namespace": "shop", "key": "id"}
SAMPLES: Mapping[str, tuple[Any, ...]] = {
    f"{STORE}.service": ("SecretsManager", "ParameterStore"),
    f"{STORE}.region": ("eu-west-1", "us-east-1"),
    f"{STORE}.role": (ROLE, f"{ROLE}-2"),
    f"{STORE}.auth.secretRef": ({"accessKeyIDSecretRef": KEY, "secretAccessKeySecretRef": KEY},),
    f"{STORE}.auth.jwt": ({"serviceAccountRef": {"name": "a", "namespace": "shop"}},),
    f"{STORE}.auth.jwt.serviceAccountRef": ({"name": "a", "namespace": "shop"},),
    "spec.conditions": ([{"namespaces": ["shop"]}],),
    "spec.dataFrom": ([{"extract": {"key": "other"}}],),
    "spec.data": ([{"secretKey": "user", "remoteRef": {"key": "db"}}],),
    "spec.data[0].sourceRef.storeRef": ({"name": "aws", "kind": "ClusterSecretStore"},),
    "spec.data[0].sourceRef.generatorRef": ({"kind": "Password", "name": "a"},),
    "spec.syncWindows.windows": ([{"schedule": "0 8 * * *", "duration": "1h"}],),
}
"""Valid values of fields for which the walk makes none."""
REFUSED = {"spec.target.manifest"}
"""Fields that the controller refuses with any value."""
ALONE = {"spec.dataFrom[0].find", "spec.dataFrom[0].sourceRef.generatorRef"}
"""Fields beside which others are not allowed."""
NEEDED: Mapping[str, Mapping[str, Any]] = {
    f"{STORE}.externalID": {f"{STORE}.role": ROLE},
    "spec.target.template.mergePolicy": {"spec.target.template.data": {"a": "{{ .user }}"}},
}
"""Other fields that a field needs to have an effect."""
WITHOUT_EFFECT = {"spec.data[0].remoteRef.conversionStrategy"}
"""Fields that do nothing in an ExternalSecret: the strategy is for keys of dataFrom."""
BASE = yaml.safe_load("""
- apiVersion: external-secrets.io/v1
  kind: ClusterSecretStore
  metadata: {name: aws}
  spec: {provider: {aws: {service: SecretsManager, region: eu-west-1}}}
- apiVersion: external-secrets.io/v1
  kind: ExternalSecret
  metadata: {name: db, namespace: shop}
  spec:
    secretStoreRef: {name: aws, kind: ClusterSecretStore}
    data: [{secretKey: user, remoteRef: {key: db}}]
""")


def samples(column: Column, path: str) -> tuple[Any, ...]:
    """Valid values of a field: two, or of a table one."""
    kind, item = column.type, item_type(column.type)
    if path in SAMPLES:
        return SAMPLES[path]
    if is_dataclass(kind):
        return (least(kind, path),)
    if is_dataclass(item):
        return ([least(item, f"{path}[0]")],)
    if item is not None:
        return (["a"], ["b"])
    if is_mapping(kind):
        return ({"a": "x"}, {"a": "y"})
    plain = {bool: (False, True), int: (7, 8), float: ("7m", "8m")}
    return choices(kind) or plain.get(kind, ("a", "b"))


def least(table: Any, path: str) -> dict[str, Any]:
    """A table with its required fields only."""
    required = (one for one in columns(table) if one.required)
    return {one.name: samples(one, f"{path}.{one.name}")[0] for one in required}


def put(document: Any, path: str, value: Any) -> None:
    """Set a field, and the tables around it."""
    steps = re.findall(r"[^.\[\]]+", path)
    for step, following in pairwise(steps):
        empty: Any = [] if following.isdigit() else {}
        if isinstance(document, list):
            document += [empty] if len(document) == int(step) else []
            document = document[int(step)]
        else:
            document = document.setdefault(step, empty)
    last = int(steps[-1]) if isinstance(document, list) else steps[-1]
    there = document.get(last) if isinstance(document, dict) else None
    document[last] = {**there, **value} if isinstance(there, dict) else value


def converted(table: Any, given: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The class, and paths and texts of what is lost, and the notes."""
    documents = deepcopy(BASE)
    for path, value in given.items():
        put(documents[table is ExternalSecretSpec], path, deepcopy(value))
    text = "---\n".join(json.dumps(one) + "\n" for one in documents)
    resources, _ = read_resources([Source("a", text)])
    problems = [problem for one in resources for problem in one.problems]
    assert {one.path for one in problems} <= REFUSED, (given, problems)
    (instance,) = instances(resources[1])
    found = convert_secret(instance, lookup(resources), {}, use_pod_identity=False)
    lost = [f"{one.path}: {one.text}" for one in found.remarks.lost]
    return json.dumps(found.documents), [*lost, *found.remarks.notes]


def unsaid(table: Any, path: str, root: Any, around: Mapping[str, Any]) -> Iterator[str]:
    """The fields of a table that are neither kept nor said. `around` is what the table is in."""
    for one in columns(table):
        at, values = f"{path}.{one.name}", samples(one, f"{path}.{one.name}")
        if at in WITHOUT_EFFECT:
            continue
        given = {} if at in ALONE else {**around, **NEEDED.get(at, {})}
        results = [converted(root, {**given, at: value}) for value in values]
        if any(re.search(rf"{re.escape(at)}(?!\w)", said) for said in results[-1][1]):
            continue
        item = item_type(one.type)
        inner, below = (item, f"{at}[0]") if is_dataclass(item) else (one.type, at)
        if is_dataclass(inner):
            yield from unsaid(inner, below, root, {**given, at: values[0]})
        elif any(results[0] == result for result in results[1:]):
            yield at


@pytest.mark.parametrize("table", [StoreSpec, ExternalSecretSpec])
def test_every_field_is_kept_or_said(table: Any) -> None:
    assert [*unsaid(table, "spec", table, {})] == []


OBJECT = {"objectName": "a/db", "objectType": "secretsmanager"}
DEFAULTS = {"region": "eu-west-1", "objects": [OBJECT]}
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "objects": {"objects": [{**OBJECT, "objectName": "b"}]},
    "region": {"region": "us-east-1"},
    "failoverRegion": {"failoverRegion": "us-east-1"},
    "pathTranslation": {"pathTranslation": "-"},
    "usePodIdentity": {"usePodIdentity": "true"},
    "auth": {"auth": "auto"},
    "roleArn": {"roleArn": ROLE},
    "assumeRoleArn": {"assumeRoleArn": ROLE},
    "assumeRoleExternalId": {"assumeRoleArn": ROLE, "assumeRoleExternalId": "id"},
    "assumeRoleDurationSeconds": {"assumeRoleArn": ROLE, "assumeRoleDurationSeconds": "900"},
    "assumeRoleSessionTags": {"assumeRoleArn": ROLE, "assumeRoleSessionTags": "true"},
    "preferredAddressType": {"preferredAddressType": "ipv6"},
}
"""Of each parameter, a class with it."""
PATH = {"objectName": "/a", "objectType": "ssmparameterpath"}
KEYS = {**OBJECT, "jsonKeys": ["a"]}
OBJECTS: Mapping[str, Mapping[str, Any]] = {
    "objectName": {**OBJECT, "objectName": "b"},
    "objectType": {**OBJECT, "objectType": "ssmparameter"},
    "objectAlias": {**OBJECT, "objectAlias": "b"},
    "optional": {**OBJECT, "optional": True},
    "objectVersion": {**OBJECT, "objectVersion": "11111111-1111-1111-1111-111111111111"},
    "objectVersionLabel": {**OBJECT, "objectVersionLabel": "AWSPREVIOUS"},
    "recursive": {**PATH, "recursive": True},
    "filePermission": {**OBJECT, "filePermission": "0400"},
    "jmesPath": {**OBJECT, "jmesPath": [{"path": "a", "objectAlias": "b"}]},
    "objectEncoding": {**OBJECT, "objectEncoding": "base64"},
    "jsonKeys": KEYS,
    "keyPrefix": {**KEYS, "keyPrefix": "x-"},
    "format": {**KEYS, "format": "dotenv"},
    "omitWhole": {**KEYS, "omitWhole": True},
    "failoverObject": {"failoverObject": {"objectName": "b"}, **OBJECT},
}
EXTRACTION = {"path": "a", "objectAlias": "b"}
EXTRACTIONS: Mapping[str, Mapping[str, Any]] = {
    "path": {**EXTRACTION, "path": "c"},
    "objectAlias": {**EXTRACTION, "objectAlias": "c"},
    "filePermission": {**EXTRACTION, "filePermission": "0400"},
    "objectEncoding": {**EXTRACTION, "objectEncoding": "base64"},
}
NEXT = {"failoverObject": {"failoverRegion": "us-east-1"}}
"""Parameters that a key of an object needs."""


def of_class(**parameters: Any) -> object:
    """What a class with these parameters becomes: resources, what is lost, notes."""
    texts = {**DEFAULTS, **parameters}
    texts["objects"] = json.dumps(texts["objects"])
    spec = {"provider": "aws", "parameters": texts}
    kind = {"apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass"}
    text = json.dumps({**kind, "metadata": {"name": "app", "namespace": "shop"}, "spec": spec})
    (klass,) = review([Source("a", text)]).classes
    assert klass.spec is not None, parameters
    found = convert_class(klass, klass.spec, None, "web")
    lost = {(one.path, one.text) for one in found.remarks.lost}
    return found.documents, lost, found.remarks.notes


def without(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The table without one key."""
    return {key: value for key, value in table.items() if key != name}


def test_every_parameter_of_a_class_is_kept_or_said() -> None:
    assert [*PARAMETERS] == [key.name for key in PARAMETER_KEYS]
    silent = {
        name
        for name, given in PARAMETERS.items()
        if of_class(**given) == of_class(**without(given, name))
    }
    assert silent == set()


def test_every_key_of_an_object_is_kept_or_said() -> None:
    assert [*OBJECTS] == [key.name for key in OBJECT_KEYS]
    assert [*EXTRACTIONS] == [key.name for key in EXTRACTION_KEYS]
    cases = [(name, one, {**OBJECT, **without(one, name)}) for name, one in OBJECTS.items()]
    cases += [
        (name, {**OBJECT, "jmesPath": [one]}, {**OBJECT, "jmesPath": [EXTRACTION]})
        for name, one in EXTRACTIONS.items()
    ]
    silent = {
        name
        for name, one, other in cases
        if of_class(objects=[one], **NEXT.get(name, {}))
        == of_class(objects=[other], **NEXT.get(name, {}))
    }
    assert silent == set()
