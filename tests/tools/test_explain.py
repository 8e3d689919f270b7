"""`explain`: what it says, and that the engine does what it says."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from provider.csi.request.model import MountSpec, Pod
from provider.csi.request.parameters import parse_class
from provider.manifests.kubernetes import ClassManifest, read_classes
from testbed.agent import FakeAgent
from testbed.aws import Cloud, FakeAws
from testbed.aws.iam import allow
from testbed.kubernetes import FakeKubernetes
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE, issue_token
from tests.cli.conftest import Run
from tests.deploy.test_examples import FILES
from tests.tools.node import Node, make_node
from tests.tools.stock import stock
from tests.tools.validate.conftest import with_objects

REGION = "eu-central-1"
POD = Pod("shop", "web-0", "uid-0", "web")
TOKENS = {
    audience: issue_token("shop", "web", audience=audience, pod="web-0", pod_uid="uid-0")
    for audience in (STS_AUDIENCE, POD_IDENTITY_AUDIENCE)
}
STORES = {"secretsmanager", "ssm", "sts"}

Calls = Counter[tuple[str, str, str]]


@pytest.fixture
def here(
    aws: FakeAws,
    agent: FakeAgent,
    kubernetes: FakeKubernetes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Node:
    may = [*allow(), *allow("*", "sts:AssumeRole", "sts:TagSession")]
    role = aws.cloud.put_role("web", trust=["shop:web"], allow=may)
    aws.cloud.associate("shop", "web", role)
    kubernetes.put_service_account("shop", "web", role_arn=role.arn)
    return make_node(aws, agent, kubernetes, tmp_path, monkeypatch)


async def real(here: Node, klass: ClassManifest) -> tuple[Calls, Calls, dict[str, int]]:
    """Calls of a first mount and of a remount, and the files with their modes."""
    spec = parse_class(klass.parameters, default_mode=0o644, default_region=REGION)
    _put_roles(here.aws.cloud, klass.parameters)
    stock(here.aws.cloud, spec, spec.region or REGION)
    request = MountSpec(POD, klass.name, "/target", TOKENS, spec)
    counted: list[Calls] = []
    async with here.daemon() as mount:
        for _ in range(2):
            here.aws.journal.clear()
            delivery = await mount(request)
            counted.append(_without_region_of_sts(here.aws.journal.totals))
    return counted[0], counted[1], {file.path: file.mode for file in delivery.files}


def _put_roles(cloud: Cloud, parameters: Mapping[str, str]) -> None:
    """Those that the class names; all that is asked for is in the account of the last."""
    for key in ("roleArn", "assumeRoleArn"):
        if arn := parameters.get(key):
            cloud.account = arn.split(":")[4]
            cloud.put_role(arn.rpartition("/")[2], trust=["shop:web"])


def explained(entry: Any, key: str) -> Calls:
    calls: Calls = Counter()
    for one in entry["calls"]:
        if one["service"] in STORES and one[key]:
            calls[one["service"], one["operation"], one["region"]] += one[key]
    return _without_region_of_sts(calls)


def _without_region_of_sts(calls: Calls) -> Calls:
    """The fake cannot tell where an unsigned call was meant to go."""
    counted: Calls = Counter()
    for (service, operation, region), number in calls.items():
        counted[service, operation, "" if service == "sts" else region] += number
    return counted


EXAMPLES = [
    pytest.param(path, klass, id=klass.name)
    for path in FILES
    for klass in read_classes(path.read_text())
]


@pytest.mark.parametrize(("path", "klass"), EXAMPLES)
def test_the_daemon_makes_the_explained_calls(
    path: Path, klass: ClassManifest, here: Node, command: Run
) -> None:
    result = command("explain", path, "--class", klass.name, "--region", REGION, "-o", "json")
    assert result.code == 0, result.err
    (entry,) = json.loads(result.out)
    first, remount, delivered = asyncio.run(real(here, klass))
    assert explained(entry, "firstMount") == first
    assert explained(entry, "remount") == remount
    named = {file["path"]: int(file["mode"], 8) for file in entry["files"] if not file["several"]}
    assert named.items() <= delivered.items()
    if not any(file["several"] for file in entry["files"]):
        assert named == delivered


SECRET = "- objectName: db\n  objectType: secretsmanager"
ACCOUNT = """---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: web
  annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::111122223333:role/web"}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  serviceAccountName: web
  volumes:
    - name: s
      csi:
        driver: secrets-store.csi.k8s.io
        readOnly: true
        volumeAttributes: {secretProviderClass: shop}
"""


@pytest.fixture
def explain(command: Run, tmp_path: Path) -> Run:
    """Explains a text."""

    def run(content: str, *arguments: str) -> Any:
        path = tmp_path / "class.yaml"
        path.write_text(content)
        return command("explain", path, *arguments)

    return run


def test_the_identity_is_that_of_a_pod_in_the_same_file(explain: Run) -> None:
    out = explain(with_objects(SECRET) + ACCOUNT).out
    assert "role arn:aws:iam::111122223333:role/web of service account default/web" in out
    assert "token for the audience sts.amazonaws.com" in out


def test_a_pod_of_another_namespace_does_not_mount_the_class(explain: Run) -> None:
    klass, account = (
        with_objects(SECRET),
        ACCOUNT.replace("metadata: {", "metadata: {namespace: b, "),
    )
    assert account != ACCOUNT
    mounted, other = (klass.replace("  name: ", f"  namespace: {one}\n  name: ") for one in "ba")
    assert "of service account b/web" in explain(mounted + account).out
    assert "a/default is assumed" in explain(other + account).out


def test_what_is_not_known_is_said_with_the_way_to_give_it(explain: Run) -> None:
    text = with_objects(SECRET, parameters="")
    out = explain(text, "-n", "store", "--service-account", "api").out
    assert "role (not known) of service account store/api" in out
    assert "The role of store/api is not known" in out
    assert "kubectl get serviceaccount api -n store -o yaml" in out
    assert "the class names none: add --region REGION" in out
    assert "the node's" in out
    assert "node-region" not in out
    assert "default/default is assumed. Add the pod" in explain(text).out


def test_programs_get_no_role_that_is_not_known(explain: Run) -> None:
    (entry,) = json.loads(explain(with_objects(SECRET), "-o", "json").out)
    (call,) = [one for one in entry["calls"] if one["service"] == "sts"]
    assert (call["names"], entry["unknownRoles"]) == ([], ["default/default"])
    (entry,) = json.loads(explain(with_objects(SECRET) + ACCOUNT, "-o", "json").out)
    assert entry["unknownRoles"] == []


def test_pod_identity_asks_the_agent_and_no_sts(explain: Run) -> None:
    text = with_objects(SECRET, parameters='region: eu-west-1\nusePodIdentity: "true"')
    out = explain(text).out
    assert "EKS Pod Identity of service account default/default" in out
    assert "pod identity agent: GET /v1/credentials" in out
    assert "sts:" not in out


def test_parameters_are_read_in_batches_of_ten(explain: Run) -> None:
    some = "\n".join(f"- {{objectName: /p/{n}, objectType: ssmparameter}}" for n in range(12))
    (entry,) = json.loads(explain(with_objects(some), "-o", "json").out)
    calls = [one for one in entry["calls"] if one["operation"] == "GetParameters"]
    assert sorted(len(one["names"]) for one in calls) == [2, 10]
    assert {one["host"] for one in calls} == {"ssm.eu-west-1.amazonaws.com"}


def test_optional_permissions_are_marked(explain: Run) -> None:
    (entry,) = json.loads(explain(with_objects(SECRET), "-o", "json").out)
    needed = {one["action"]: one for one in entry["permissions"]}
    assert needed["secretsmanager:GetSecretValue"]["resources"] == ["db"]
    assert "optional" in needed["secretsmanager:DescribeSecret"]["remark"]


@pytest.mark.parametrize(
    ("text", "arguments", "code", "message"),
    [
        (with_objects("- x"), [], 1, 'SecretProviderClass "shop" has mistakes'),
        (with_objects(SECRET), ["--class", "x"], 2, 'there is no SecretProviderClass "x" in'),
        (with_objects(SECRET), ["--class", "shpo"], 2, "did you mean shop"),
        (with_objects(SECRET), ["--external-secret", "x"], 2, 'there is no ExternalSecret "x" in'),
        ("", [], 2, "there is no SecretProviderClass or ExternalSecret in"),
        ("a: [", [], 2, "shows mistakes"),
        (
            with_objects(SECRET).replace("provider: aws", "provider: azure"),
            [],
            2,
            "only classes of the provider aws are explained",
        ),
    ],
    ids=[
        "mistakes",
        "no such class",
        "a misspelled class",
        "no such secret",
        "empty",
        "no YAML",
        "another provider",
    ],
)
def test_a_class_that_cannot_be_explained_is_reported(
    explain: Run, text: str, arguments: list[str], code: int, message: str
) -> None:
    result = explain(text, *arguments)
    assert (result.code, result.out) == (code, "")
    assert message in result.err


def test_a_missing_file_is_reported(command: Run) -> None:
    assert command("explain", "/nowhere.yaml").code == 2


def test_environment_and_network_are_not_used(
    explain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    out = explain(with_objects(SECRET), "-o", "json").out
    assert "secretsmanager.eu-west-1.amazonaws.com" in out
    assert "us-west-2" not in out
