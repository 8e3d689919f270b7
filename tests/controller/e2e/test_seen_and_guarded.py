"""What a platform team sees of the running controller, and what its policy refuses."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from testbed.cluster import Address, ClusterClient
from tests.cli.conftest import Run, runner
from tests.controller.e2e.test_lifecycle import REGION, STORE, external_secret, ready_world, synced
from tests.controller.e2e.test_sources import GENERATORS, generated, generator, keys
from tests.controller.e2e.world import World, a_world
from tests.deploy.test_controller_alerts import ALERTS, EXPRESSIONS
from tests.waiting import eventually

RULES = """
rules:
- {name: refused, namespaces: [test-a-refusal*], secretNames: ["team/*"]}
"""
VALUE = "p-1"
METRIC = re.compile(r"\b(?:[a-z]+(?:_[a-z0-9]+)+(?=\{)|secrets_provider_aws_\w+)")


@pytest.fixture(scope="module")
def seen(
    tmp_path_factory: pytest.TempPathFactory, control_plane: Address, cluster: ClusterClient
) -> Iterator[World]:
    """A world whose controller writes an audit log and has a policy."""
    home, folder = f"seen-{os.getpid()}", tmp_path_factory.mktemp("seen")
    policy = folder / "policy.yaml"
    policy.write_text(RULES)
    flags = ("--audit-log", f"--policy-file={policy}", "--loglevel=debug")
    cluster.make_namespace(home)
    with a_world(folder, control_plane, cluster, home, *flags) as made:
        made.home = made.controller_class = home
        yield made
    cluster.do("DELETE", f"/api/v1/namespaces/{home}")


@pytest.fixture
def world(seen: World, namespace: str) -> Iterator[World]:
    made = ready_world(seen.at(namespace))
    yield made
    made.remove()


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def lines(world: World, **fields: str) -> list[dict[str, Any]]:
    """Lines of the log, or of the audit log, with these fields."""
    found = [json.loads(one) for one in world.log if one.startswith("{")]
    return [one for one in found if fields.items() <= one.items()]


OPERATORS_DASHBOARD = {
    "controller_runtime_active_workers",
    "controller_runtime_max_concurrent_reconciles",
    "controller_runtime_reconcile_time_seconds_bucket",
    "controller_runtime_reconcile_total",
    "externalsecret_provider_api_calls_count",
    "externalsecret_status_condition",
    "externalsecret_sync_calls_error",
    "workqueue_depth",
}
"""What External Secrets Operator's own dashboard reads, its webhooks aside. The first one fills the
list of controllers that all panels are chosen by."""


def sample(page: str, series: str) -> float:
    [line] = [one for one in page.splitlines() if one.startswith(f"{series} ")]
    return float(line.rpartition(" ")[2])


def test_metrics_have_the_operators_names_and_our_own(world: World) -> None:
    world.apply(external_secret())
    world.aws.cloud.put_secret("other", "{}", region=REGION)
    both = [{"secretKey": key, "remoteRef": {"key": key}} for key in ("db", "other")]
    world.apply(external_secret("both", data=both))
    world.apply(external_secret("bad", data=[{"secretKey": "a", "remoteRef": {"key": "gone"}}]))
    for name in ("db", "both"):
        synced(world, name)
    world.until("ExternalSecret", "bad", "False", "SecretSyncedError")
    page = world.page("/metrics")
    place = f'name="bad",namespace="{world.namespace}"'
    failed = f'externalsecret_status_condition{{condition="Ready",{place},status="False"}}'
    assert sample(page, failed) == 1
    assert sample(page, f"externalsecret_sync_calls_error{{{place}}}") >= 1
    assert sample(page, "secrets_provider_aws_leading") == 1
    assert sample(page, "secrets_provider_aws_calls_saved_total") >= 1
    assert sample(page, 'secrets_provider_aws_informer_objects{kind="ExternalSecret"}') >= 3
    done = 'controller_runtime_reconcile_total{controller="externalsecret",result="success"}'
    assert sample(page, done) >= 2
    api = "secrets_provider_aws_kubernetes_request_duration_seconds_count"
    assert sample(page, f'{api}{{code="201",method="POST",resource="secrets"}}') >= 2


def test_whatever_alerts_and_dashboard_read_is_there(world: World) -> None:
    world.apply(external_secret())
    synced(world)
    for kind in ("ClusterSecretStore", "ClusterExternalSecret"):
        about: dict[str, Any] = yaml.safe_load(STORE)
        about |= {"kind": kind, "metadata": {"name": world.namespace}}
        if kind == "ClusterExternalSecret":
            about["spec"] = {"externalSecretSpec": json.loads(external_secret())["spec"]}
        world.apply(json.dumps(about))
        eventually(lambda: world.ready(kind, world.namespace)[0], kind)  # noqa: B023
    page = world.page("/metrics")
    there = set(re.findall(r"^(\w+)[ {]", page, re.MULTILINE))
    [group] = yaml.safe_load(ALERTS.read_text())["groups"]
    read = {name for one in EXPRESSIONS for name in METRIC.findall(one)}
    read |= {name for rule in group["rules"] for name in METRIC.findall(rule["expr"])}
    assert read - there - {"secrets_provider_aws_build_info"} == set()
    assert OPERATORS_DASHBOARD - there == set()
    workers = 'controller_runtime_active_workers{controller="externalsecret"}'
    assert sample(page, workers) >= 0


def test_the_audit_log_says_which_secret_went_where_and_as_whom(world: World) -> None:
    world.apply(external_secret())
    synced(world)
    [line] = lines(world, event="SecretSynced", namespace=world.namespace)
    [secret] = line.pop("secrets")
    stored = world.aws.cloud.secret("db", region=REGION)
    assert (secret["arn"], secret["region"]) == (stored.arn, REGION)
    assert (secret["authentication"], secret["subject"]) == ("static", f"{world.namespace}/keys")
    assert secret["version"]
    assert (line["externalSecret"], line["secret"], line["written"]) == ("db", "db", "created")
    [logged] = lines(world, message="synced", namespace=world.namespace)
    assert (logged["stores"], logged["secrets"], logged["calls"]) == ("SecretStore/aws", 1, 1)
    assert not [one for one in world.log if VALUE in one]


def test_the_audit_log_says_which_generator_made_which_keys_and_as_whom(world: World) -> None:
    role = world.role(world.namespace, "app")
    jwt = {"jwt": {"serviceAccountRef": {"name": "app"}}}
    world.apply(generator("ECRAuthorizationToken", region=REGION, auth=jwt))
    world.apply(generator("STSSessionToken", region=REGION, auth=keys()))
    world.apply(generator("Password", secretKeys=["one", "two"]))
    wrapped = {"kind": "UUID", "generator": {"uuidSpec": {}}, "controller": world.controller_class}
    about = {"apiVersion": GENERATORS, "kind": "ClusterGenerator"}
    world.apply(json.dumps({**about, "metadata": {"name": world.namespace}, "spec": wrapped}))
    rename = [{"regexp": {"source": "^", "target": "ecr_"}}]
    entries = [
        generated("ECRAuthorizationToken", rewrite=rename),
        generated("STSSessionToken"),
        generated("Password"),
        generated("ClusterGenerator", world.namespace),
    ]
    world.apply(external_secret(data=[], dataFrom=entries, refreshInterval="0"))
    synced(world)
    [line] = lines(world, event="SecretSynced", namespace=world.namespace)
    assert (line["secret"], line["written"], line["secrets"]) == ("db", "created", [])
    as_role = {"authentication": "irsa", "subject": f"{world.namespace}/app", "roles": [role.arn]}
    as_user = {"authentication": "static", "subject": f"{world.namespace}/keys", "roles": []}
    made = [
        ("ECRAuthorizationToken", "ECRAuthorizationToken", "ecrauthorizationtoken", as_role),
        ("STSSessionToken", "STSSessionToken", "stssessiontoken", as_user),
        ("Password", "Password", "password", {}),
        ("UUID", "ClusterGenerator", world.namespace, {}),
    ]
    of_keys = [one.pop("keys") for one in line["generators"]]
    assert line["generators"] == [
        {"type": type_, "kind": kind, "name": name, **({"region": REGION} if who else {}), **who}
        for type_, kind, name, who in made
    ]
    found = world.data("db") or {}
    assert of_keys[2:] == [["one", "two"], ["uuid"]]
    assert {key for keys in of_keys for key in keys} == found.keys()
    values = [
        value for key, value in found.items() if key not in ("ecr_username", "ecr_proxy_endpoint")
    ]
    assert not [one for one in world.log for value in values if value in one]


def test_the_status_shows_objects_and_who_shares_calls(world: World, command: Run) -> None:
    for name in ("db", "twin"):
        world.apply(external_secret(name))
        synced(world, name)
    world.apply(external_secret("bad", secretStoreRef={"name": "gone"}))
    world.until("ExternalSecret", "bad", "False")

    def shown() -> tuple[Any, dict[str, Any]]:
        """The document, and the ExternalSecrets of this test by name, in its order."""
        document = json.loads(command("status", "--json", f"--socket={world.status_socket}").out)
        found = document["externalSecrets"]
        return document, {one["name"]: one for one in found if one["namespace"] == world.namespace}

    eventually(lambda: shown()[1]["bad"]["message"], "the error is shown")
    document, ours = shown()
    assert next(iter(ours)) == "bad", "what fails is first"
    assert "gone" in ours["bad"]["message"]
    assert (ours["db"]["ready"], ours["db"]["secretCount"]) == ("True", 1)
    assert ours["db"]["next"] > document["now"]
    [shared] = [one for one in document["shared"] if f"{world.namespace}/db" in str(one)]
    assert shared["externalSecrets"] == [f"{world.namespace}/db", f"{world.namespace}/twin"]
    table = command("status", f"--socket={world.status_socket}")
    assert table.code == 0
    assert f"{world.namespace}/twin" in table.out
    assert VALUE not in table.out


def test_a_refusal_names_the_rule_and_nothing_is_read(world: World) -> None:
    world.aws.cloud.put_secret("team/db", '{"password": "p-2"}', region=REGION)
    world.apply(external_secret())
    why = "could not get secret data from provider: the policy of this provider refuses namespace"
    world.until("ExternalSecret", "db", "False", "SecretSyncedError", why)
    message = world.ready("ExternalSecret", "db")[2]
    assert 'secret "db" is not allowed by rule "refused" (team/*)' in message
    assert world.calls() == 0
    data = [{"secretKey": "password", "remoteRef": {"key": "team/db", "property": "password"}}]
    world.apply(external_secret("team", data=data))
    synced(world, "team")
