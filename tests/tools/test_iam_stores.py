"""`iam-policy` of External Secrets resources, held against the calls that the controller makes."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from provider.controller.resources.objects import read_store
from provider.errors import ProviderError
from testbed.aws import FakeAws
from testbed.aws.iam import ACCOUNT
from tests.cli.conftest import Run
from tests.controller.values.world import READY, jwt, opened
from tests.iam import PolicyRole, lesser

REGION = "eu-west-1"
OWN = f"arn:aws:iam::{ACCOUNT}:role/own"
READER = f"arn:aws:iam::{ACCOUNT}:role/reader"
TAG = {"team": "blue"}


@dataclass(slots=True)
class TaggedRole(PolicyRole):
    """A role; everything that is read has the tags."""

    tags: Mapping[str, str] = field(default_factory=dict)

    def may(self, action: str, resource: str) -> bool:
        keys = ("aws:ResourceTag", "secretsmanager:ResourceTag")
        reads = action in ("secretsmanager:GetSecretValue", "ssm:GetParameters")
        context = {f"{key}/{tag}": text for key in keys for tag, text in self.tags.items()}
        return self._may(action, resource, context if reads else {})


def secret(key: str, **more: Any) -> dict[str, Any]:
    return {"secretKey": key.strip("/").replace("/", "-"), "remoteRef": {"key": key, **more}}


def find(**more: Any) -> dict[str, Any]:
    return {"dataFrom": [{"find": more}]}


SM, SSM = {"service": "SecretsManager"}, {"service": "ParameterStore"}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one secret": (SM, {"data": [secret("db")]}),
    "prefix": ({**SM, "prefix": "prod-"}, {"data": [secret("db")]}),
    "several secrets": (SM, {"data": [secret("db"), secret("api")]}),
    "stage and version": (
        SM,
        {"data": [secret("db"), secret("api", version="AWSPREVIOUS")]},
    ),
    "tags": (SM, {"data": [secret("db", metadataPolicy="Fetch")]}),
    "extract": (SM, {"dataFrom": [{"extract": {"key": "db"}}]}),
    "find by path": (SM, find(path="app/", name={"regexp": "."})),
    "find by name": (SM, find(name={"regexp": "^app/one.?$"})),
    "find by any name": (SM, find(name={"regexp": "one|two"})),
    "find by tags": (SM, find(tags=TAG)),
    "parameters": (SSM, {"data": [secret("/a/b"), secret("/a/c", version="1")]}),
    "tags of a parameter": (SSM, {"data": [secret("/a/b", metadataPolicy="Fetch")]}),
    "find parameters": (SSM, find(path="/app", name={"regexp": "."})),
    "find all parameters": (SSM, find(name={"regexp": "app"})),
    "find parameters by tags": (SSM, find(path="/app", tags=TAG)),
    "role": ({**SM, "role": READER}, {"data": [secret("db")]}),
    "tagged role": (
        {**SM, "role": READER, "sessionTags": [{"key": "a", "value": "b"}]},
        {"data": [secret("db")]},
    ),
    "roles": ({**SM, "additionalRoles": [f"{READER}2"], "role": READER}, {"data": [secret("db")]}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_policy_of_a_store_is_enough_and_no_more(
    name: str, aws: FakeAws, command: Run, tmp_path: Path
) -> None:
    store, spec = CASES[name]
    documents = manifests(store, spec)
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all(documents))
    result = command("iam-policy", tmp_path / "a.yaml", "--account", ACCOUNT)
    assert result.code == 0, result.err
    printed = json.loads(result.out)
    policies = {OWN: printed.get("policy", printed), **printed.get("assumedRoles", {})}
    roles = {
        arn: TaggedRole(arn, {"shop:reader"}, policy=policy, tags=TAG)
        for arn, policy in policies.items()
    }
    fill(aws, roles)
    asyncio.run(fetched(aws, documents))
    for arn, role in roles.items():
        assert role.denied == []
        for gone, rest in lesser(policies[arn]):
            assert not role.was_covered_by(rest), f"{gone} is not needed"


def manifests(aws: Mapping[str, Any], spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    place = {"namespace": "shop"}
    store = {"provider": {"aws": {"region": REGION, "auth": jwt("reader"), **aws}}}
    api = "external-secrets.io/v1"
    return [
        {
            "apiVersion": api,
            "kind": "SecretStore",
            "metadata": {"name": "aws", **place},
            "spec": store,
        },
        {
            "apiVersion": api,
            "kind": "ExternalSecret",
            "metadata": {"name": "es", **place},
            "spec": {"secretStoreRef": {"name": "aws"}, **spec},
        },
    ]


def fill(aws: FakeAws, roles: Mapping[str, TaggedRole]) -> None:
    cloud = aws.cloud
    cloud.roles |= roles
    for name in ("db", "prod-db", "api", "app/one", "app/one2"):
        made = cloud.put_secret(name, '{"a": "b"}', region=REGION, tags=TAG)
        made.put("{}", stages=("AWSPREVIOUS",))
    for name in ("/a/b", "/a/c", "/app/one"):
        cloud.put_parameter(name, "{}", region=REGION, tags=TAG)


async def fetched(aws: FakeAws, documents: list[dict[str, Any]]) -> None:
    store, external_secret = documents
    async with opened(aws) as world:
        world.cluster.put_account("shop", "reader", role_arn=OWN)
        parsed = read_store({**store, "status": READY}, "SecretStore")
        world.stores["SecretStore", "shop", "aws"] = parsed
        spec = {**external_secret["spec"], "store": {"name": "aws"}}
        spec.pop("secretStoreRef")
        data = spec.pop("data", [])
        try:
            await world.fetch(*data, **spec)
        except ProviderError as error:
            raise AssertionError(error) from error


ACCOUNTS = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: reader
  namespace: shop
  annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::444455556666:role/reader"}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  serviceAccountName: reader
  volumes:
  - csi: {driver: secrets-store.csi.k8s.io, volumeAttributes: {secretProviderClass: shop}}
---
"""
CLASS = """\
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: shop, namespace: shop}
spec:
  provider: aws
  parameters: {region: eu-west-1, objects: "[{objectName: class, objectType: secretsmanager}]"}
---
"""
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/X"


def test_pods_and_stores_of_one_service_account_share_its_policy(
    command: Run, tmp_path: Path
) -> None:
    documents = manifests(SM, {"data": [secret("db")]})
    path = tmp_path / "a.yaml"
    path.write_text(ACCOUNTS + CLASS + yaml.safe_dump_all(documents))
    refused = command("iam-policy", path)
    assert refused.code == 2
    assert "classes and stores, which have different identities" in refused.err
    by = "--by", "service-account", "--oidc-provider", ISSUER
    printed = json.loads(command("iam-policy", path, *by).out)["serviceAccounts"]["shop/reader"]
    text = json.dumps(printed["policy"])
    owned = "arn:aws:secretsmanager:eu-west-1:444455556666:secret"
    assert f"{owned}:class-??????" in text
    assert f"{owned}:db-??????" in text
    assert "system:serviceaccount:shop:reader" in json.dumps(printed["trust"])


def test_stores_without_auth_are_the_controllers(command: Run, tmp_path: Path) -> None:
    store, external_secret = manifests(SM, {"data": [secret("db")]})
    del store["spec"]["provider"]["aws"]["auth"]
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([store, external_secret]))
    arguments = "iam-policy", tmp_path / "a.yaml", "--account", ACCOUNT
    printed = command(*arguments, "--by", "service-account", "--controller", "eso/controller")
    trust = json.loads(printed.out)["serviceAccounts"]["eso/controller"]["trust"]
    assert "pods.eks.amazonaws.com" in json.dumps(trust)
    printed = command(*arguments, "--by", "store")
    assert list(json.loads(printed.out)["stores"]) == ["SecretStore shop/aws"]


ECR_TOKEN = """\
apiVersion: generators.external-secrets.io/v1alpha1
kind: ECRAuthorizationToken
metadata: {name: ecr, namespace: shop}
spec: {region: eu-west-1, scope: public}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: pull, namespace: shop}
spec: {dataFrom: [{sourceRef: {generatorRef: {kind: ECRAuthorizationToken, name: ecr}}}]}
"""


def test_generators_need_their_own_actions(command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ECR_TOKEN)
    (statement,) = json.loads(command("iam-policy", tmp_path / "a.yaml").out)["Statement"]
    assert statement["Action"] == ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"]
    assert statement["Sid"].endswith("UsEast1")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: aws", "name: other", 'the SecretStore "other", which is not in the files'),
        ("secretKey: db", "secretKey: d/b", "secretKey: must be a key of a Secret"),
    ],
)
def test_what_is_missing_is_named(
    command: Run, tmp_path: Path, old: str, new: str, expected: str
) -> None:
    store, one = map(yaml.safe_dump, manifests(SM, {"data": [secret("db")]}))
    (tmp_path / "a.yaml").write_text(store + "---\n" + one.replace(old, new))
    result = command("iam-policy", tmp_path / "a.yaml", "--account", ACCOUNT)
    assert (result.code, result.out) == (2, "")
    assert expected in result.err


def test_namespaces_that_are_selected_are_not_known(command: Run, tmp_path: Path) -> None:
    store, one = manifests(SM, {"data": [secret("db")]})
    store |= {"kind": "ClusterSecretStore", "metadata": {"name": "aws"}}
    embedded = {**one["spec"], "secretStoreRef": {"kind": "ClusterSecretStore", "name": "aws"}}
    one |= {
        "kind": "ClusterExternalSecret",
        "metadata": {"name": "all"},
        "spec": {"externalSecretSpec": embedded, "namespaceSelector": {}},
    }
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([store, one]))
    result = command("iam-policy", tmp_path / "a.yaml", "--account", ACCOUNT)
    assert result.code == 0
    assert 'warning: ClusterExternalSecret "all" selects namespaces by labels' in result.err
