"""`explain` of ExternalSecrets: the calls are those of the controller, the keys those it writes."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from provider.controller.resources.objects import read_store
from testbed.aws import FakeAws, allow
from testbed.aws.iam import CONTROLLER_ACTIONS
from tests.cli.conftest import Run
from tests.controller.values.world import READY, jwt, opened

REGION = "eu-west-1"
ACCOUNT = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: reader
  namespace: shop
  annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::111122223333:role/own"}
"""
READER = "arn:aws:iam::111122223333:role/reader"
Spec = dict[str, Any]


def secret(key: str, **more: Any) -> Spec:
    name = "-".join([key.strip("/").replace("/", "-"), *more])
    return {"secretKey": name, "remoteRef": {"key": key, **more}}


SM, SSM = {"service": "SecretsManager"}, {"service": "ParameterStore"}
CASES: dict[str, tuple[Spec, Spec]] = {
    "one secret, two keys": (SM, {"data": [secret("db", property="a"), secret("db")]}),
    "a batch and a stage": (
        {**SM, "role": READER},
        {"data": [secret("db"), secret("api"), secret("db", version="AWSPREVIOUS")]},
    ),
    "find": (SM, {"dataFrom": [{"find": {"name": {"regexp": "^app"}, "path": "app"}}]}),
    "parameters": (SSM, {"data": [secret(f"/p/{number}") for number in range(11)]}),
    "find parameters": (SSM, {"dataFrom": [{"find": {"path": "/app", "name": {"regexp": "."}}}]}),
}


def documents(aws: Spec, spec: Spec) -> list[Spec]:
    place = {"namespace": "shop"}
    store = {"provider": {"aws": {"region": REGION, "auth": jwt("reader"), **aws}}}
    api = "external-secrets.io/v1"
    whole = {"secretStoreRef": {"name": "aws"}, **spec}
    return [
        {"apiVersion": api, "kind": kind, "metadata": {"name": "aws", **place}, "spec": one}
        for kind, one in (("SecretStore", store), ("ExternalSecret", whole))
    ]


@pytest.mark.parametrize("name", CASES)
def test_the_calls_are_those_of_the_controller(
    name: str, aws: FakeAws, command: Run, tmp_path: Path
) -> None:
    store, external_secret = documents(*CASES[name])
    (tmp_path / "a.yaml").write_text(
        f"{ACCOUNT}---\n{yaml.safe_dump_all([store, external_secret])}"
    )
    result = command("explain", tmp_path / "a.yaml", "-o", "json")
    assert result.code == 0, result.err
    (explained,) = json.loads(result.out)
    for word, calls in zip(
        ("first", "refresh"), asyncio.run(real(aws, store, external_secret)), strict=True
    ):
        told = Counter(
            {one["operation"]: 0 for one in explained["calls"] if one["service"] != "kubernetes"}
        )
        for one in explained["calls"]:
            if one["service"] != "kubernetes":
                told[one["operation"]] += one[word]
        assert +told == calls, word


async def real(aws: FakeAws, store: Spec, external_secret: Spec) -> list[Counter[str]]:
    """The operations of two fetches."""
    cloud, may = aws.cloud, [*allow("*", *CONTROLLER_ACTIONS, "sts:AssumeRole", "sts:TagSession")]
    cloud.put_role("own", trust=["shop:reader"], allow=may)
    cloud.put_role("reader", allow=may)
    for name in ("db", "api", "app"):
        cloud.put_secret(name, '{"a": "b"}', region=REGION).put("{}", stages=("AWSPREVIOUS",))
    for name in ("/app/one", *(f"/p/{number}" for number in range(11))):
        cloud.put_parameter(name, "{}", region=REGION)
    async with opened(aws) as world:
        world.cluster.put_account("shop", "reader", role_arn="arn:aws:iam::111122223333:role/own")
        parsed = read_store({**store, "status": READY}, "SecretStore")
        world.stores["SecretStore", "shop", "aws"] = parsed
        spec = {**external_secret["spec"], "store": {"name": "aws"}}
        data = [
            {**one, "remoteRef": {**one["remoteRef"], "property": ""}}
            for one in spec.pop("data", [])
        ]
        spec.pop("secretStoreRef")
        counted = []
        for _ in range(2):
            await world.fetch(*data, **spec)
            counted.append(Counter(world.calls()))
    return counted


SPEC = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db, namespace: shop}
spec:
  refreshInterval: 1m
  secretStoreRef: {name: aws}
  target: {name: credentials, deletionPolicy: Merge, template: TEMPLATE}
  data: [{secretKey: user, remoteRef: {key: db, property: user}}]
  dataFrom:
  - extract: {key: more}
  - sourceRef: {generatorRef: {kind: UUID, name: id}}
---
apiVersion: generators.external-secrets.io/v1alpha1
kind: UUID
metadata: {name: id, namespace: shop}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: aws, namespace: shop}
spec: {provider: {aws: {service: SecretsManager, region: eu-west-1}}}
"""


@pytest.mark.parametrize(
    ("template", "keys"),
    [
        ("{}", ["(each key of the JSON)", "uuid", "user"]),
        ("{data: {url: x}}", ["url"]),
        ("{mergePolicy: Merge, data: {url: x}}", ["(each key of the JSON)", "uuid", "user", "url"]),
        (
            "{templateFrom: [{configMap: {name: c, items: [{key: a.conf}]}}, {literal: 'a: b'}]}",
            ["a.conf", "(keys that the template makes)"],
        ),
    ],
)
def test_keys_are_those_of_the_secret(
    command: Run, tmp_path: Path, template: str, keys: list[str]
) -> None:
    (tmp_path / "a.yaml").write_text(SPEC.replace("TEMPLATE", template))
    (explained,) = json.loads(command("explain", tmp_path / "a.yaml", "-o", "json").out)
    assert [one["name"] for one in explained["keys"]] == keys


@pytest.mark.parametrize(("scope", "has_endpoint"), [("private", True), ("public", False)])
def test_keys_of_a_generator_are_those_that_it_makes(
    command: Run, tmp_path: Path, scope: str, has_endpoint: bool
) -> None:
    spec = f"spec: {{region: us-east-1, scope: {scope}}}"
    text = SPEC.replace("TEMPLATE", "{}").replace("UUID", "ECRAuthorizationToken")
    text = text.replace("metadata: {name: id, namespace: shop}", f"metadata: {{name: id}}\n{spec}")
    (tmp_path / "a.yaml").write_text(text)
    (explained,) = json.loads(command("explain", tmp_path / "a.yaml", "-o", "json").out)
    names = [one["name"] for one in explained["keys"]]
    assert {"username", "password", "expires_at"} <= {*names}
    assert ("proxy_endpoint" in names) == has_endpoint


def test_people_read_identity_refresh_and_cost(command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SPEC.replace("TEMPLATE", "{}"))
    result = command("explain", tmp_path / "a.yaml")
    for line in (
        "  SecretStore aws  the controller itself",
        "  shop/credentials (Opaque) is created and owned: it is deleted with the ExternalSecret",
        "  AWS is read every 1m, and when the ExternalSecret changes",
        "  keys whose secrets are gone from AWS are removed",
        "  43,800 refreshes a month, each with 1 call to Secrets Manager",
        "  about USD 0.22 a month for Secrets Manager, at USD 0.05 for 10,000 calls",
    ):
        assert line in result.out.splitlines(), result.out


def test_the_secret_of_a_cluster_external_secret_is_one_of_several(
    command: Run, tmp_path: Path
) -> None:
    embedded = {"secretStoreRef": {"name": "aws"}, "data": [secret("/p")]}
    [store, made] = documents(SSM, {})
    spec = {"namespaceSelector": {}, "namespaces": ["shop"], "externalSecretSpec": embedded}
    made = {**made, "kind": "ClusterExternalSecret", "metadata": {"name": "all"}, "spec": spec}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([store, made]))
    out = command("explain", tmp_path / "a.yaml").out
    assert "the same in each namespace that the ClusterExternalSecret selects" in out
    assert "each with 1 call to Parameter Store\n" in out
    assert "USD" not in out


def test_an_unknown_role_of_a_store_is_said(command: Run, tmp_path: Path) -> None:
    jwt = "{service: SecretsManager, auth: {jwt: {serviceAccountRef: {name: reader}}}, region:"
    text = SPEC.replace("TEMPLATE", "{}").replace("{service: SecretsManager, region:", jwt)
    (tmp_path / "a.yaml").write_text(text)
    out = command("explain", tmp_path / "a.yaml").out
    assert "  SecretStore aws  role (not known) of service account shop/reader" in out.splitlines()
    assert "The role of shop/reader is not known" in out
    (entry,) = json.loads(command("explain", tmp_path / "a.yaml", "-o", "json").out)
    assert entry["unknownRoles"] == ["shop/reader"]


def test_a_store_that_is_not_in_the_files_is_named(command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SPEC.replace("TEMPLATE", "{}").split("---")[0])
    result = command("explain", tmp_path / "a.yaml")
    assert (result.code, result.out) == (1, "")
    assert 'SecretStore.external-secrets.io "aws" not found' in result.err
    assert f"hint: secrets-provider-aws validate {tmp_path}/a.yaml" in result.err
