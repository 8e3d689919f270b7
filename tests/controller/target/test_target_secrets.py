"""Writes of Secrets, over a fake API and the informer's cache."""

import base64
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from provider.controller.resources.hashes import MANAGED_LABEL, field_manager
from provider.controller.resources.objects import ExternalSecret, read_external_secret
from provider.controller.scheduling.cpu_work import CpuWork
from provider.controller.target.plan import TargetNotWritable, Wanted
from provider.controller.target.target_secrets import MOST_BYTES, MOST_KEYS, SMALL, Secrets
from provider.controller.watch.informer import Informer
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.secret_state import SecretState, read_state
from provider.errors import InvalidRequest, ObjectExists, ObjectNotFound
from provider.kube.kinds import SECRETS, Document, Kind
from provider.kube.reading import Selection
from tests.loop_watchdog import loop_watchdog

KEY = ObjectKey("shop", "db")


def copied(document: Document) -> Document:
    """As a request or an answer carries it; quickly, as the loop's time is measured here."""
    copy: Document = json.loads(json.dumps(document))
    return copy


class Api:
    """Secrets, and what was asked for."""

    def __init__(self) -> None:
        self.secrets: dict[ObjectKey, Document] = {}
        self.requests: list[str] = []
        self.managers: list[str] = []
        self.version = 0

    def store(self, document: Document) -> Document:
        about = document["metadata"]
        self.version += 1
        stored = {
            **copied(document),
            "metadata": {**about, "resourceVersion": str(self.version), "uid": about["name"]},
        }
        self.secrets[ObjectKey(about["namespace"], about["name"])] = stored
        return copied(stored)

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        self.requests.append("get")
        found = self.secrets.get(ObjectKey(namespace, name))
        if found is None:
            raise ObjectNotFound(name)
        return copied(found)

    async def create(self, kind: Kind, document: Document, *, field_manager: str = "") -> Document:
        self.requests.append("create")
        self.managers.append(field_manager)
        if ObjectKey("shop", document["metadata"]["name"]) in self.secrets:
            raise ObjectExists("there is one")
        return self.store(document)

    async def replace(self, kind: Kind, document: Document, *, field_manager: str = "") -> Document:
        self.requests.append("replace")
        self.managers.append(field_manager)
        return self.store(document)

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str = "") -> None:
        self.requests.append(f"delete {uid}")
        if self.secrets.pop(ObjectKey(namespace, name), None) is None:
            raise ObjectNotFound(name)


class World:
    """Secrets over the fake API."""

    def __init__(self, work: CpuWork) -> None:
        self.api = Api()
        selection = Selection(SECRETS, labels=f"{MANAGED_LABEL}=true")
        self.informer: Informer[SecretState] = Informer(self.api, selection, read_state)  # type: ignore[arg-type]
        self.secrets = Secrets(self.api, self.informer, work)  # type: ignore[arg-type]  # a fake

    async def write(self, found: ExternalSecret, **data: str) -> str:
        assert found.spec is not None
        wanted = Wanted(data={key: value.encode() for key, value in data.items()})
        return await self.secrets.write(found.metadata, found.spec, wanted)

    def data(self, key: ObjectKey = KEY) -> dict[str, str]:
        data = self.api.secrets[key]["data"].items()
        return {name: base64.b64decode(value).decode() for name, value in data}


@pytest.fixture
def world() -> Iterator[World]:
    work = CpuWork()
    yield World(work)
    work.close()


def external_secret(**target: Any) -> ExternalSecret:
    spec = {
        "secretStoreRef": {"name": "aws"},
        "target": target,
        "data": [{"secretKey": "a", "remoteRef": {"key": "x"}}],
    }
    about = {"name": "db", "namespace": "shop", "uid": "uid-1"}
    return read_external_secret({"metadata": about, "spec": spec})


async def test_a_new_secret_is_one_request(world: World) -> None:
    assert await world.write(external_secret(), a="1") == "created"
    assert world.api.requests == ["create"]
    assert world.api.managers == [field_manager("db")]


async def test_what_was_written_is_neither_read_nor_written_again(world: World) -> None:
    await world.write(external_secret(), a="1")
    world.api.requests.clear()
    assert await world.write(external_secret(), a="1") == "unchanged"
    assert world.api.requests == []


async def test_a_new_value_is_written(world: World) -> None:
    await world.write(external_secret(), a="1")
    assert await world.write(external_secret(), a="2") == "updated"
    assert world.data() == {"a": "2"}


async def test_a_secret_that_others_changed_is_read_first(world: World) -> None:
    await world.write(external_secret(), a="1")
    changed = deepcopy(world.api.secrets[KEY])
    changed["metadata"]["labels"]["team"] = "x"
    world.informer.put(world.api.store(changed))
    world.api.requests.clear()
    assert await world.write(external_secret(), a="1") == "unchanged"
    assert await world.write(external_secret(), a="1") == "unchanged"
    assert world.api.requests == ["get"]


async def test_a_secret_that_is_there_already_is_taken_over(world: World) -> None:
    foreign = {"metadata": {"name": "db", "namespace": "shop"}, "data": {"old": "MQ=="}}
    world.api.store(foreign)
    assert await world.write(external_secret(), a="1") == "updated"
    assert world.api.requests == ["create", "get", "replace"]
    assert world.data() == {"a": "1"}


async def test_there_is_nothing_to_merge_into(world: World) -> None:
    assert await world.write(external_secret(creationPolicy="Merge"), a="1") == "missing"
    assert world.api.requests == ["get"]


async def test_large_data_is_worked_on_away_from_the_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = []
    run = CpuWork.run

    async def noted(self: CpuWork, tenant: str, fn: Any) -> Any:
        tenants.append(tenant)
        return await run(self, tenant, fn)

    monkeypatch.setattr(CpuWork, "run", noted)
    await world.write(external_secret(), a="1")
    assert tenants == []
    await world.write(external_secret(), a="x" * SMALL)
    assert tenants == ["shop"] * 2, "to compare and to plan"
    tenants.clear()
    found = deepcopy(world.api.secrets[KEY])
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "x"}
    found["metadata"]["ownerReferences"] = [{**owner, "uid": "u", "controller": True}]
    world.informer.put(world.api.store(found))
    with pytest.raises(TargetNotWritable):
        await world.write(external_secret(), a="y" * SMALL)


async def test_the_largest_secret_does_not_hold_the_loop(world: World) -> None:
    first, second = "x" * MOST_BYTES, "y" * MOST_BYTES
    async with loop_watchdog():
        assert await world.write(external_secret(), a=first) == "created"
        assert await world.write(external_secret(), a=first) == "unchanged"
        assert await world.write(external_secret(), a=second) == "updated"
    state = world.secrets.state(KEY)
    assert state is not None
    assert state.is_intact


async def test_thousands_of_keys_do_not_hold_the_loop(world: World) -> None:
    values = {f"k{number}": "" for number in range(MOST_KEYS)}
    async with loop_watchdog():
        assert await world.write(external_secret(), **values) == "created"
        assert await world.write(external_secret(), **values) == "unchanged"
        with pytest.raises(InvalidRequest, match="would have 10001 keys, over 10000"):
            await world.write(external_secret(), **values, one="more")


async def test_a_key_for_a_large_secret_does_not_hold_the_loop(world: World) -> None:
    about = {"namespace": "shop", "name": "db"}
    world.api.store({"metadata": about, "data": {"theirs": "eHh4" * (MOST_BYTES // 4)}})
    async with loop_watchdog():
        assert await world.write(external_secret(creationPolicy="Merge"), a="1") == "updated"
    assert world.data()["a"] == "1"


async def test_more_than_a_secret_holds_is_refused_before_it_is_sent(world: World) -> None:
    with pytest.raises(InvalidRequest, match="1048577 bytes together, and a Secret holds 1048576"):
        await world.write(external_secret(), a="x" * MOST_BYTES, b="y")
    assert world.api.requests == []


async def test_secrets_under_former_names_are_found(world: World) -> None:
    await world.write(external_secret(), a="1")
    await world.write(external_secret(name="other"), a="1")
    found = external_secret(name="other")
    assert found.spec is not None
    [orphan] = world.secrets.orphans(found.metadata, found.spec)
    assert orphan.name == "db"
    assert await world.secrets.delete("shop", orphan)
    assert world.secrets.state(ObjectKey("shop", orphan.name)) is None
    assert not await world.secrets.delete("shop", orphan)
    assert world.api.requests[-1] == "delete db"


async def test_a_copy_of_a_secret_is_no_orphan(world: World) -> None:
    await world.write(external_secret(), a="1")
    copy = deepcopy(world.api.secrets[KEY])
    copy["metadata"] |= {"name": "copy", "ownerReferences": []}
    world.informer.put(world.api.store(copy))
    found = external_secret()
    assert found.spec is not None
    assert world.secrets.orphans(found.metadata, found.spec) == []
