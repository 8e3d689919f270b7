"""How often AWS and the API server are asked, and how often the same error is told."""

import json
from typing import Any

import yaml

from testbed.api_proxy import ApiProxy
from testbed.aws.iam import allow
from tests.controller.e2e.test_lifecycle import REGION, STORE, external_secret, ready_world, synced
from tests.controller.e2e.test_survival import STORE_WITH_ROLE, force_sync
from tests.controller.e2e.world import World
from tests.waiting import eventually


def made(world: World) -> list[str]:
    """The operations of the calls as one of this namespace."""
    calls = list(world.aws.journal.calls)
    return [one.operation for one in calls if world.namespace in one.identity]


def entries(*names: str) -> list[dict[str, Any]]:
    return [
        {"secretKey": f"k{number}", "remoteRef": {"key": name}} for number, name in enumerate(names)
    ]


def test_what_is_wanted_together_is_fetched_together(world: World) -> None:
    ready_world(world)
    names = [f"{world.namespace}-{number}" for number in range(25)]
    for name in names:
        world.aws.cloud.put_secret(name, "v", region=REGION)
        world.aws.cloud.put_parameter(f"/{name}", "v", region=REGION)
    store = yaml.safe_load(STORE.replace("SecretsManager", "ParameterStore"))
    store["metadata"]["name"] = "parameters"
    world.apply(json.dumps(store))
    world.until("SecretStore", "parameters", "True")
    world.apply(external_secret("secrets", data=entries(*names)))
    synced(world, "secrets")
    assert made(world) == ["BatchGetSecretValue"] * 2, "twenty a call"
    ref = {"name": "parameters"}
    parameters = [f"/{name}" for name in names]
    world.apply(external_secret("parameters", secretStoreRef=ref, data=entries(*parameters)))
    synced(world, "parameters")
    assert made(world)[2:] == ["GetParameters"] * 3, "ten a call"


def test_a_denied_batch_costs_one_call_and_is_remembered(world: World) -> None:
    world.user = world.aws.cloud.put_user(
        f"{world.namespace}-few", allow=allow("*", "secretsmanager:GetSecretValue")
    )
    ready_world(world)
    names = [f"{world.namespace}-{number}" for number in range(6)]
    for name in names:
        world.aws.cloud.put_secret(name, "v", region=REGION)
    for name, data in (("one", entries(*names[:3])), ("two", entries(*names[3:]))):
        world.apply(external_secret(name, data=data))
        synced(world, name)
    assert sorted(made(world)) == ["BatchGetSecretValue", *["GetSecretValue"] * 6]


def test_all_of_a_service_account_share_its_token_and_session(world: World, api: ApiProxy) -> None:
    ready_world(world)
    world.role(world.namespace, "app")
    world.apply(json.dumps(STORE_WITH_ROLE))
    sessions = world.aws.journal.count("AssumeRoleWithWebIdentity")
    for number in range(5):
        world.apply(external_secret(f"es-{number}", secretStoreRef={"name": "role"}))
    for number in range(5):
        synced(world, f"es-{number}")
    asked = [one for one in api.journal.calls if one.operation == "create serviceaccounts/token"]
    assert [one.target for one in asked if one.target == f"{world.namespace}/app"] == [
        f"{world.namespace}/app"
    ]
    assert world.aws.journal.count("AssumeRoleWithWebIdentity") - sessions == 1


def test_an_error_that_stays_is_told_once(world: World, api: ApiProxy) -> None:
    ready_world(world)
    world.apply(external_secret(data=entries("gone"), refreshInterval="1s"))
    world.until("ExternalSecret", "db", "False", "SecretSyncedError")

    def attempts() -> int:
        return sum('"a sync failed"' in one and world.namespace in one for one in world.log)

    for number in range(3):
        seen = attempts()
        force_sync(world, value=str(number))
        eventually(lambda: attempts() > seen, "another attempt")  # noqa: B023
    world.apply(external_secret("other"))
    synced(world, "other")
    patches = [
        one
        for one in api.journal.calls
        if (one.operation, one.target) == ("patch externalsecrets/status", f"{world.namespace}/db")
    ]
    assert len(patches) == 1
    eventually(lambda: events(world, "db"), "an Event")
    assert len(events(world, "db")) == 1, "it is counted, not repeated"


def events(world: World, name: str) -> list[str]:
    return [reason for its_name, reason, _ in world.events() if its_name == name]
