"""Every class of deploy/examples on the real daemon: contents, modes, versions and calls."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from testbed import examples
from testbed.driver import Mounted
from testbed.examples import LONDON, NODE_REGION, PRIMARY, STANDBY, Application
from tests.e2e.world import World, a_world

Calls = Mapping[str, int]
AGENT = "credentials agent"
APPLICATIONS = examples.read_applications(*examples.example_files())
DATABASE, URL = "example/database", "/example/web/url"


@dataclass(frozen=True)
class Expected:
    """What one mount must bring: files, modes other than 0644, calls, and versions."""

    files: Mapping[str, str | bytes]
    calls: Calls
    modes: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def irsa(
    secrets: int = 0, parameters: int = 0, region: str = PRIMARY, others: Calls | None = None
) -> Calls:
    """The calls of a first mount in one region, and others."""
    calls = Counter({f"AssumeRoleWithWebIdentity {region}": 1}) + Counter(others or {})
    calls += Counter({f"GetSecretValue {region}": secrets})
    return calls + Counter({f"GetParameters {region}": parameters})


def part(document: str, *path: str | int) -> str:
    found: Any = json.loads(document)
    for step in path:
        found = found[step]
    return str(found)


DB = {"example_database": examples.DATABASE[-1]}
EKS = {"eksSecret": "a secret of the node's region"}
LOGIN = {key: part(examples.SERVICE, key) for key in ("username", "password")}
BY_AGENT: Calls = {AGENT: 1, f"GetSecretValue {PRIMARY}": 1}

EXPECTED: Mapping[str, Expected] = {
    "my-aws-secrets-provider": Expected(
        {
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:my-app-secret": examples.MY_APP,
            "dbusername": "shop",
            "dbpassword": "tell-no-one",
        },
        irsa(1, others={f"GetSecretValue {LONDON}": 1}),
    ),
    "example-irsa-spc": Expected(EKS, irsa(1, region=NODE_REGION)),
    "example-pod-identity-spc": Expected(EKS, {AGENT: 1, f"GetSecretValue {NODE_REGION}": 1}),
    "irsa-example": Expected(DB, irsa(1)),
    "pod-identity-example": Expected(DB, BY_AGENT),
    "auth-pod-identity-example": Expected(DB, BY_AGENT),
    "role-in-class-example": Expected(DB, irsa(1)),
    "auto-example": Expected(DB, irsa(1, others={AGENT: 1})),
    "node-region-example": Expected(DB, irsa(1, region=NODE_REGION)),
    "many-pods-example": Expected({"database.json": examples.DATABASE[-1]}, irsa(1)),
    "parameter-store-example": Expected(
        {
            "_example_web_url": examples.URLS[-1],
            "password": examples.WEB["password"],
            "flags": examples.WEB["flags"],
        },
        irsa(parameters=1),
    ),
    "json-keys-example": Expected(
        {
            "service.json": examples.SERVICE,
            **LOGIN,
            "api-key": "key-0123456789",
            "replica-host": "replica-1.internal",
            "_example_web_settings": examples.WEB["settings"],
            "port": "8443",
        },
        irsa(1, 1),
        {"password": 0o400},
    ),
    "permissions-example": Expected(
        {
            "server.key": examples.SERVER_KEY,
            "service.json": examples.SERVICE,
            "username": "orders",
        },
        irsa(2),
        {"server.key": 0o400, "service.json": 0o440, "username": 0o444},
    ),
    "sub-folders-example": Expected(
        {"example/web/url": examples.URLS[-1], "tls/server.key": examples.SERVER_KEY}, irsa(1, 1)
    ),
    "binary-example": Expected(
        {"keystore.p12": examples.KEYSTORE}, irsa(1), {"keystore.p12": 0o444}
    ),
    "versions-example": Expected(
        {
            "database": examples.DATABASE[2],
            "database-before": examples.DATABASE[1],
            "database-pinned": examples.DATABASE[0],
            "url-3": examples.URLS[2],
            "url-release": examples.URLS[1],
        },
        # One call never names a parameter twice, so its two versions take two.
        irsa(3, 2),
        versions={
            "database": examples.version(DATABASE, 3),
            "database-before": examples.version(DATABASE, 2),
            "database-pinned": examples.PINNED,
            "url-3": "3",
            "url-release": "2",
        },
    ),
    "failover-example": Expected(
        {**DB, "api": "token-of-the-api", "url": examples.URLS[-1]},
        irsa(2, 1, others={f"GetSecretValue {STANDBY}": 2, f"GetParameters {STANDBY}": 1}),
    ),
    "other-account-example": Expected(
        {"licence": "LIC-2026-0042", "endpoint": "https://shared.example"}, irsa(1, 1)
    ),
    "assume-role-example": Expected(
        {"licence": "LIC-2026-0042"}, irsa(1, others={f"AssumeRole {PRIMARY}": 1})
    ),
    "kubernetes-secret-example": Expected({"service.json": examples.SERVICE, **LOGIN}, irsa(1)),
    "encoded-example": Expected(
        {
            "truststore.p12": examples.TRUSTSTORE,
            "signing.json": examples.SIGNING,
            "signing.key": bytes.fromhex("00ff10ef7f80"),
            "issuer": "shop.example",
        },
        irsa(1, 1),
    ),
    "every-json-key-example": Expected(
        {
            **{f"db-{key}": value for key, value in json.loads(examples.DATABASE[-1]).items()},
            "service.json": examples.SERVICE,
            **LOGIN,
        },
        irsa(2),
    ),
    "env-file-example": Expected(
        {
            "service.env": "username='orders'\n"
            "password='correct horse battery staple'\n"
            "api-key='key-0123456789'\n"
            'replicas=\'[{"host":"replica-1.internal","port":5432}]\'\n',
            "application.properties": "spring.profiles.active=production\nserver.port=8443\n",
            "limits.json": '{"soft":100,"hard":250}',
        },
        irsa(3),
    ),
    "optional-example": Expected({"service.json": examples.SERVICE}, irsa(2)),
    "parameter-path-example": Expected(
        {f"settings/{name}": value for name, value in examples.WEB.items()}
        | {"settings/url": examples.URLS[-1]},
        irsa(others={f"GetParametersByPath {PRIMARY}": 1}),
        {f"settings/{name}": 0o444 for name in (*examples.WEB, "url")},
    ),
}


@pytest.fixture(scope="module")
def node() -> Iterator[World]:
    with a_world() as world:
        examples.fill(world.aws.cloud)
        examples.install(APPLICATIONS, world.kubernetes, world.aws.cloud)
        world.environment = {
            "AWS_REGION": "",
            "AWS_ENDPOINT_URL": f"{world.aws.url}/{{region}}",
            "NODE_NAME": examples.NODE,
        }
        yield world.start()


def test_every_class_has_its_expectation() -> None:
    assert {one.name for one in APPLICATIONS} == EXPECTED.keys()


@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda one: one.name)
def test_an_example_brings_what_it_says(node: World, application: Application) -> None:
    node.aws.journal.clear()
    node.agent.journal.clear()
    expected = EXPECTED[application.name]
    mounted = node.driver.mount(application.pod, application.parameters)
    assert isinstance(mounted, Mounted), mounted
    contents = {
        path: content.encode() if isinstance(content, str) else content
        for path, content in expected.files.items()
    }
    assert mounted.files == contents
    assert mounted.modes == {path: expected.modes.get(path, 0o644) for path in contents}
    assert expected.versions.items() <= mounted.versions.items()
    assert mounted.versions.keys() == mounted.files.keys(), "one object version for each file"
    assert calls(node) == expected.calls


def calls(node: World) -> Calls:
    journal = [*node.aws.journal.calls, *node.agent.journal.calls]
    return Counter(f"{call.operation} {call.region or call.service}" for call in journal)
