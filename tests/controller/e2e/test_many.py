"""What many ExternalSecrets cost: at rest, after a restart, and while they are refreshed."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from testbed.api_proxy import ApiProxy
from testbed.cluster import ClusterClient
from tests.controller.e2e.test_lifecycle import REGION, STORE, external_secret, synced
from tests.controller.e2e.test_survival import STORE_WITH_ROLE, WRITES
from tests.controller.e2e.world import GROUP, World
from tests.waiting import eventually

NAMESPACES = 4
EACH = 20
FREQUENT = 2
"""Namespaces in which ten ExternalSecrets are refreshed often."""
INTERVAL = "2s"
TEMPLATE = {"metadata": {"labels": {"l": "1"}}, "data": {"url": "db://{{ .own }}"}}
TARGETS: dict[int, dict[str, Any]] = {
    0: {"template": TEMPLATE},
    1: {"creationPolicy": "Orphan"},
    2: {"deletionPolicy": "Delete"},
    3: {"creationPolicy": "Merge"},
    **{number: {"creationPolicy": "None"} for number in range(EACH // 2, EACH)},
}
"""By number; others have a Secret of their own."""


@pytest.fixture(scope="module")
def places(cluster: ClusterClient) -> Iterator[list[str]]:
    names = [f"many-{os.getpid()}-{number}" for number in range(NAMESPACES)]
    for name in names:
        cluster.make_namespace(name)
    yield names
    for name in names:
        cluster.do("DELETE", f"{GROUP}/namespaces/{name}/externalsecrets")


@pytest.fixture(scope="module")
def many(shared: World, places: list[str]) -> World:
    """80 that are at rest: half by access keys, half by ServiceAccounts."""
    shared.url = ""  # not through the proxy, which would take longer
    for number, place in enumerate(places):
        _make_store(shared.at(place), is_static=number % 2 == 0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda place: _make_all(shared, place), places))
    shared.start()
    for place in places:
        eventually(lambda: _synced(shared, place) == EACH, f"all of {place}", 120)  # noqa: B023
    return shared


def _make_store(world: World, *, is_static: bool) -> None:
    store = yaml.safe_load(STORE) if is_static else json.loads(json.dumps(STORE_WITH_ROLE))
    store["metadata"]["name"] = "aws"
    world.keys(world.namespace, "keys", "id", "secret")
    world.role(world.namespace, "app")
    world.apply(json.dumps(store))
    world.put_secret(world.namespace, "es-3", {"other": "kept"})
    for name in ("shared", *map(str, range(EACH))):
        world.aws.cloud.put_secret(f"{world.namespace}/{name}", name, region=REGION)


def _make_all(world: World, place: str) -> None:
    for number in range(EACH):
        path = f"{GROUP}/namespaces/{place}/externalsecrets"
        world.cluster.do("POST", path, json.loads(_document(place, number)))


def _document(place: str, number: int, name: str = "") -> str:
    """One with a secret of its own, and one that all of the namespace share."""
    data = [
        {"secretKey": key, "remoteRef": {"key": f"{place}/{secret}"}}
        for key, secret in (("own", number), ("shared", "shared"))
    ]
    return external_secret(name or f"es-{number}", data=data, target=TARGETS.get(number, {}))


def _synced(world: World, place: str) -> int:
    """How many of a namespace have been synced."""
    found = world.cluster.do("GET", f"{GROUP}/namespaces/{place}/externalsecrets")["items"]
    return sum("refreshTime" in one.get("status", {}) for one in found)


def requests_of(api: ApiProxy) -> list[str]:
    """Operations so far, without watches, Leases and Events."""
    operations = [one.operation for one in api.journal.calls]
    left_out = (" leases", " events")
    return [
        one for one in operations if not one.startswith("watch ") and not one.endswith(left_out)
    ]


def test_at_rest_a_restart_costs_what_is_new_and_nothing_else(
    many: World, places: list[str], api: ApiProxy
) -> None:
    assert many.stop() == 0
    calls = len(many.aws.journal.calls)
    api.journal.clear()
    many.url = api.url
    world = many.at(places[0])
    world.apply(_document(places[0], 9, "new"))
    world.start()
    synced(world, "new")
    assert world.data("new") == {"own": "9", "shared": "shared"}
    writes = [one for one in requests_of(api) if one.startswith(WRITES)]
    assert writes == ["create secrets", "patch externalsecrets/status"]
    assert len(many.aws.journal.calls) - calls == 1


def test_a_steady_minute_of_twenty_keeps_to_its_budget(
    many: World, places: list[str], api: ApiProxy
) -> None:
    """30 calls and 150 requests for the 120 refreshes of a minute of 20 at 10 s."""
    many.url = api.url
    many.start()
    for place in places[:FREQUENT]:
        for number in range(EACH // 2):
            change = {"spec": {"refreshInterval": INTERVAL}}
            many.patch("ExternalSecret", f"es-{number}", change, place)

    def refreshes() -> int:
        return requests_of(api).count("patch externalsecrets/status")

    def next_two_of_each() -> int:
        begun = refreshes()
        eventually(lambda: refreshes() >= begun + FREQUENT * EACH, "two refreshes of each")
        return refreshes() - begun

    def keeps_to_it() -> bool:
        calls, requests = len(many.aws.journal.calls), len(requests_of(api))
        done = next_two_of_each()
        made = len(many.aws.journal.calls) - calls, len(requests_of(api)) - requests
        return made[0] <= done * 30 / 120 and made[1] <= done * 150 / 120

    next_two_of_each()  # all have the short interval now
    # A busy machine may spread refreshes that were due together, again and again.
    assert any(keeps_to_it() for _ in range(8))
