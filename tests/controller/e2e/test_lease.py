"""The Lease: at the end of a controller, when it is lost, and beside another controller."""

import signal
from dataclasses import replace
from time import monotonic
from typing import Any
from urllib.error import HTTPError

import pytest

from testbed.api_proxy import ApiProxy
from testbed.faults import hang
from tests.controller.e2e.test_lifecycle import external_secret, ready_world, synced
from tests.controller.e2e.test_survival import WRITES, lines, rotate, writes, written
from tests.controller.e2e.world import Process, World
from tests.waiting import eventually

LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/external-secrets-controller"


@pytest.fixture(scope="module")
def lease_seconds() -> int:
    """Tests wait for its end."""
    return 3


def lease(world: World) -> Any:
    return world.cluster.do("GET", LEASE.format(world.home))["spec"]


def unready(world: World) -> str:
    """Why the controller is not ready; empty if it is."""
    try:
        world.page("/readyz")
    except HTTPError as error:
        return error.read().decode()
    return ""


def sibling(world: World, *flags: str) -> World:
    """Another replica of the same controller, which is not started; its API server is never cut."""
    folder = world.folder / "sibling"
    folder.mkdir(exist_ok=True)
    named = ("--pod-name=controller-1", *flags)
    return replace(world, folder=folder, url="", flags=named, process=Process())


def test_killed_it_goes_on_where_it_was(world: World) -> None:
    ready_world(world)
    names = [f"es-{number}" for number in range(20)]
    for name in names:
        world.apply(external_secret(name))
    eventually(lambda: world.data(names[0]), "the first Secret")
    world.stop(signal.SIGKILL)
    world.start()
    for name in names:
        synced(world, name)
        assert world.data(name) == {"password": "p-1"}


def test_killed_between_the_secret_and_the_status_it_writes_the_status_alone(
    world: World, api: ApiProxy
) -> None:
    ready_world(world)
    target = f"{world.namespace}/db"
    api.faults.inject(hang(), operation="patch externalsecrets/status", target=target)
    world.apply(external_secret())
    written = ("patch externalsecrets/status", target)
    eventually(lambda: written in writes(world, api), "the write of the status")
    world.stop(signal.SIGKILL)
    api.faults.clear()
    seen = len(writes(world, api))
    world.start()
    synced(world)
    assert writes(world, api)[seen:] == [written]


def test_it_outlives_an_api_server_that_is_away(world: World, api: ApiProxy) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    lost = lines(world, "no longer the leader")
    api.cut()
    eventually(lambda: lines(world, "no longer the leader") > lost, "the loss of the Lease")
    eventually(lambda: "cannot become the leader: " in unready(world), "the reason")
    world.apply(external_secret("later"))
    world.delete("Secret", "db")
    calls = world.calls()
    api.restore()
    synced(world, "later")
    eventually(lambda: world.data("db") == {"password": "p-1"}, "the Secret again")
    assert world.calls() > calls
    assert unready(world) == ""


def test_one_that_loses_its_lease_stops_and_takes_it_again(world: World, api: ApiProxy) -> None:
    ready_world(world).apply(external_secret())
    synced(world)
    lost = lines(world, "no longer the leader")
    change = {"spec": {"holderIdentity": "somebody-else", "renewTime": None}}
    path = LEASE.format(world.home)
    world.cluster.do("PATCH", path, change, "application/merge-patch+json")
    eventually(lambda: lines(world, "no longer the leader") > lost, "the loss")
    before = writes(world, api)
    world.delete("Secret", "db")
    world.apply(external_secret("later"))
    eventually(lambda: lease(world)["holderIdentity"] != "somebody-else", "the end of that Lease")
    began = [one.at for one in api.journal.calls if one.operation == "update leases"][-1]
    synced(world, "later")
    eventually(lambda: world.data("db") == {"password": "p-1"}, "the Secret again")
    assert written(world, api)[len(before)].at > began


def test_a_leader_that_cannot_renew_stops_before_another_starts(
    world: World, api: ApiProxy
) -> None:
    ready_world(world).apply(external_secret(refreshInterval="100ms"))
    synced(world)
    other = sibling(world)
    other.start_waiting()
    try:
        api.faults.inject(hang(), operation="update leases")
        eventually(lambda: lines(other, "this replica is the leader"), "the other one")
        now = monotonic()
        eventually(lambda: lines(other, "all objects are known"), "its work")
        last = [one.at for one in api.journal.calls if one.operation.startswith(WRITES)][-1]
        assert last < now
        rotate(world, "p-2")
        eventually(lambda: world.data("db") == {"password": "p-2"}, "a write of the other one")
    finally:
        assert other.stop() == 0
    api.faults.clear()
    api.cut()  # ends the requests that hang
    api.restore()
    eventually(lambda: lease(world)["holderIdentity"] == "controller-0", "its turn again")
    rotate(world, "p-3")
    eventually(lambda: world.data("db") == {"password": "p-3"}, "its own write")


def test_stopped_it_gives_back_the_lease_and_another_works_at_once(
    world: World, api: ApiProxy
) -> None:
    ready_world(world)
    other = sibling(world, "--client-qps=20", "--client-burst=1")
    other.url = api.url
    other.start_waiting()
    try:
        assert world.stop() == 0
        api.journal.clear()
        eventually(lambda: lease(world)["holderIdentity"] == "controller-1", "the other one", 10)
        other.apply(external_secret())
        synced(world)
        lists = [one.at for one in api.journal.calls if one.operation.startswith("list ")]
        assert lists[-1] - lists[0] >= (len(lists) - 1) / 40, "twenty a second"
    finally:
        assert other.stop() == 0
