"""Tenants who mean harm: honest objects beside theirs work, and memory is bounded."""

import json
from pathlib import Path
from typing import Any

import pytest

from testbed.api_proxy import ApiProxy
from tests.controller.e2e.test_lifecycle import (
    REGION,
    STORE,
    external_secret,
    ready_world,
    synced,
)
from tests.controller.e2e.world import GROUP, World
from tests.waiting import eventually

RECURSIVE = '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}'
LONG_KEY = '{{ repeat 1048576 "k" }}'
YEARS = "2000000h"
BUGS = ("a reconcile failed", "cannot read an object", "a handler failed", "no longer the leader")
MOST_GROWTH = 100 * 2**20
"""Bytes that the process may grow by: values and templates are at most some MiB at a time."""
NEVER = "0 31 2,4,6,9,11 *"


def entry(number: int = 0, **ref: str) -> dict[str, Any]:
    whole = {"key": "db", "property": "password"} | ref
    return {"secretKey": f"k{number}", "remoteRef": whole}


def rendered(target: str, literal: str) -> dict[str, Any]:
    template = {"templateFrom": [{"target": target, "literal": literal}]}
    return {"target": {"template": template}}


def windows(number: int) -> dict[str, Any]:
    """Windows that never open, of which each one is another."""
    found = [
        {"schedule": f"{minute} {number % 24} {NEVER}", "duration": YEARS} for minute in range(50)
    ]
    return {"refreshInterval": "1ns", "syncWindows": {"kind": "deny", "windows": found}}


WORKING: dict[str, dict[str, Any]] = {
    "often": {"refreshInterval": "1ns"},
    "never": {"refreshInterval": "-2562047h"},
    "late": {"refreshInterval": "2562047h47m16.854775807s"},
    "many": {"data": [entry(number) for number in range(1000)]},
    "everything": {"data": [], "dataFrom": [{"find": {"name": {"regexp": ""}}}] * 2},
    "large": {"data": [entry(number, key="large", property="") for number in range(15)]},
    **{f"windows-{number}": windows(number) for number in range(5)},
}
FAILING: dict[str, dict[str, Any]] = {
    "recursive": rendered("Data", f"a: {RECURSIVE}"),
    "huge": {"target": {"template": {"data": {"a": '{{ repeat 99999999 "x" }}'}}}},
    "path": {"data": [entry(property="#(" * 400)]},
    "too-large": {"data": [entry(number, key="large", property="") for number in range(17)]},
    "too-late": {"refreshInterval": "9999999999h"},
    "long-key": rendered("Data", f'"{LONG_KEY}": x'),
    "long-label": rendered("Labels", f"a: {LONG_KEY}"),
    "long-annotation": rendered("Annotations", f"a: {LONG_KEY}"),
}


def memory(world: World) -> int:
    """Bytes of resident memory."""
    pages = Path(f"/proc/{world.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def is_honest_synced(world: World, name: str = "db") -> None:
    """Make an honest ExternalSecret in another namespace, and wait for it."""
    other = f"{world.namespace}-b"
    world.cluster.make_namespace(other)
    world.keys(other, "keys", "id", "secret")
    world.apply(STORE, other)
    world.apply(external_secret(name), other)
    world.until("ExternalSecret", name, "True", "SecretSynced", namespace=other)


def test_hostile_external_secrets_concern_themselves(world: World) -> None:
    ready_world(world)
    world.aws.cloud.put_secret("large", "x" * 65_536, region=REGION)
    is_honest_synced(world, "before")
    before, bugs = memory(world), reported_bugs(world)
    path = f"{GROUP}/namespaces/{world.namespace}/externalsecrets"
    for name, spec in (WORKING | FAILING).items():
        world.cluster.do("POST", path, json.loads(external_secret(name, **spec)))
    annotated = json.loads(external_secret("annotated"))
    annotated["metadata"]["annotations"] = {"bomb": "x" * 200_000}
    world.cluster.do("POST", path, annotated)
    is_honest_synced(world)
    for name in (*WORKING, "annotated"):
        synced(world, name)
    for name in FAILING:
        world.until("ExternalSecret", name, "False", "SecretSyncedError")
        assert len(world.ready("ExternalSecret", name)[2]) <= 1000
    is_honest_synced(world, "after")
    assert memory(world) - before < MOST_GROWTH
    assert reported_bugs(world) == bugs


def reported_bugs(world: World) -> list[str]:
    return [one for one in world.log if any(bug in one for bug in BUGS)]


@pytest.mark.parametrize("policy", ["Owner", "Merge", "Orphan"])
def test_secrets_that_give_rights_to_their_writer_are_left_alone(world: World, policy: str) -> None:
    ready_world(world)
    account = "kubernetes.io/service-account.name"
    about = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app"}}
    world.apply(json.dumps(about))
    types = {"token": "kubernetes.io/service-account-token", "release": "helm.sh/release.v1"}
    made = {}
    for name, kind in types.items():
        metadata = {"name": name, "annotations": {account: "app"}}
        document = {"metadata": metadata, "type": kind, "stringData": {"release": "r"}}
        path = f"/api/v1/namespaces/{world.namespace}/secrets"
        made[name] = world.cluster.do("POST", path, document)
        hostile = json.loads(external_secret(name, target={"creationPolicy": policy}))
        hostile["metadata"]["annotations"] = {account: "admin"}
        world.apply(json.dumps(hostile))
    for name, kind in types.items():
        text = f"could not update secret: Secrets of type {kind} are made by"
        world.until("ExternalSecret", name, "False", "SecretSyncedError", text)
        found = world.get("Secret", name)
        assert found["metadata"]["annotations"] == {account: "app"}
        assert found["data"]["release"] == made[name]["data"]["release"]


def test_who_fights_for_a_secret_costs_no_calls_and_delays_nobody(
    world: World, api: ApiProxy
) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    calls = world.calls()
    for number in range(50):
        world.patch("Secret", "db", {"stringData": {"password": f"edited-{number}"}})
    eventually(lambda: world.data("db") == {"password": "p-1"}, "the Secret as it was")
    assert len(updates(world, api, "db")) < 30
    assert world.calls() - calls <= 1
    is_honest_synced(world)


def test_two_that_merge_into_one_key_write_once_an_interval(world: World, api: ApiProxy) -> None:
    ready_world(world)
    world.put_secret(world.namespace, "both", {"other": "kept"})
    target = {"name": "both", "creationPolicy": "Merge"}
    for name, key in (("one", "user"), ("two", "password")):
        data = [{"secretKey": "same", "remoteRef": {"key": "db", "property": key}}]
        world.apply(external_secret(name, data=data, target=target))
        synced(world, name)
    is_honest_synced(world)
    assert world.data("both") == {"other": "kept", "same": "p-1"}
    assert len(updates(world, api, "both")) == 2


def updates(world: World, api: ApiProxy, name: str) -> list[float]:
    """When a Secret was written again."""
    asked = "update secrets", f"{world.namespace}/{name}"
    return [one.at for one in api.journal.calls if (one.operation, one.target) == asked]


def test_templates_of_five_namespaces_do_not_hold_up_a_sixth(world: World) -> None:
    """The last test here: the controller is busy for long afterwards."""
    ready_world(world)
    loop = "{{ range until 20000 }}{{ . | toString | len }}{{ end }}"
    template = {"data": {f"k{number}": loop for number in range(20)}}
    names = [f"busy-{number}" for number in range(8)]
    hostile = [f"{world.namespace}-{number}" for number in range(5)]
    for namespace in hostile:
        world.cluster.make_namespace(namespace)
        world.keys(namespace, "keys", "id", "secret")
        world.apply(STORE, namespace)
        world.until("SecretStore", "aws", "True", namespace=namespace)
        for name in names:
            world.apply(external_secret(name, target={"template": template}), namespace)
    text = {"data": {"a": "x" * 50_000}}
    world.apply(external_secret("large", target={"template": text}))
    is_honest_synced(world)
    done = [
        name for name in names for one in hostile if world.ready("ExternalSecret", name, one)[0]
    ]
    assert len(done) <= 3
