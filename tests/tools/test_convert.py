"""`convert`: classes deliver the values of the operator, and losses are reported."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from provider.csi.files.layout import lay_out
from provider.csi.request.parameters import parse_class
from provider.engine.content.budget import Budget
from provider.engine.content.expressions import compile_expression
from provider.engine.content.jmespath_search import extract
from provider.engine.model import SecretRef, SecretValue
from provider.errors import ProviderError
from provider.manifests.kubernetes import read_classes
from provider.tools.convert.command import EXIT_CODES
from provider.tools.convert.property_paths import NotAPath, expression
from tests import gjson
from tests.cli.conftest import Result, Run
from tests.deploy.manifests import SECRET_PROVIDER_CLASS

STORES = """\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: sm, namespace: shop}
spec:
  provider:
    aws: {service: SecretsManager, region: eu-west-1}
---
apiVersion: external-secrets.io/v1beta1
kind: ClusterSecretStore
metadata: {name: ps}
spec:
  provider:
    aws:
      service: ParameterStore
      region: eu-west-1
      auth: {jwt: {serviceAccountRef: {name: reader, namespace: eso}}}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: prefixed, namespace: shop}
spec:
  provider:
    aws: {service: SecretsManager, region: eu-west-1, prefix: prod/}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: limited, namespace: shop}
spec:
  conditions: [{namespaces: [shop]}]
  provider:
    aws: {service: SecretsManager, region: eu-west-1}
---
"""
HEAD = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: app
  namespace: shop
spec:
  refreshInterval: 1h
  secretStoreRef: {name: sm}
"""
DB = json.dumps(
    {
        "username": "ada",
        "password": 'p"w\u00fc',
        "port": 5432,
        "tls": True,
        "hosts": ["one", "two"],
        "a.b": "dotted",
        "a": {"b": "nested", "c.d": "both", "e": {"f": ""}},
        "api-key": "dashed",
        "0": "zero",
    }
)
FIRST = (STORES + HEAD).count("\n") + 1
"""The line that comes after both."""
SECRETS: Mapping[SecretRef, bytes] = {
    SecretRef("secretsmanager", "db"): DB.encode(),
    SecretRef("secretsmanager", "db", label="AWSPREVIOUS"): b'{"username": "bob"}',
    SecretRef(
        "secretsmanager", "db", version="0bf1a1a8-4d4a-4c5b-9d1e-2f3a4b5c6d7e"
    ): b'{"username": "eve"}',
    SecretRef("secretsmanager", "prod/db"): b'{"username": "pro"}',
    SecretRef("secretsmanager", "key"): b"aGVsbG8=",
    SecretRef("secretsmanager", "jar"): b'{"key": "aGVsbG8="}',
    SecretRef("ssmparameter", "/app/url"): b"https://example",
    SecretRef("ssmparameter", "/app/url", version="3"): b"https://three",
    SecretRef("ssmparameter", "/app/url", label="live"): b"https://live",
    SecretRef("ssmparameter", "/app/json"): b'{"user": {"name": "ann"}}',
}


@pytest.fixture
def run(command: Run, tmp_path: Path) -> Run:
    """Runs `secrets-provider-aws convert` on a text."""

    def run(text: str, *arguments: object) -> Result:
        path = tmp_path / "eso.yaml"
        path.write_text(text)
        result = command("convert", path, *arguments)
        return Result(result.code, result.out, result.err.replace(f"{tmp_path}/", ""))

    return run


def delivered(text: str) -> dict[str, Mapping[str, bytes]]:
    """The Kubernetes Secrets that the driver would make of the classes' files."""
    secrets: dict[str, dict[str, bytes]] = {}
    manifests = {one["metadata"]["name"]: one for one in yaml.safe_load_all(text) if one}
    for klass in read_classes(text):
        spec = parse_class(klass.parameters, default_mode=0o644, default_region=None)
        assert not spec.warnings
        found = [(obj, SecretValue(SECRETS[obj.ref], "1")) for obj in spec.objects]
        layout = lay_out(found, Budget())
        assert not layout.failures
        content = {file.path: file.content for file in layout.files}
        for secret in manifests[klass.name]["spec"].get("secretObjects", ()):
            secrets[secret["secretName"]] = {
                data["key"]: content[data["objectName"]] for data in secret["data"]
            }
    return dict(secrets)


def entry(secret_key: str, /, **ref: object) -> str:
    return json.dumps({"secretKey": secret_key, "remoteRef": ref})


def data(*entries: str) -> str:
    return "".join(["  data:\n", *(f"    - {one}\n" for one in entries)])


PS = "  secretStoreRef: {name: ps, kind: ClusterSecretStore}\n"
SAME = {
    "a whole secret": (data(entry("config.json", key="db")), {"config.json": DB}),
    "values of one secret": (
        data(
            entry("USER", key="db", property="username"),
            entry("PASSWORD", key="db", property="password"),
            entry("PORT", key="db", property="port"),
            entry("TLS", key="db", property="tls"),
        ),
        {"USER": "ada", "PASSWORD": 'p"w\u00fc', "PORT": "5432", "TLS": "true"},
    ),
    "a secret and a value of it": (
        data(entry("all", key="db"), entry("user", key="db", property="username")),
        {"all": DB, "user": "ada"},
    ),
    "one secret under two keys": (
        data(entry("one", key="key"), entry("two", key="key")),
        {"one": "aGVsbG8=", "two": "aGVsbG8="},
    ),
    "a value called as its secret": (
        data(entry("db", key="db", property="username")),
        {"db": "ada"},
    ),
    "paths": (
        data(
            entry("dotted", key="db", property="a.b"),
            entry("deep", key="db", property=r"a.c\.d"),
            entry("empty", key="db", property="a.e.f"),
            entry("index", key="db", property="hosts.1"),
            entry("list", key="db", property="hosts"),
            entry("dash", key="db", property="api-key"),
            entry("digit", key="db", property="0"),
        ),
        {
            "dotted": "dotted",
            "deep": "both",
            "empty": "",
            "index": "two",
            "list": '["one","two"]',
            "dash": "dashed",
            "digit": "zero",
        },
    ),
    "versions": (
        data(
            entry("current", key="db", property="username", version="AWSCURRENT"),
            entry("before", key="db", property="username", version="AWSPREVIOUS"),
            entry(
                "pinned",
                key="db",
                property="username",
                version="uuid/0bf1a1a8-4d4a-4c5b-9d1e-2f3a4b5c6d7e",
            ),
        ),
        {"current": "ada", "before": "bob", "pinned": "eve"},
    ),
    "base64": (
        data(
            entry("whole", key="key", decodingStrategy="Base64"),
            entry("part", key="jar", property="key", decodingStrategy="Base64"),
            entry("raw", key="key", decodingStrategy="None"),
        ),
        {"whole": "hello", "part": "hello", "raw": "aGVsbG8="},
    ),
    "parameters": (
        PS
        + data(
            entry("url", key="/app/url"),
            entry("three", key="/app/url", version="3"),
            entry("live", key="/app/url", version="live"),
            entry("behind", key="/app/url:live"),
            entry("user", key="/app/json", property="user.name"),
        ),
        {
            "url": "https://example",
            "three": "https://three",
            "live": "https://live",
            "behind": "https://live",
            "user": "ann",
        },
    ),
    "a store with conditions": (
        "  secretStoreRef: {name: limited, kind: SecretStore}\n"
        + data(entry("user", key="db", property="username")),
        {"user": "ada"},
    ),
    "a store with a prefix": (
        "  secretStoreRef: {name: prefixed, kind: SecretStore}\n"
        + data(entry("user", key="db", property="username")),
        {"user": "pro"},
    ),
    "stores beside each other": (
        data(
            entry("user", key="db", property="username"),
            json.dumps(
                {
                    "secretKey": "url",
                    "remoteRef": {"key": "/app/url"},
                    "sourceRef": {"storeRef": {"name": "ps", "kind": "ClusterSecretStore"}},
                }
            ),
        ),
        {"user": "ada", "url": "https://example"},
    ),
    "keys renamed by a template": (
        data(entry("user", key="db", property="username"), entry("api-key", key="key"))
        + """\
  target:
    template:
      engineVersion: v2
      data:
        name: "{{ .user }}"
        key: '{{ index . "api-key" | toString }}'
""",
        {"name": "ada", "key": "aGVsbG8="},
    ),
    "a template that adds": (
        data(entry("user", key="db", property="username"))
        + "  target: {template: {mergePolicy: Merge, data: {name: '{{.user}}'}}}\n",
        {"user": "ada", "name": "ada"},
    ),
}


def spec(text: str) -> str:
    """An ExternalSecret and its stores; what `text` says again replaces what is there."""
    head = (
        HEAD.replace("  secretStoreRef: {name: sm}\n", "") if "  secretStoreRef:" in text else HEAD
    )
    return STORES + head + text


@pytest.mark.parametrize(("text", "expected"), SAME.values(), ids=SAME)
def test_the_kubernetes_secret_stays_the_same(
    run: Run, text: str, expected: Mapping[str, str]
) -> None:
    result = run(spec(text))
    assert (result.code, result.err) == (0, "")
    assert delivered(result.out) == {"app": {key: one.encode() for key, one in expected.items()}}
    jsonschema.validate(yaml.safe_load(result.out), SECRET_PROVIDER_CLASS)


def test_with_known_keys_an_extraction_is_complete(run: Run) -> None:
    text = spec(
        data(entry("username", key="db", property="api-key"))
        + "  dataFrom:\n    - extract: {key: db}\n    - extract: {key: jar}\n"
    )
    result = run(text, "--keys", "db=username,password,key", "--keys", "jar=key")
    assert (result.code, result.err) == (0, "")
    assert delivered(result.out) == {
        "app": {"username": b"dashed", "password": 'p"w\u00fc'.encode(), "key": b"aGVsbG8="}
    }


def test_with_unknown_keys_an_extraction_only_makes_files(run: Run) -> None:
    result = run(spec("  dataFrom:\n    - extract: {key: db}\n"))
    assert result.code == 1
    [klass] = read_classes(result.out)
    parsed = parse_class(klass.parameters, default_mode=0o644, default_region=None)
    found = [(one, SecretValue(SECRETS[one.ref], "1")) for one in parsed.objects]
    files = lay_out(found, Budget()).files
    assert {file.path for file in files} == set(json.loads(DB))
    assert f"eso.yaml:{FIRST + 1}: " in result.err
    assert "add --keys db=KEY,…" in result.err


def test_type_labels_and_annotations_go_to_the_secret(run: Run) -> None:
    template = """\
  target:
    name: login
    template:
      type: kubernetes.io/basic-auth
      metadata:
        labels: {app: shop}
        annotations: {note: 'a: "b"'}
"""
    result = run(spec(data(entry("username", key="db", property="username")) + template))
    [secret] = yaml.safe_load(result.out)["spec"]["secretObjects"]
    assert secret == {
        "secretName": "login",
        "type": "kubernetes.io/basic-auth",
        "labels": {"app": "shop"},
        "annotations": {"note": 'a: "b"'},
        "data": [{"objectName": "username", "key": "username"}],
    }


def test_without_a_template_labels_are_those_of_the_external_secret(run: Run) -> None:
    text = spec(data(entry("a", key="key")))
    annotations = "{kubectl.kubernetes.io/last-applied-configuration: x, team: blue}"
    meta = f"  name: app\n  labels: {{app: shop}}\n  annotations: {annotations}\n"
    result = run(text.replace("  name: app\n", meta))
    [secret] = yaml.safe_load(result.out)["spec"]["secretObjects"]
    assert (secret["labels"], secret["annotations"]) == ({"app": "shop"}, {"team": "blue"})


def test_without_a_target_there_is_no_secret(run: Run) -> None:
    result = run(spec(data(entry("a", key="key")) + "  target: {creationPolicy: None}\n"))
    assert result.code == 0
    assert "secretObjects" not in yaml.safe_load(result.out)["spec"]


# ---- what cannot be converted ----------------------------------------------------

ONE = data(entry("a", key="key"))
LOST = {
    "find": ("  dataFrom:\n    - find: {name: {regexp: .*}}\n", "spec.dataFrom[0].find", 1),
    "rewrite": (
        "  dataFrom:\n    - {extract: {key: db}, rewrite: [{regexp: {source: a, target: b}}]}\n",
        "spec.dataFrom[0].rewrite",
        1,
    ),
    "extract of a part": (
        "  dataFrom:\n    - extract: {key: db, property: a}\n",
        "spec.dataFrom[0].extract.property",
        1,
    ),
    "generator": (
        "  dataFrom:\n    - sourceRef: {generatorRef: {kind: Password, name: x}}\n",
        "spec.dataFrom[0].sourceRef.generatorRef",
        1,
    ),
    "template": (
        '  target:\n    template:\n      data:\n        url: "x://{{ .a }}@host"\n',
        "spec.target.template.data.url",
        3,
    ),
    "template of nothing": (
        '  target:\n    template:\n      data:\n        url: "{{ .b }}"\n',
        "spec.target.template.data.url",
        3,
    ),
    "templateFrom": (
        "  target:\n    template:\n      templateFrom: [{literal: x}]\n",
        "spec.target.template.templateFrom",
        2,
    ),
    "template in a label": (
        "  target:\n    template:\n      metadata:\n        labels: {a: '{{ .a }}'}\n",
        "spec.target.template.metadata.labels.a",
        3,
    ),
    "finalizers": (
        "  target:\n    template:\n      metadata:\n        finalizers: [a/b]\n",
        "spec.target.template.metadata.finalizers",
        3,
    ),
    "null bytes": (
        "  data: [{secretKey: a, remoteRef: {key: db, nullBytePolicy: Fail}}]\n",
        "spec.data[0].remoteRef.nullBytePolicy",
        0,
    ),
    "Merge": ("  target: {creationPolicy: Merge}\n", "spec.target.creationPolicy", 0),
    "Orphan": ("  target: {creationPolicy: Orphan}\n", "spec.target.creationPolicy", 0),
    "Delete": ("  target: {deletionPolicy: Delete}\n", "spec.target.deletionPolicy", 0),
    "immutable": ("  target: {immutable: true}\n", "spec.target.immutable", 0),
    "refreshPolicy": ("  refreshPolicy: CreatedOnce\n", "spec.refreshPolicy", 0),
    "no entry": (
        "  data:\n    - db\n    - " + entry("a", key="key") + "\n",
        "spec.data[0]",
        1,
    ),
    "no key": (
        "  data:\n    - remoteRef: {key: db}\n    - " + entry("a", key="key") + "\n",
        "spec.data[0].secretKey",
        1,
    ),
    "unknown": ("  syncWindows: {}\n", "spec.syncWindows", 0),
}


@pytest.mark.parametrize(("text", "path", "line"), LOST.values(), ids=LOST)
def test_losses_are_reported_with_their_line(run: Run, text: str, path: str, line: int) -> None:
    line += FIRST
    result = run(spec(text if text.startswith("  data:") else text + ONE))
    assert result.code == 1
    assert f'eso.yaml:{line}: ExternalSecret "app" {path}: ' in result.err
    consequences = ("no key is left", "may have one name")
    others = [
        one for one in result.err.splitlines() if not any(map(one.__contains__, consequences))
    ]
    assert len(others) == 1
    assert f"# - line {line} {path}: " in result.out
    assert read_classes(result.out)


REFS: dict[str, tuple[dict[str, object], str]] = {
    "tags": ({"metadataPolicy": "Fetch"}, "metadataPolicy"),
    "guessed encoding": ({"decodingStrategy": "Auto"}, "decodingStrategy"),
    "other alphabet": ({"decodingStrategy": "Base64URL"}, "decodingStrategy"),
    "query": ({"property": "a.#(b==1).c"}, "property"),
    "pattern": ({"property": "a*"}, "property"),
    "modifier": ({"property": "a.@reverse"}, "property"),
    "empty step": ({"property": "a..b"}, "property"),
    "a number": ({"property": 5}, "property"),
}


@pytest.mark.parametrize(("ref", "key"), REFS.values(), ids=REFS)
def test_an_entry_that_cannot_be_delivered_is_left_out(
    run: Run, ref: dict[str, object], key: str
) -> None:
    result = run(spec(data(entry("b", key="db", **ref), entry("a", key="key"))))
    assert result.code == 1
    assert (
        f'eso.yaml:{FIRST + 1}: ExternalSecret "app" spec.data[0].remoteRef.{key}: ' in result.err
    )
    assert delivered(result.out) == {"app": {"a": b"aGVsbG8="}}


def test_without_any_value_there_is_no_class(run: Run) -> None:
    result = run(spec("  dataFrom:\n    - find: {tags: {a: b}}\n"))
    assert (result.code, result.out) == (1, "")
    assert "no class is made" in result.err


def test_of_two_entries_of_one_key_the_later_wins(run: Run) -> None:
    result = run(spec(data(entry("a", key="db"), entry("a", key="key"))))
    assert result.code == 1
    assert f"eso.yaml:{FIRST + 1}: " in result.err
    assert delivered(result.out) == {"app": {"a": b"aGVsbG8="}}


def test_an_arn_of_another_region_makes_no_class(run: Run) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf"
    result = run(spec(data(entry("a", key=arn))))
    assert (result.code, result.out) == (1, "")
    assert "is an ARN of us-east-1, but is asked for in eu-west-1" in result.err


# ---- stores ----------------------------------------------------------------------


def store(aws: Mapping[str, Any], **fields: Any) -> str:
    """An ExternalSecret whose store is this."""
    manifest = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "sm"},
        "spec": {"provider": {"aws": aws}, **fields},
    }
    return f"{yaml.safe_dump(manifest)}---\n{HEAD}{ONE}"


SM = {"service": "SecretsManager", "region": "eu-west-1"}
REF = {"name": "keys", "key": "id"}
LOST_OF_STORES: dict[str, tuple[dict[str, Any], str]] = {
    "static keys": (
        {"auth": {"secretRef": {"accessKeyIDSecretRef": REF, "secretAccessKeySecretRef": REF}}},
        "auth.secretRef",
    ),
    "chain": ({"additionalRoles": ["arn:aws:iam::111122223333:role/x"]}, "additionalRoles"),
    "tags": ({"sessionTags": [{"key": "a", "value": "b"}]}, "sessionTags"),
    "more tags": ({"sessionTagsPolicy": "Simple"}, "sessionTagsPolicy"),
    "role that is no ARN": ({"role": "reader"}, "role"),
    "unknown": ({"vpcEndpoint": "x"}, "vpcEndpoint"),
}


@pytest.mark.parametrize(("aws", "path"), LOST_OF_STORES.values(), ids=LOST_OF_STORES)
def test_unsupported_settings_of_a_store_are_reported(
    run: Run, aws: dict[str, Any], path: str
) -> None:
    result = run(store(SM | aws))
    assert result.code == 1
    assert f'SecretStore "sm" spec.provider.aws.{path}: ' in result.err
    assert delivered(result.out)


NO_STORES = {
    "another service": (
        store({"service": "Nothing", "region": "eu-west-1"}),
        "aws.service: must be",
    ),
    "no region": (
        store({"service": "SecretsManager"}),
        "aws.region: is required",
    ),
    "missing": (HEAD + ONE, 'secretStoreRef: SecretStore "sm" is not in the files'),
    "of another namespace": (
        store(SM).replace("  name: sm\n", "  name: sm\n  namespace: other\n"),
        "is not in the files",
    ),
    "of another kind": (
        store(SM).replace("{name: sm}", "{name: sm, kind: ClusterSecretStore}"),
        "is not in the files",
    ),
    "of another cloud": (
        store(SM).replace(
            "    aws:\n      region: eu-west-1\n      service: SecretsManager", "    gcpsm: {}"
        ),
        'the provider "gcpsm" is not supported',
    ),
    "none": (f"{HEAD.replace('  secretStoreRef: {name: sm}', '')}{ONE}", "has no name of a store"),
}


@pytest.mark.parametrize(("text", "message"), NO_STORES.values(), ids=NO_STORES)
def test_without_a_store_of_aws_there_is_no_class(run: Run, text: str, message: str) -> None:
    result = run(text)
    assert (result.code, result.out) == (1, "")
    assert message in result.err


def test_a_store_of_another_region_needs_another_class(run: Run) -> None:
    other = (
        STORES.partition("---\n")[0]
        .replace("name: sm", "name: us")
        .replace("eu-west-1", "us-east-1")
    )
    source = {"sourceRef": {"storeRef": {"name": "us"}}}
    second = json.dumps({"secretKey": "b", "remoteRef": {"key": "key"}, **source})
    result = run(f"{other}---\n{spec(data(entry('a', key='key'), second))}")
    assert result.code == 1
    assert "another region or role" in result.err
    assert delivered(result.out) == {"app": {"a": b"aGVsbG8="}}


def test_the_identity_of_the_store_is_noted(run: Run) -> None:
    result = run(spec(PS + data(entry("url", key="/app/url"))))
    assert result.code == 0
    assert "eso/reader" in result.out
    assert "iam-policy" in result.out


def test_the_role_of_a_store_is_assumed_by_the_class(run: Run) -> None:
    role = "arn:aws:iam::444455556666:role/reader"
    result = run(store(SM | {"role": role, "externalID": "blue"}))
    assert (result.code, result.err) == (0, "")
    [klass] = read_classes(result.out)
    assumed = parse_class(klass.parameters, default_mode=0o644, default_region=None).assume_role
    assert assumed is not None
    assert (assumed.arn, assumed.external_id) == (role, "blue")


def test_classes_can_use_pod_identity(run: Run) -> None:
    result = run(spec(ONE), "--pod-identity")
    assert yaml.safe_load(result.out)["spec"]["parameters"]["usePodIdentity"] == "true"


# ---- files and the command line --------------------------------------------------


def test_every_external_secret_becomes_a_class(run: Run) -> None:
    second = (HEAD + ONE).replace("name: app", "name: other").replace("io/v1", "io/v1beta1")
    result = run(f"{spec(ONE)}---\n{second}")
    assert [klass.name for klass in read_classes(result.out)] == ["app", "other"]


@pytest.mark.parametrize("kind", ["PushSecret", "ClusterExternalSecret"])
def test_other_kinds_of_the_operator_are_reported(run: Run, kind: str) -> None:
    other = f"{{apiVersion: external-secrets.io/v1, kind: {kind}, metadata: {{name: x}}}}\n"
    result = run(f"{spec(ONE)}---\n{other}")
    assert result.code == 1
    assert f'eso.yaml:{FIRST + 3}: {kind} "x": ' in result.err


EXTRACT = "  dataFrom: [{extract: {key: db}}]\n"


def test_values_that_may_clash_with_extracted_keys_are_reported(run: Run) -> None:
    result = run(spec(data(entry("username", key="key")) + EXTRACT))
    assert result.code == 1
    assert 'the file "username"' in result.err
    assert "may have one name, and the mount then fails: give the keys of the secret" in result.err
    known = run(spec(data(entry("username", key="key")) + EXTRACT), "--keys", "db=username,port")
    assert (known.code, known.err) == (0, "")


def test_two_extractions_may_clash(run: Run) -> None:
    result = run(spec("  dataFrom: [{extract: {key: db}}, {extract: {key: jar}}]\n"))
    assert "the keys of objects[0] and the keys of objects[1] may have one name" in result.err


def test_keys_of_a_secret_that_is_not_extracted_are_an_error(run: Run) -> None:
    result = run(spec(EXTRACT), "--keys", "bd=username")
    assert (result.code, result.out) == (2, "")
    assert "--keys bd: no dataFrom extracts this secret; extracted: db" in result.err


def test_keys_of_one_secret_may_be_given_twice(run: Run) -> None:
    result = run(spec(EXTRACT), "--keys", "db=username", "--keys", "db=port")
    assert result.code == 0, result.err
    assert delivered(result.out)["app"].keys() == {"username", "port"}


TEMPLATE = "  target:\n    template:\n      {more}\n      data:\n        a: 'x {{{{ .a }}}}'\n"


def test_a_dropped_key_of_a_merged_template_has_no_plain_value(run: Run) -> None:
    more = TEMPLATE.format(more="mergePolicy: Merge")
    result = run(spec(data(entry("a", key="key"), entry("b", key="key")) + more))
    assert delivered(result.out)["app"].keys() == {"b"}


def test_without_any_key_left_there_is_no_secret(run: Run) -> None:
    result = run(spec(data(entry("a", key="key")) + TEMPLATE.format(more="type: Opaque")))
    assert "spec.target.template: no key is left: no Secret is created" in result.err
    assert "secretObjects" not in yaml.safe_load(result.out)["spec"]


def test_a_secret_that_kubernetes_refuses_is_reported(run: Run) -> None:
    more = TEMPLATE.format(more="type: kubernetes.io/tls").replace(
        "a: ", "tls.crt: '{{ .a }}'\n        tls.key: "
    )
    result = run(spec(data(entry("a", key="key")) + more))
    assert "a Secret of this type needs the key tls.key" in result.err


def test_without_a_secret_a_comment_says_so(run: Run) -> None:
    result = run(spec(data(entry("a", key="key")) + "  target: {creationPolicy: None}\n"))
    assert result.code == 0
    assert "no Secret is created" in result.out.replace("\n#   ", " ").replace("\n# ", " ")


CLUSTER = """\
apiVersion: external-secrets.io/v1
kind: ClusterExternalSecret
metadata: {name: all}
spec:
  externalSecretName: app
  externalSecretMetadata: {labels: {team: a}}
  %s
  externalSecretSpec:
    refreshInterval: 1h
    secretStoreRef: {name: ps, kind: ClusterSecretStore}
    data: [{secretKey: url, remoteRef: {key: /app/url}}]
"""


def test_a_cluster_external_secret_becomes_a_class_for_each_namespace(run: Run) -> None:
    result = run(STORES + CLUSTER % "namespaces: [one, two]")
    assert (result.code, result.err) == (0, "")
    classes = [*yaml.safe_load_all(result.out)]
    assert [one["metadata"] for one in classes] == [
        {"name": "app", "namespace": "one"},
        {"name": "app", "namespace": "two"},
    ]
    assert classes[0]["spec"]["secretObjects"][0]["labels"] == {"team": "a"}
    assert delivered(result.out)["app"] == {"url": b"https://example"}


def test_namespaces_that_a_selector_finds_are_reported(run: Run) -> None:
    result = run(STORES + CLUSTER % "namespaceSelectors: [{matchLabels: {a: b}}]")
    assert result.code == 1
    assert "spec.namespaceSelectors: the namespaces are not in the file" in result.err
    assert yaml.safe_load(result.out)["metadata"] == {"name": "app"}


def test_an_old_version_is_reported(run: Run) -> None:
    result = run(
        spec(ONE).replace(
            HEAD.splitlines()[0] + "\nkind: External",
            "apiVersion: external-secrets.io/v1alpha1\nkind: External",
        )
    )
    assert (result.code, result.out) == (1, "")
    assert 'got "external-secrets.io/v1alpha1": this version is not served' in result.err


def test_stdin_is_read(monkeypatch: pytest.MonkeyPatch, command: Run) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(spec(ONE).encode())))
    assert f"(stdin:{STORES.count(chr(10)) + 1})" in command("convert", "-").out


def test_files_of_a_folder_are_read_together(tmp_path: Path, command: Run) -> None:
    (tmp_path / "stores.yaml").write_text(STORES)
    (tmp_path / "app.yaml").write_text(HEAD + ONE)
    (tmp_path / "values.yaml").write_text("replicas: 1\n")
    assert delivered(command("convert", tmp_path).out) == {"app": {"a": b"aGVsbG8="}}


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("kind: Pod\napiVersion: v1\n", [], "no ExternalSecret"),
        ("a: [", [], "not YAML"),
        (HEAD, ["--keys", "x"], "--keys"),
        (HEAD, ["/nowhere"], "cannot read /nowhere"),
    ],
    ids=["none", "no YAML", "keys", "no file"],
)
def test_a_wrong_command_line_exits_2(
    run: Run, text: str, arguments: list[str], message: str
) -> None:
    result = run(text, *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_help_shows_exit_codes(command: Run) -> None:
    out = command("convert", "--help").out
    for code, meaning in EXIT_CODES.items():
        assert f"  {code}  {meaning}" in out


# ---- properties ------------------------------------------------------------------

KEYS = some.sampled_from(["a", "b", "a.b", "0", "1", "a-b", "é", 'q"', "b.0", "\\", "a|b"])
DOCUMENTS = some.recursive(
    some.sampled_from(["text", 7, True, ""]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
PROPERTIES = some.lists(
    KEYS | KEYS.map(lambda key: key.replace("\\", "\\\\").replace(".", "\\.")),
    min_size=1,
    max_size=4,
).map(".".join)


@given(document=some.dictionaries(KEYS, DOCUMENTS, min_size=1), text=PROPERTIES)
def test_an_expression_finds_the_same_value_as_the_property(
    document: dict[str, Any], text: str
) -> None:
    try:
        path = expression(text)
    except NotAPath:
        return
    expected = gjson.of_property(document, text)
    if isinstance(expected, str):
        assert extract(compile_expression(path), document, Budget()) == expected.encode()
    else:
        with pytest.raises(ProviderError):
            extract(compile_expression(path), document, Budget())


def test_what_the_controller_would_refuse_is_reported(command: Run, tmp_path: Path) -> None:
    entries = "  data: [{secretKey: a, remoteRef: {key: b}}]\n"
    (tmp_path / "a.yaml").write_text(STORES + HEAD.replace("1h", "1d") + entries)
    result = command("convert", tmp_path / "a.yaml")
    assert result.code == 1
    assert 'spec.refreshInterval: time: unknown unit "d"' in result.err
