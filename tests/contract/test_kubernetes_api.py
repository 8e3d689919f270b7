"""The client against the fake API server, and the same tests against a real one."""

import asyncio
import base64
import itertools
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from provider.controller.reconcile.status_writes import write_status
from provider.controller.resources.object_meta import read_metadata
from provider.errors import (
    ObjectConflict,
    ObjectExists,
    ObjectNotFound,
    ObjectRefused,
    VersionGone,
)
from provider.kube.cluster_api import ClusterApi
from provider.kube.connection import Connection
from provider.kube.kinds import CONFIG_MAPS, LEASES, NAMESPACES, SECRETS, SERVICE_ACCOUNTS, Kind
from provider.kube.reading import Selection, WatchEvent
from provider.runtime.http_stream import StreamingClient
from testbed.cluster import Address
from testbed.kubernetes import TOKEN, FakeKubernetes

EXTERNAL_SECRETS = Kind("external-secrets.io", "v1", "ExternalSecret", "externalsecrets")
CANARY = "c4nary-value"
_numbers = itertools.count()
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class World:
    """An API server with a namespace for the test."""

    objects: ClusterApi
    namespace: str

    def config_map(self, name: str, data: dict[str, str] | None = None, **metadata: Any) -> Any:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": self.namespace, "name": name, **metadata},
            "data": data or {"a": "1"},
        }

    def secret(self, name: str, **data: str) -> Any:
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        metadata = {"namespace": self.namespace, "name": name}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}

    def external_secret(self, name: str) -> Any:
        reference = {"secretKey": "a", "remoteRef": {"key": "b"}}
        return {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"namespace": self.namespace, "name": name},
            "spec": {"secretStoreRef": {"name": "s"}, "data": [reference]},
        }

    def here(self, kind: Kind, **more: Any) -> Selection:
        return Selection(kind, self.namespace, **more)

    async def names(self, selection: Selection, *, page: int = 250) -> list[str]:
        return [name for names in await self.pages(selection, page) for name in names]

    async def pages(self, selection: Selection, page: int) -> list[list[str]]:
        return [
            [item["metadata"]["name"] for item in one.items]
            async for one in self.objects.list(selection, page=page)
        ]

    async def version(self, selection: Selection) -> str:
        return [page.version async for page in self.objects.list(selection)][-1]

    async def events(
        self, selection: Selection, version: str, count: int, *, seconds: int = 30
    ) -> list[WatchEvent]:
        """The next events but bookmarks."""
        seen = []
        async with self.objects.watch(selection, version, seconds=seconds) as events:
            async for event in events:
                if event.type != "BOOKMARK":
                    seen.append(event)
                if len(seen) == count:
                    break
        return seen


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=["fake", pytest.param("real", marks=pytest.mark.api_server)],
)
async def objects(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ClusterApi]:
    """An API server that the tests share; the loop of the client is theirs too."""
    http, fake = StreamingClient(), None
    if request.param == "fake":
        fake = FakeKubernetes(writable=True).start()
        url, token, ca_file = fake.url, TOKEN, Path("none")
    else:
        address: Address = request.getfixturevalue("control_plane")
        url, token, ca_file = address.url, address.token, address.ca_file
    token_file = tmp_path_factory.mktemp("contract") / "token"
    token_file.write_text(token)
    connection = Connection(url, ca_file=ca_file, token_file=token_file, send=http.send)
    yield ClusterApi(connection, http, field_manager="contract")
    await http.close()
    if fake:
        fake.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def world(request: pytest.FixtureRequest, objects: ClusterApi) -> World:
    words = re.sub(r"[^a-z0-9]+", "-", request.node.originalname)[5:40].strip("-")
    namespace = f"{words}-{os.getpid()}-{next(_numbers)}"
    await objects.create(NAMESPACES, {"metadata": {"name": namespace}})
    return World(objects, namespace)


async def test_an_object_is_created_read_and_deleted(world: World) -> None:
    made = await world.objects.create(CONFIG_MAPS, world.config_map("one"))
    assert made["metadata"]["uid"]
    found = await world.objects.get(CONFIG_MAPS, world.namespace, "one")
    assert (found["data"], found["kind"]) == ({"a": "1"}, "ConfigMap")
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    await world.objects.delete(CONFIG_MAPS, world.namespace, "one")
    with pytest.raises(ObjectNotFound, match=f"ConfigMap {world.namespace}/one"):
        await world.objects.get(CONFIG_MAPS, world.namespace, "one")


async def test_an_object_that_exists_is_not_created_again(world: World) -> None:
    await world.objects.create(CONFIG_MAPS, world.config_map("one"))
    with pytest.raises(ObjectExists, match="already exists"):
        await world.objects.create(CONFIG_MAPS, world.config_map("one"))


@pytest.mark.parametrize("verb", ["replace", "merge_patch", "delete"])
async def test_what_is_missing_is_not_found(world: World, verb: str) -> None:
    made = await world.objects.create(CONFIG_MAPS, world.config_map("gone"))
    place = (CONFIG_MAPS, world.namespace, "gone")
    await world.objects.delete(*place)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "replace": lambda: world.objects.replace(CONFIG_MAPS, made),
        "merge_patch": lambda: world.objects.merge_patch(*place, {"data": {}}),
        "delete": lambda: world.objects.delete(*place),
    }
    with pytest.raises(ObjectNotFound):
        await calls[verb]()


async def test_nothing_is_created_in_a_namespace_that_does_not_exist(world: World) -> None:
    thing = world.config_map("one")
    thing["metadata"]["namespace"] = "no-such-namespace"
    with pytest.raises(ObjectNotFound, match="no-such-namespace"):
        await world.objects.create(CONFIG_MAPS, thing)


async def test_a_kind_that_is_not_served_is_not_found(world: World) -> None:
    kind = Kind("external-secrets.io", "v1", "PushSecretX", "pushsecretxs")
    with pytest.raises(ObjectNotFound):
        await world.names(world.here(kind))


async def test_an_older_version_is_not_replaced(world: World) -> None:
    first = await world.objects.create(CONFIG_MAPS, world.config_map("one"))
    await world.objects.replace(CONFIG_MAPS, {**first, "data": {"a": "2"}})
    with pytest.raises(ObjectConflict, match="modified"):
        await world.objects.replace(CONFIG_MAPS, {**first, "data": {"a": "3"}})


async def test_a_patch_holds_for_the_version_that_it_names(world: World) -> None:
    first = await world.objects.create(CONFIG_MAPS, world.config_map("one", {"a": "1", "b": "2"}))
    change = {"data": {"a": None, "c": "3"}}
    place = (CONFIG_MAPS, world.namespace, "one")
    assert (await world.objects.merge_patch(*place, change))["data"] == {"b": "2", "c": "3"}
    old = {"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}}
    with pytest.raises(ObjectConflict):
        await world.objects.merge_patch(*place, {**old, "data": {"d": "4"}})


async def test_a_write_without_a_change_makes_no_new_version(world: World) -> None:
    first = await world.objects.create(CONFIG_MAPS, world.config_map("one"))
    again = await world.objects.replace(CONFIG_MAPS, first)
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_only_the_object_that_is_meant_is_deleted(world: World) -> None:
    made = await world.objects.create(CONFIG_MAPS, world.config_map("one"))
    with pytest.raises(ObjectConflict):
        await world.objects.delete(CONFIG_MAPS, world.namespace, "one", uid="1")
    metadata = made["metadata"]
    await world.objects.delete(CONFIG_MAPS, world.namespace, "one", uid=metadata["uid"])
    assert "one" not in await world.names(world.here(CONFIG_MAPS))


async def test_an_invalid_object_is_refused_with_the_reason(world: World) -> None:
    with pytest.raises(ObjectRefused, match="Not_A_Name"):
        await world.objects.create(CONFIG_MAPS, world.config_map("Not_A_Name"))


async def test_a_refusal_of_a_secret_quotes_no_value(world: World) -> None:
    bad_value = world.secret("one")
    bad_value["data"] = {"a": f"?{CANARY}"}
    bad_key = world.secret("one", **{f"bad key {CANARY}": CANARY})
    for document in (bad_value, bad_key):
        with pytest.raises(ObjectRefused) as caught:
            await world.objects.create(SECRETS, document)
        assert CANARY not in str(caught.value).replace(f"data[bad key {CANARY}]", "")


async def test_an_immutable_secret_stays_as_it_is(world: World) -> None:
    made = await world.objects.create(SECRETS, {**world.secret("one", a="1"), "immutable": True})
    with pytest.raises(ObjectRefused):
        await world.objects.replace(SECRETS, {**made, "data": {"a": "Mg=="}})
    made["metadata"]["labels"] = {"a": "b"}
    assert (await world.objects.replace(SECRETS, made))["metadata"]["labels"] == {"a": "b"}


async def test_lists_come_in_pages_of_one_version(world: World) -> None:
    for number in range(5):
        await world.objects.create(SECRETS, world.secret(f"s{number}", a="1"))
    pages = await world.pages(world.here(SECRETS), 2)
    assert pages == [["s0", "s1"], ["s2", "s3"], ["s4"]]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ("app=web", ["a"]),
        ("app!=web", ["b", "c"]),
        ("app in (web, db)", ["a", "b"]),
        ("app", ["a", "b"]),
        ("!app", ["c"]),
    ],
)
async def test_labels_select(world: World, labels: str, names: list[str]) -> None:
    for name, own in {"a": {"app": "web"}, "b": {"app": "db"}, "c": {}}.items():
        await world.objects.create(SECRETS, _labelled(world.secret(name), own))
    assert await world.names(world.here(SECRETS, labels=labels)) == names


async def test_a_field_selector_takes_one_by_its_name(world: World) -> None:
    for name in ("a", "b"):
        await world.objects.create(SECRETS, world.secret(name))
    assert await world.names(world.here(SECRETS, fields="metadata.name=b")) == ["b"]


async def test_metadata_only_has_no_data(world: World) -> None:
    selection = world.here(SECRETS, metadata_only=True)
    version = await world.version(selection)
    await world.objects.create(SECRETS, world.secret("one", a=CANARY))
    pages = [page async for page in world.objects.list(selection)]
    [watched] = await world.events(selection, version, 1)
    for thing in (pages[0].items[0], watched.object):
        assert thing["metadata"]["name"] == "one"
        assert "data" not in thing


async def test_a_watch_tells_what_happens_after_a_version(world: World) -> None:
    selection = world.here(CONFIG_MAPS, fields="metadata.name=one")
    version = await world.version(selection)
    made = await world.objects.create(CONFIG_MAPS, world.config_map("one"))
    await world.objects.replace(CONFIG_MAPS, {**made, "data": {"a": "2"}})
    await world.objects.delete(CONFIG_MAPS, world.namespace, "one")
    events = await world.events(selection, version, 3)
    assert [event.type for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(event.version) for event in events]
    assert versions == sorted(set(versions))
    assert int(version) < versions[0]
    assert await world.events(selection, events[1].version, 1) == events[2:]


async def test_an_object_that_loses_its_label_is_deleted_for_a_watch(world: World) -> None:
    selection = world.here(SECRETS, labels="app=web")
    version = await world.version(selection)
    await world.objects.create(SECRETS, _labelled(world.secret("one"), {"app": "web"}))
    change = {"metadata": {"labels": {"app": None}}}
    await world.objects.merge_patch(SECRETS, world.namespace, "one", change)
    await world.objects.merge_patch(
        SECRETS, world.namespace, "one", {"metadata": {"labels": {"app": "web"}}}
    )
    events = await world.events(selection, version, 3)
    assert [event.type for event in events] == ["ADDED", "DELETED", "ADDED"]


async def test_a_watch_ends_after_its_time_with_a_bookmark(world: World) -> None:
    selection = world.here(SECRETS)
    version = await world.version(selection)
    async with world.objects.watch(selection, version, seconds=1) as events:
        seen = [event async for event in events]
    assert {event.type for event in seen} <= {"BOOKMARK"}
    assert all(int(event.version) >= int(version) for event in seen)


async def test_a_watch_from_a_forgotten_version_has_to_start_again(world: World) -> None:
    await world.objects.create(EXTERNAL_SECRETS, world.external_secret("one"))
    with pytest.raises(VersionGone):
        await world.events(world.here(EXTERNAL_SECRETS), "1", 1)


async def test_a_watch_goes_on_while_others_write(world: World) -> None:
    selection = world.here(SECRETS)
    version = await world.version(selection)
    watching = asyncio.create_task(world.events(selection, version, 20))
    for number in range(20):
        await world.objects.create(SECRETS, world.secret(f"s{number:02}"))
    assert [event.object["metadata"]["name"] for event in await watching] == [
        f"s{number:02}" for number in range(20)
    ]


async def test_status_and_spec_are_written_apart(world: World) -> None:
    made = await world.objects.create(EXTERNAL_SECRETS, world.external_secret("one"))
    assert made["metadata"]["generation"] == 1
    place = (EXTERNAL_SECRETS, world.namespace, "one")
    status = {"refreshTime": "2026-01-01T00:00:00Z"}
    after = await world.objects.patch_status(*place, status)
    assert (after["status"], after["metadata"]["generation"]) == (status, 1)
    both = {"spec": {"refreshInterval": "5m"}, "status": {"refreshTime": "2027-01-01T00:00:00Z"}}
    after = await world.objects.merge_patch(*place, both)
    assert (after["status"], after["metadata"]["generation"]) == (status, 2)


async def test_a_status_is_written_for_the_object_that_was_seen(world: World) -> None:
    """An ExternalSecret that is deleted and created again while the first one is synced."""
    made = await world.objects.create(EXTERNAL_SECRETS, world.external_secret("one"))
    old, status = read_metadata(made), {"syncedResourceVersion": "1-old"}
    place = (EXTERNAL_SECRETS, world.namespace, "one")
    await world.objects.merge_patch(*place, {"metadata": {"labels": {"a": "b"}}})
    stored: list[Any] = []
    await write_status(world.objects, EXTERNAL_SECRETS, old, status, stored.append)
    assert [one["status"] for one in stored] == [status]
    await world.objects.delete(*place)
    await world.objects.create(EXTERNAL_SECRETS, world.external_secret("one"))
    await write_status(world.objects, EXTERNAL_SECRETS, old, status, stored.append)
    assert len(stored) == 1
    assert "status" not in await world.objects.get(*place)


async def test_both_versions_show_the_same_object(world: World) -> None:
    old = Kind("external-secrets.io", "v1beta1", "ExternalSecret", "externalsecrets")
    document = {**world.external_secret("one"), "apiVersion": old.api_version}
    made = await world.objects.create(old, document)
    seen = await world.objects.get(EXTERNAL_SECRETS, world.namespace, "one")
    assert seen["metadata"]["uid"] == made["metadata"]["uid"]
    assert (made["apiVersion"], seen["apiVersion"]) == (
        "external-secrets.io/v1beta1",
        "external-secrets.io/v1",
    )


async def test_a_finalizer_keeps_a_deleted_object(world: World) -> None:
    thing = world.config_map("one", finalizers=["example.com/wait"])
    await world.objects.create(CONFIG_MAPS, thing)
    await world.objects.delete(CONFIG_MAPS, world.namespace, "one")
    place = (CONFIG_MAPS, world.namespace, "one")
    assert "deletionTimestamp" in (await world.objects.get(*place))["metadata"]
    await world.objects.merge_patch(*place, {"metadata": {"finalizers": None}})
    with pytest.raises(ObjectNotFound):
        await world.objects.get(*place)


async def test_what_an_object_owns_goes_with_it(world: World) -> None:
    owner = await world.objects.create(EXTERNAL_SECRETS, world.external_secret("owner"))
    owned = world.secret("owned")
    owned["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "name": "owner",
            "uid": owner["metadata"]["uid"],
        }
    ]
    version = await world.version(world.here(SECRETS))
    await world.objects.create(SECRETS, owned)
    await world.objects.delete(EXTERNAL_SECRETS, world.namespace, "owner")
    events = await world.events(world.here(SECRETS), version, 2)
    assert [event.type for event in events] == ["ADDED", "DELETED"]


async def test_field_managers_own_what_they_set(world: World) -> None:
    made = await world.objects.create(SECRETS, world.secret("one", a="1"), field_manager="first")
    made["data"]["b"] = "Mg=="
    made["metadata"]["labels"] = {"x": "y"}
    after = await world.objects.replace(SECRETS, made, field_manager="second")
    owned = {entry["manager"]: entry["fieldsV1"] for entry in after["metadata"]["managedFields"]}
    assert "f:a" in owned["first"]["f:data"]
    assert "f:a" not in owned["second"]["f:data"]
    assert "f:b" in owned["second"]["f:data"]
    assert "f:x" in owned["second"]["f:metadata"]["f:labels"]


async def test_a_service_account_gets_a_token(world: World) -> None:
    account = {"metadata": {"namespace": world.namespace, "name": "web"}}
    await world.objects.create(SERVICE_ACCOUNTS, account)
    token = await world.objects.create_token(
        world.namespace, "web", audiences=["sts.amazonaws.com"], seconds=3600
    )
    assert token.token.count(".") == 2
    assert token.expires_at > 1_700_000_000
    assert token.token not in repr(token)
    with pytest.raises(ObjectNotFound):
        await world.objects.create_token(world.namespace, "gone", audiences=["x"])


async def test_a_lease_is_taken_by_the_faster_one(world: World) -> None:
    lease = {"metadata": {"namespace": world.namespace, "name": "l"}, "spec": {}}
    first = await world.objects.create(LEASES, lease)
    await world.objects.replace(LEASES, {**first, "spec": {"holderIdentity": "a"}})
    with pytest.raises(ObjectConflict):
        await world.objects.replace(LEASES, {**first, "spec": {"holderIdentity": "b"}})


def _labelled(document: Any, labels: dict[str, str]) -> Any:
    document["metadata"]["labels"] = labels
    return document
