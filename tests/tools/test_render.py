"""`render`: the Secret that the controller would write, from sample data or from AWS."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.aws import FakeAws
from tests.cli.conftest import Run

HEAD = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db, namespace: shop, labels: {team: blue}}
spec:
  secretStoreRef: {name: aws}
"""
USER = "  data: [{secretKey: user, remoteRef: {key: db, property: user}}]\n"
ROLE = "arn:aws:iam::111122223333:role/reader"
STORE = f"""\
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: aws, namespace: shop}}
spec:
  conditions: [{{namespaces: [other]}}]
  provider:
    aws:
      service: ParameterStore
      region: eu-west-1
      prefix: /prod
      role: {ROLE}
      auth: {{jwt: {{serviceAccountRef: {{name: reader}}}}}}
"""
VALUE = 'db={"user":"canary-anna","password":"x"}'

Render = Callable[..., dict[str, Any]]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Writes manifests."""

    def write(text: str) -> Path:
        path = tmp_path / "es.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def render(command: Run, written: Callable[[str], Path]) -> Render:
    """The Secret of manifests, with its values shown."""

    def run(text: str, *arguments: str) -> dict[str, Any]:
        result = command("render", written(text), *arguments, "--reveal")
        assert result.code == 0, result.err
        secret: dict[str, Any] = yaml.safe_load(result.out)
        return secret

    return run


def test_values_are_masked_wherever_they_get_to(
    command: Run, written: Callable[[str], Path]
) -> None:
    target = "  target: {template: {metadata: {annotations: {a: '{{ .user }}', b: fixed}},"
    path = written(HEAD + target + " data: {url: 'x {{ .user }}', empty: ''}}}\n" + USER)
    result = command("render", path, "--set", VALUE)
    secret = yaml.safe_load(result.out)
    assert result.code == 0
    assert secret["stringData"] == {"url": "*****", "empty": ""}
    annotations = secret["metadata"]["annotations"]
    assert (annotations["a"], annotations["b"]) == ("*****", "fixed")
    assert set(annotations.values()) == {"*****", "fixed"}, "the hash tells a short value"
    assert "canary" not in result.out + result.err


def test_the_secret_is_the_controllers(render: Render) -> None:
    secret = render(HEAD + USER, "--set", VALUE)
    assert (secret["kind"], secret["type"]) == ("Secret", "Opaque")
    assert secret["stringData"] == {"user": "canary-anna"}
    metadata = secret["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("db", "shop")
    assert metadata["labels"]["team"] == "blue"
    assert metadata["ownerReferences"][0]["kind"] == "ExternalSecret"


REWRITE = """\
  dataFrom:
  - extract: {key: db, decodingStrategy: Auto}
    rewrite: [{regexp: {source: "^(.*)$", target: "db_$1"}}]
  - find: {path: app/, name: {regexp: "key$"}}
"""


def test_extract_find_rewrite_and_decoding(render: Render) -> None:
    found = render(
        HEAD + REWRITE,
        "--set",
        'db={"user":"YW5uYQ==","port":80}',
        "--set",
        "app/one-key=1",
        "--set",
        "app/other=2",
        "--set",
        "key=3",
    )
    wanted = {"db_user": "anna", "db_port": "80", "app_one-key": "1"}
    assert found["stringData"] == wanted


def test_sample_data_is_yaml_or_json_with_versions_and_tags(render: Render, tmp_path: Path) -> None:
    data = tmp_path / "data.yaml"
    old = '"db:AWSPREVIOUS": {user: bob}'
    data.write_text(f"db: {{user: anna}}\n{old}\n'db#tags': {{t: v}}\nn: 007")
    text = HEAD + (
        "  data:\n"
        "  - {secretKey: now, remoteRef: {key: db, property: user}}\n"
        "  - {secretKey: then, remoteRef: {key: db, property: user, version: AWSPREVIOUS}}\n"
        "  - {secretKey: tags, remoteRef: {key: db, metadataPolicy: Fetch}}\n"
        "  - {secretKey: plain, remoteRef: {key: n}}\n"
    )
    found = render(text, "--data", str(data))["stringData"]
    assert found == {"now": "anna", "then": "bob", "tags": '{"t":"v"}', "plain": "007"}


def test_a_store_in_the_files_gives_service_and_prefix(render: Render) -> None:
    text = HEAD + "  data: [{secretKey: a, remoteRef: {key: /db}}]\n" + STORE
    assert render(text, "--set", "/prod/db=x")["stringData"] == {"a": "x"}
    assert render(text, "--set", "/db=x")["stringData"] == {"a": "x"}


TEMPLATES = """\
  target:
    template: {templateFrom: [{configMap: {name: files, items: [{key: a.conf}]}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: files, namespace: shop}
data: {a.conf: "user={{ .user }}"}
"""


def test_templates_of_config_maps_in_the_files(render: Render) -> None:
    secret = render(HEAD + USER + TEMPLATES, "--set", VALUE)
    assert secret["stringData"] == {"a.conf": "user=canary-anna"}


GENERATOR = """\
  dataFrom: [{sourceRef: {generatorRef: {kind: ECRAuthorizationToken, name: ecr}}}]
---
apiVersion: generators.external-secrets.io/v1alpha1
kind: ECRAuthorizationToken
metadata: {name: ecr, namespace: shop}
spec: {region: eu-west-1, auth: {jwt: {serviceAccountRef: {name: x}}}}
"""


def test_generators_of_the_files(render: Render) -> None:
    found = render(HEAD + GENERATOR, "--set", "a=b")["stringData"]
    assert (found["username"], found["password"]) == ("AWS", "sample")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            USER.replace("key: db", "key: other"),
            (
                "could not get secret data from provider: error processing spec.data[0] "
                "(key: other), err: Secret does not exist: "
            ),
        ),
        (USER.replace("property: user", "property: pass"), "key pass does not exist in secret db"),
        ("  target: {template: {data: {a: '{{ .usr }}'}}}\n" + USER, "could not update secret: "),
        ("  data: []\n", "either data or dataFrom should be specified"),
        (
            "  target: {template: {templateFrom: [{configMap: {name: x, items: [{key: a}]}}]}}\n"
            + USER,
            'ConfigMap "x" is not in the files',
        ),
    ],
)
def test_errors_are_those_of_the_condition(
    command: Run, written: Callable[[str], Path], text: str, expected: str
) -> None:
    result = command("render", written(HEAD + text), "--set", VALUE)
    assert (result.code, result.out) == (1, "")
    assert "SecretSyncedError: could not " in result.err
    assert expected in result.err
    assert "canary" not in result.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (USER, """--set 'db={"user":"VALUE"}'"""),
        (USER.replace("}}]", "}}, {secretKey: a, remoteRef: {key: prod/a b}}]"), "--set 'db="),
        ("  data: [{secretKey: a, remoteRef: {key: prod/a b}}]\n", "--set 'prod/a b=VALUE'"),
        ("  dataFrom: [{extract: {key: db}}]\n", """--set 'db={"KEY":"VALUE"}'"""),
    ],
)
def test_a_value_that_is_missing_has_a_command_line(
    command: Run, written: Callable[[str], Path], text: str, expected: str
) -> None:
    result = command("render", written(HEAD + text), "--set", "other=canary")
    assert f"hint: the sample data has other: add {expected}" in result.err
    assert "canary" not in result.err
    [line] = [one for one in result.err.splitlines() if one.startswith("hint: ")]
    again = shlex.split(line.partition(": add ")[2])
    assert "canary" not in command("render", written(HEAD + text), *again).err


def test_names_that_there_are_are_listed(command: Run, written: Callable[[str], Path]) -> None:
    path = written(HEAD + USER)
    result = command("render", path, "--set", VALUE, "--name", "other")
    assert 'no ExternalSecret "other" in the files\nhint: there is db\n' in result.err
    path = written("kind: List\napiVersion: v1\nitems: []\n")
    assert f"hint: secrets-provider-aws validate {path}" in command("render", path, "--local").err


def test_a_policy_that_writes_no_secret_is_said(
    command: Run, written: Callable[[str], Path]
) -> None:
    path = written(HEAD + "  target: {creationPolicy: None}\n" + USER)
    result = command("render", path, "--set", VALUE)
    assert (result.code, result.out) == (0, "")
    assert "no Secret is written. SecretSynced: secret synced" in result.err
    path = written(HEAD + "  target: {creationPolicy: Merge, deletionPolicy: Merge}\n" + USER)
    result = command("render", path, "--set", VALUE, "-o", "json")
    assert json.loads(result.out)["stringData"] == {"user": "*****"}
    assert 'merged into the Secret "db", which must exist' in result.err


def test_a_cluster_external_secret_is_that_of_its_first_namespace(render: Render) -> None:
    embedded = "".join(f"  {line}\n" for line in (HEAD + USER).split("spec:\n")[1].splitlines())
    text = (
        "apiVersion: external-secrets.io/v1beta1\nkind: ClusterExternalSecret\n"
        "metadata: {name: all}\nspec:\n  externalSecretName: db\n  namespaces: [one, two]\n"
        f"  externalSecretSpec:\n{embedded}"
    )
    metadata = render(text, "--set", VALUE)["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("db", "one")


def test_delimiters_are_those_of_the_controller(render: Render) -> None:
    template = 'template: {data: {a: "{{ [[ .user ]]"}}'
    options = "--template-left-delimiter=[[", "--template-right-delimiter=]]"
    made = render(HEAD + USER + f"  target: {{{template}}}\n", *options, "--set", VALUE)
    assert made["stringData"] == {"a": "{{ canary-anna"}


def test_one_template_alone(command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.tpl").write_text("{{ .user | upper }}:{{ .port }}")
    arguments = "--template", tmp_path / "a.tpl", "--set", "user=anna"
    assert command("render", *arguments, "--set", "port=1").out == "ANNA:1"
    assert command("render", *arguments, "--set", "port=\udcff").out == "ANNA:\ufffd"
    delimiters = "--template-left-delimiter=(", "--template-right-delimiter=)"
    assert command("render", *arguments, *delimiters).out == "{{ .user | upper }}:{{ .port }}"
    result = command("render", *arguments)
    assert (result.code, result.out) == (1, "")
    assert 'map has no entry for key "port"' in result.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-"], "no values are given"),
        (["-", "--local", "--set", "a=b"], "--local reads from AWS"),
        (["-", "--data", "-"], "stdin (-) can be read only once"),
        (["-", "--set", "a=b", "--profile", "x"], "--profile needs --local"),
        ([], "--template"),
        (["missing.yaml", "--set", "a=b"], "cannot read missing.yaml"),
        (["/dev/null", "--set", "a=b"], "there is no ExternalSecret in the files"),
        (["/dev/null", "--data", "/dev/zero"], "it is larger than 4 MiB"),
    ],
)
def test_wrong_command_lines(command: Run, arguments: list[str], expected: str) -> None:
    result = command("render", *arguments)
    assert (result.code, result.out) == (2, "")
    assert expected in result.err


def test_a_secret_of_the_files_may_be_malformed(render: Render) -> None:
    """The API server would refuse it."""
    secret = """---
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop, labels: x, annotations: [x]}
data: {a: 1, b: eA==}
stringData: [x]
"""
    target = "  target: {creationPolicy: Merge}\n"
    shown = render(HEAD + target + USER + secret, "--set", VALUE, "--reveal")
    assert shown["stringData"] == {"b": "x", "user": "canary-anna"}


def test_an_alias_bomb_is_refused(command: Run, tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (tmp_path / "data.yaml").write_text(bomb)
    result = command("render", "/dev/null", "--data", tmp_path / "data.yaml")
    assert result.code == 2
    assert "is too large" in result.err


def test_aws_is_read_as_the_caller_in_the_roles_of_the_store(
    command: Run, written: Callable[[str], Path], aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = aws.cloud
    session = cloud.open_session(cloud.put_role("developer"), "anna")
    role = cloud.put_role("reader").arn
    cloud.put_parameter("/prod/db", '{"user": "canary"}', region="eu-west-1")
    for name, text in {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.token,
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    path = written(HEAD + USER.replace("key: db", "key: /db") + STORE.replace(ROLE, role))
    result = command("render", path, "--local", "--without-roles", "--reveal")
    assert yaml.safe_load(result.out)["stringData"] == {"user": "canary"}
    assert "credentials: your own, arn:aws:sts:" in result.err
    assert "AssumeRole" not in [call.operation for call in aws.journal.calls]
    command("render", path, "--local")
    assert "AssumeRole" in [call.operation for call in aws.journal.calls]
    result = command("render", path, "--local", "--profile", "missing")
    assert result.code == 1
    assert "hint: log in" in result.err
    for name in ("AWS_ACCESS_KEY_ID", "AWS_REGION"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/none")
    result = command("render", path, "--local")
    assert "SecretSyncedError" in result.err
    assert "without credentials of the caller: no AWS credentials were found" in result.err
    assert "hint: log in" in result.err
