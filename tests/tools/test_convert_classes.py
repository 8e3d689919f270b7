"""`convert` of classes: the controller gives the values that the daemon mounts."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from provider.controller.resources.objects import read_store
from provider.controller.values.property import read_property
from provider.csi.request.model import MountSpec, Pod
from provider.csi.request.parameters import parse_class
from provider.engine.content.budget import Budget
from provider.engine.content.expressions import compile_expression
from provider.engine.content.jmespath_search import extract
from provider.manifests.kubernetes import read_classes
from provider.tools.convert.property_paths import gjson_path
from testbed.agent import FakeAgent
from testbed.aws import FakeAws, allow
from testbed.aws.iam import CONTROLLER_ACTIONS
from testbed.kubernetes import FakeKubernetes
from testbed.tokens import STS_AUDIENCE, issue_token
from tests.cli.conftest import Run
from tests.controller.values.world import READY, opened
from tests.tools.node import make_node
from tests.tools.stock import stock

REGION = "eu-west-1"
POD = Pod("shop", "web-0", "uid-0", "web")
HEAD = """\
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {{name: app, namespace: shop}}
spec:
  provider: aws
  parameters:
    region: eu-west-1
    objects: |
{objects}
"""
POD_MANIFEST = """\
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  serviceAccountName: web
  volumes:
  - csi: {driver: secrets-store.csi.k8s.io, readOnly: true,
          volumeAttributes: {secretProviderClass: app}}
"""
OBJECTS = {
    "whole, version and label": """
- {objectName: a/db, objectType: secretsmanager}
- {objectName: api, objectType: secretsmanager, objectAlias: old, objectVersionLabel: AWSPREVIOUS}
- {objectName: /p/host, objectType: ssmparameter}
- {objectName: /p/port, objectType: ssmparameter, objectVersion: "2"}
""",
    "paths": """
- objectName: db
  objectType: secretsmanager
  jmesPath:
  - {path: user, objectAlias: user}
  - {path: a.b, objectAlias: inner}
  - {path: '"x.y"', objectAlias: dotted}
  - {path: 'list[1]', objectAlias: second}
  - {path: api-key, objectAlias: literal}
""",
    "decoded": """
- {objectName: api, objectType: secretsmanager, objectEncoding: base64}
""",
    "all keys": """
- {objectName: flat, objectType: secretsmanager, jsonKeys: "*", keyPrefix: db-, omitWhole: true}
- {objectName: api, objectType: secretsmanager, jsonKeys: [key], omitWhole: true}
""",
    "a path": """
- {objectName: /tree, objectType: ssmparameterpath, recursive: true, keyPrefix: t-}
""",
}


def manifest(objects: str, rest: str = "") -> str:
    lines = "".join(f"      {line}\n" for line in objects.strip().splitlines())
    return HEAD.format(objects=lines) + rest


def converted(command: Run, path: Path) -> list[dict[str, Any]]:
    result = command("convert", path)
    assert (result.code, result.err) == (0, "")
    return list(yaml.safe_load_all(result.out))


@pytest.mark.parametrize("name", OBJECTS)
def test_the_controller_gives_what_the_daemon_mounts(  # noqa: PLR0917 (fixtures)
    name: str,
    aws: FakeAws,
    agent: FakeAgent,
    kubernetes: FakeKubernetes,
    command: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = manifest(OBJECTS[name])
    (tmp_path / "a.yaml").write_text(text + POD_MANIFEST)
    documents = converted(command, tmp_path / "a.yaml")
    (klass,) = read_classes(text)
    spec = parse_class(klass.parameters, default_mode=0o644, default_region=None)
    may = [*allow(), *allow("*", *CONTROLLER_ACTIONS)]
    role = aws.cloud.put_role("web", trust=["shop:web"], allow=may)
    kubernetes.put_service_account("shop", "web", role_arn=role.arn)
    stock(aws.cloud, spec, REGION)
    aws.cloud.put_secret(
        "db",
        '{"user": "u", "a": {"b": "c"}, "x.y": "d", "list": ["0", "1"], "api-key": "k"}',
        region=REGION,
    )
    aws.cloud.put_secret("flat", '{"user": "u", "pass/word": "p"}', region=REGION)
    node = make_node(aws, agent, kubernetes, tmp_path, monkeypatch)
    token = issue_token("shop", "web", audience=STS_AUDIENCE, pod="web-0", pod_uid="uid-0")

    async def mounted() -> Mapping[str, bytes]:
        async with node.daemon() as mount:
            delivery = await mount(MountSpec(POD, "app", "/target", {STS_AUDIENCE: token}, spec))
        return {file.path: file.content for file in delivery.files}

    files = asyncio.run(mounted())
    assert asyncio.run(fetched(aws, documents, role.arn)) == files


async def fetched(aws: FakeAws, documents: list[dict[str, Any]], role: str) -> Mapping[str, bytes]:
    *stores, external_secret = documents
    async with opened(aws) as world:
        world.cluster.put_account("shop", "web", role_arn=role)
        for store in stores:
            parsed = read_store({**store, "status": READY}, "SecretStore")
            world.stores["SecretStore", "shop", store["metadata"]["name"]] = parsed
        spec = dict(external_secret["spec"])
        spec["store"] = spec.pop("secretStoreRef")
        found = await world.fetch(*spec.pop("data", []), **spec)
    return found.data


SYNCED = """\
  secretObjects:
  - secretName: login
    type: kubernetes.io/basic-auth
    labels: {team: blue}
    data: [{objectName: user, key: username}, {objectName: db-pass, key: password}]
"""


def test_secret_objects_become_external_secrets(command: Run, tmp_path: Path) -> None:
    objects = """
- {objectName: db, objectType: secretsmanager, jsonKeys: "*", keyPrefix: db-, omitWhole: true}
- objectName: /p/u
  objectType: ssmparameter
  objectAlias: user
"""
    (tmp_path / "a.yaml").write_text(manifest(objects, SYNCED) + POD_MANIFEST)
    *stores, secret = converted(command, tmp_path / "a.yaml")
    assert [one["metadata"]["name"] for one in stores] == ["app-parameters", "app-secrets"]
    account = stores[0]["spec"]["provider"]["aws"]["auth"]["jwt"]["serviceAccountRef"]
    assert account == {"name": "web"}
    assert secret["metadata"] == {"name": "login", "namespace": "shop"}
    assert secret["spec"]["target"] == {
        "name": "login",
        "template": {"type": "kubernetes.io/basic-auth", "metadata": {"labels": {"team": "blue"}}},
    }
    first, second = secret["spec"]["data"]
    assert first == {"secretKey": "username", "remoteRef": {"key": "/p/u"}}
    assert second["remoteRef"] == {"key": "db", "property": "pass"}
    assert second["sourceRef"]["storeRef"]["name"] == "app-secrets"


def test_what_a_secret_does_not_keep_is_noted(command: Run, tmp_path: Path) -> None:
    objects = """
- {objectName: a, objectType: secretsmanager, objectAlias: tls/key, filePermission: "0400"}
- {objectName: b, objectType: secretsmanager}
"""
    text = manifest(objects, '    pathTranslation: "False"\n') + POD_MANIFEST
    (tmp_path / "a.yaml").write_text(text)
    out = " ".join(command("convert", tmp_path / "a.yaml").out.replace("#", "").split())
    assert "can have are changed: tls/key is tls_key." in out
    assert "filePermission is left out: set defaultMode" in out
    synced = SYNCED.replace(
        "{objectName: user, key: username}, {objectName: db-pass,", "{objectName: b,"
    )
    text = manifest(objects, '    pathTranslation: "False"\n' + synced) + POD_MANIFEST
    (tmp_path / "a.yaml").write_text(text)
    out = " ".join(command("convert", tmp_path / "a.yaml").out.replace("#", "").split())
    assert "Files that secretObjects does not name are in no Secret: tls/key." in out


@pytest.mark.parametrize(
    ("objects", "rest", "expected"),
    [
        ("- {objectName: a, objectType: secretsmanager, objectEncoding: hex}", "", "hex has no"),
        (
            (
                "- {objectName: a, objectType: secretsmanager, jmesPath: "
                "[{path: 'keys(@)', objectAlias: k}]}"
            ),
            "",
            "keys(@) has no equivalent in gjson",
        ),
        ("- {objectName: a, objectType: secretsmanager, optional: true}", "", "is an error"),
        (
            '- {objectName: a, objectType: secretsmanager, jsonKeys: ["x-*"], omitWhole: true}',
            "",
            "the glob x-* has no equivalent",
        ),
        (
            "- {objectName: a, objectType: secretsmanager}",
            "    failoverRegion: eu-west-2\n",
            "there is no failover",
        ),
        (
            "- {objectName: a, objectType: secretsmanager}",
            '    usePodIdentity: "true"\n',
            "stores cannot use EKS Pod Identity",
        ),
    ],
)
def test_what_has_no_equivalent_is_reported(
    command: Run, tmp_path: Path, objects: str, rest: str, expected: str
) -> None:
    (tmp_path / "a.yaml").write_text(manifest(objects, rest) + POD_MANIFEST)
    result = command("convert", tmp_path / "a.yaml")
    assert result.code == 1
    assert expected in result.err
    assert expected in " ".join(result.out.replace("#", "").split()) or not result.out


def test_without_a_pod_the_service_account_is_asked_for(command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(manifest("- {objectName: a, objectType: secretsmanager}"))
    result = command("convert", tmp_path / "a.yaml")
    assert (result.code, "add --service-account" in result.err) == (1, True)
    assert command("convert", tmp_path / "a.yaml", "--service-account", "web").code == 0


KEYS = some.sampled_from(["a", "b-c", "x.y", 'q"', "0", "*", "a|b", "#", "@this", "\\", "ü"])


@given(some.lists(KEYS, min_size=1, max_size=3))
def test_paths_give_the_same_value(keys: list[str]) -> None:
    document: Any = "leaf"
    for key in reversed(keys):
        document = {key: document, "other": "x"}
    content = json.dumps(document).encode()
    written = ".".join(json.dumps(key) for key in keys)
    value = extract(compile_expression(written), document, Budget())
    path = gjson_path(written)
    assert path is not None
    assert read_property(content, path) == value
