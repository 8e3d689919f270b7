"""What the controller survives of AWS and of its own clock, and how often it asks AWS."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from time import time

import pytest

from testbed.aws.errors import AwsError
from tests.controller.e2e.test_lifecycle import REGION, external_secret, ready_world, synced
from tests.controller.e2e.test_survival import STORE_WITH_ROLE, force_sync, lines, rotate
from tests.controller.e2e.world import World
from tests.waiting import eventually

FAILED = ("False", "SecretSyncedError", "could not get secret data from provider: ")
THROTTLED = AwsError("ThrottlingException", "Rate exceeded")
HOUR = 3600
STORE_OF_CLUSTER = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ClusterSecretStore",
    "metadata": {},
    "spec": {
        "provider": {
            "aws": {
                "service": "SecretsManager",
                "region": REGION,
                "auth": {
                    "secretRef": {
                        "accessKeyIDSecretRef": {"name": "keys", "key": "id", "namespace": "HOME"},
                        "secretAccessKeySecretRef": {
                            "name": "keys",
                            "key": "secret",
                            "namespace": "HOME",
                        },
                    }
                },
            }
        }
    },
}


@pytest.fixture(scope="module")
def clock(shared: World) -> Path:
    """The file with the seconds by which the controller's wall clock is off."""
    shared.main = "tests.e2e.controlled:main"
    shared.environment = {"CONTROL": str(shared.folder)}
    return shared.folder / "clock"


@pytest.fixture(autouse=True)
def right_time(clock: Path) -> Iterator[None]:
    yield
    clock.unlink(missing_ok=True)


def refreshed(world: World, name: str = "db") -> float:
    text = world.get("ExternalSecret", name)["status"]["refreshTime"]
    return datetime.fromisoformat(text).timestamp()


def test_a_throttled_account_delays_its_own_and_heals(world: World) -> None:
    ready_world(world)
    world.aws.cloud.put_secret("db", '{"password": "p-2"}', region="eu-west-2")
    other = json.loads(json.dumps(STORE_WITH_ROLE))
    other["metadata"]["name"] = "well"
    other["spec"]["provider"]["aws"]["region"] = "eu-west-2"
    world.role(world.namespace, "app")
    world.apply(json.dumps(other))
    once = {"retrySettings": {"maxRetries": 1, "retryInterval": "10ms"}}
    world.patch("SecretStore", "aws", {"spec": once})
    world.until("SecretStore", "aws", "True")
    world.aws.faults.inject(THROTTLED, region=REGION, service="secretsmanager")
    world.apply(external_secret())
    world.apply(external_secret("well", secretStoreRef={"name": "well"}))
    synced(world, "well")
    world.until("ExternalSecret", "db", *FAILED)
    assert "ThrottlingException" in world.ready("ExternalSecret", "db")[2]
    world.aws.faults.clear()
    synced(world)


def test_revoked_keys_are_named_and_new_ones_in_the_secret_heal_at_once(world: World) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    del world.aws.cloud.sessions[world.user.access_key_id]
    rotate(world, "p-2")
    force_sync(world)
    world.until("ExternalSecret", "db", *FAILED)
    advice = f"Check the access keys in the Secret {world.namespace}/keys."
    assert advice in world.ready("ExternalSecret", "db")[2]
    assert world.data("db") == {"password": "p-1"}
    world.user = world.at(world.namespace).user
    world.keys(world.namespace, "keys", "id", "secret")
    synced(world)
    assert world.data("db") == {"password": "p-2"}


def test_revoked_keys_of_another_namespace_heal_at_once_too(world: World) -> None:
    ready_world(world)
    home = f"{world.namespace}-keys"
    world.cluster.make_namespace(home)
    world.keys(home, "keys", "id", "secret")
    store = json.loads(json.dumps(STORE_OF_CLUSTER).replace("HOME", home))
    store["metadata"]["name"] = world.namespace
    world.apply(json.dumps(store))
    ref = {"kind": "ClusterSecretStore", "name": world.namespace}
    world.apply(external_secret(secretStoreRef=ref))
    synced(world)
    del world.aws.cloud.sessions[world.user.access_key_id]
    force_sync(world)
    world.until("ExternalSecret", "db", *FAILED)
    world.user = world.at(world.namespace).user
    world.keys(home, "keys", "id", "secret")
    synced(world)


def test_a_session_that_aws_has_ended_is_renewed_without_an_error(world: World) -> None:
    ready_world(world)
    world.role(world.namespace, "app")
    world.apply(json.dumps(STORE_WITH_ROLE))
    world.apply(external_secret(secretStoreRef={"name": "role"}))
    synced(world)
    renewals = world.aws.journal.count("AssumeRoleWithWebIdentity")
    world.aws.cloud.expire_sessions()
    rotate(world, "p-2")
    force_sync(world)
    eventually(lambda: world.data("db") == {"password": "p-2"}, "the new value")
    synced(world)
    assert world.aws.journal.count("AssumeRoleWithWebIdentity") == renewals + 1
    assert [one for one in world.events() if one[1] == "UpdateFailed"] == []


def test_a_role_that_is_no_longer_trusted_is_named_and_heals(world: World) -> None:
    ready_world(world)
    role = world.role(world.namespace, "app")
    world.apply(json.dumps(STORE_WITH_ROLE))
    world.apply(external_secret(secretStoreRef={"name": "role"}))
    synced(world)
    trusted, role.trust = role.trust, set()
    world.aws.cloud.expire_sessions()
    force_sync(world)
    world.until("ExternalSecret", "db", *FAILED)
    assert role.arn in world.ready("ExternalSecret", "db")[2]
    role.trust = trusted
    synced(world)


def test_a_clock_that_jumps_costs_one_read_and_not_the_lease(world: World, clock: Path) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    lost = lines(world, "no longer the leader")
    clock.write_text(str(2 * HOUR))
    force_sync(world)
    eventually(lambda: refreshed(world) > time() + HOUR, "a time in the future")
    clock.write_text("0")
    calls = world.calls()
    world.delete("Secret", "db")
    eventually(lambda: world.data("db") == {"password": "p-1"}, "the Secret again")
    eventually(lambda: refreshed(world) < time() + 1, "the right time")
    for name in ("one", "two"):  # time enough for it to read again and again
        world.apply(external_secret(name))
        synced(world, name)
    assert world.calls() <= calls + 3, "one for it, and one for each new one"
    assert lines(world, "no longer the leader") == lost


def test_a_clock_that_is_hours_off_reads_all_the_same(world: World, clock: Path) -> None:
    ready_world(world)
    world.role(world.namespace, "app")
    world.apply(json.dumps(STORE_WITH_ROLE))
    for hours in (-13, 13):
        clock.write_text(str(hours * HOUR))
        name = f"es-{abs(hours)}-{hours > 0}".lower()
        world.apply(external_secret(name, secretStoreRef={"name": "role"}))
        synced(world, name)
    assert world.aws.journal.count("AssumeRoleWithWebIdentity")
