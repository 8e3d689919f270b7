"""The cache follows the API server, through ends of watches, 410, outages and odd objects."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest

from provider.controller.watch import informer as module
from provider.controller.watch.informer import Informer
from provider.controller.watch.informers import wait_for_lists
from provider.controller.watch.named_watches import PATIENCE, UNUSED, NamedObject, NamedWatches
from provider.controller.watch.object_cache import ObjectKey, Unreadable
from provider.errors import KubernetesUnavailable
from provider.kube.cluster_api import ClusterApi
from provider.kube.connection import Connection
from provider.kube.kinds import SECRETS, Document
from provider.kube.reading import Page, Selection
from provider.runtime.http_stream import StreamingClient
from testbed.faults import closed
from testbed.kubernetes import TOKEN, FakeKubernetes, unavailable
from tests.fakes.engine import Clock

MANAGED = Selection(SECRETS, labels="managed=true", metadata_only=True)
Change = tuple[str, object, object]
R = TypeVar("R")


def mark(document: Document) -> str:
    """What the tests keep of a Secret; raises for one that is marked so."""
    value = str(document["metadata"].get("annotations", {}).get("mark", ""))
    if value == "broken":
        raise ValueError("no such mark")
    return value


def secret(name: str, text: str = "", **metadata: Any) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "labels": {"managed": "true"},
            "annotations": {"mark": text},
            **metadata,
        },
        "type": "Opaque",
    }


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def kubernetes() -> Any:
    with FakeKubernetes(writable=True) as fake:
        fake.put_namespace("shop")
        yield fake


@pytest.fixture
async def objects(kubernetes: FakeKubernetes, tmp_path: Path) -> AsyncIterator[ClusterApi]:
    http = StreamingClient()
    token = tmp_path / "token"
    token.write_text(TOKEN)
    connection = Connection(kubernetes.url, ca_file=token, token_file=token, send=http.send)
    yield ClusterApi(connection, http, field_manager="tests")
    await http.close()


async def no_pause(_seconds: float) -> None:
    await asyncio.sleep(0.001)


class World:
    """A running informer and the changes that its handler was called with."""

    def __init__(self, kubernetes: FakeKubernetes, objects: ClusterApi) -> None:
        self.kubernetes = kubernetes
        self.objects = objects
        self.informer = Informer(objects, MANAGED, mark, sleep=no_pause)
        self.changes: list[Change] = []
        self.informer.on_change(
            lambda key, old, new: self.changes.append((key.name, old, new)),
        )
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.task = asyncio.create_task(self.informer.run())
        await self.informer.synced.wait()

    async def stop(self) -> None:
        if self.task:
            self.task.cancel()
            await asyncio.wait([self.task])

    def get(self, name: str) -> object:
        return self.informer.get(ObjectKey("shop", name))

    async def sees(self, *changes: Change) -> None:
        """Waits for exactly these changes, then forgets them."""
        await until(lambda: len(self.changes) >= len(changes))
        assert self.changes == list(changes)
        self.changes.clear()


@pytest.fixture
async def world(kubernetes: FakeKubernetes, objects: ClusterApi) -> AsyncIterator[World]:
    one = World(kubernetes, objects)
    yield one
    await one.stop()


async def test_a_list_then_a_watch(world: World) -> None:
    world.kubernetes.put(secret("a", "1"))
    world.kubernetes.put(secret("foreign", labels={}))
    await world.start()
    await world.sees(("a", None, "1"))
    world.kubernetes.put(secret("b", "1"))
    world.kubernetes.put(secret("a", "2"))
    world.kubernetes.remove("secrets", "b", "shop")
    await world.sees(("b", None, "1"), ("a", "1", "2"), ("b", "1", None))
    assert [(key.name, value) for key, value in world.informer.items()] == [("a", "2")]
    assert world.kubernetes.journal.count("list secrets") == 1


async def test_long_lists_come_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = world.objects.list
    monkeypatch.setattr(world.objects, "list", lambda one, **more: real(one, page=3, **more))
    for number in range(10):
        world.kubernetes.put(secret(f"s{number}"))
    await world.start()
    assert len(world.informer) == 10
    assert world.kubernetes.journal.count("list secrets") == 4


async def test_large_objects_are_parsed_away_from_the_loop_in_their_order(world: World) -> None:
    tenants: list[str] = []

    async def away(tenant: str, fn: Callable[[], R]) -> R:
        tenants.append(tenant)
        return await asyncio.to_thread(fn)

    def is_large(document: Document) -> bool:
        return mark(document).startswith("large")

    world.informer = Informer(
        world.objects, MANAGED, mark, is_large=is_large, away=away, sleep=no_pause
    )
    world.informer.on_change(lambda key, old, new: world.changes.append((key.name, old, new)))
    world.kubernetes.put(secret("a", "large 1"))
    world.kubernetes.put(secret("b", "1"))
    await world.start()
    await world.sees(("b", None, "1"), ("a", None, "large 1"))
    world.kubernetes.put(secret("a", "large 2"))
    world.kubernetes.put(secret("b", "2"))
    await world.sees(("a", "large 1", "large 2"), ("b", "1", "2"))
    assert tenants == ["shop", "shop"]


async def test_a_few_large_objects_of_a_list_are_parsed_at_a_time(world: World) -> None:
    running, most, several = 0, 0, asyncio.Event()

    async def away(_tenant: str, fn: Callable[[], R]) -> R:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running > 1:
            several.set()
        await several.wait()
        running -= 1
        return fn()

    world.informer = Informer(world.objects, MANAGED, mark, is_large=lambda _: True, away=away)
    for number in range(20):
        world.kubernetes.put(secret(f"s{number}"))
    await world.start()
    assert len(world.informer) == 20
    assert 1 < most <= module.LARGE_AT_ONCE


async def test_a_list_that_hangs_is_asked_again_and_gets_more_time() -> None:
    timeouts: list[float] = []

    class Hanging:
        async def list(self, _selection: Selection, *, timeout: float) -> AsyncIterator[Page]:
            timeouts.append(timeout)
            if len(timeouts) < 4:
                raise KubernetesUnavailable("no answer in time")
            yield Page([], "1")

        def watch(self, *_given: object, **_more: object) -> NoReturn:
            raise asyncio.CancelledError

    hanging: Any = Hanging()
    informer = Informer(hanging, MANAGED, mark, sleep=no_pause)
    with pytest.raises(asyncio.CancelledError):
        await informer.run()
    assert timeouts == [15, 30, 60, 60]


async def test_the_log_says_once_which_lists_are_missing(caplog: pytest.LogCaptureFixture) -> None:
    answers = [["secrets", "namespaces"], ["secrets"], ["secrets"], []]
    await wait_for_lists(lambda: answers.pop(0), slow=0.0)
    assert not answers
    [record] = caplog.records
    assert "secrets, namespaces" in str(vars(record))


@pytest.mark.parametrize("end", ["time", "broken"])
async def test_a_watch_that_ends_goes_on_from_where_it_was(
    world: World, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if end == "time":
        monkeypatch.setattr(module, "WATCH_SECONDS", 1)
    await world.start()
    world.kubernetes.put(secret("first", "1"))
    await world.sees(("first", None, "1"))
    if end == "broken":
        world.kubernetes.break_watches()
    await until(lambda: world.kubernetes.journal.count("watch secrets") >= 2)
    world.kubernetes.put(secret("a", "1"))
    await world.sees(("a", None, "1"))
    assert world.kubernetes.journal.count("list secrets") == 1


async def test_a_dropped_version_makes_it_list_again_and_hand_on_differences(
    world: World, kubernetes: FakeKubernetes
) -> None:
    for name in ("same", "changed", "deleted"):
        kubernetes.put(secret(name, "1"))
    await world.start()
    kubernetes.put(secret("first", "1"))  # seen by the watch
    await until(lambda: world.get("first"))
    world.changes.clear()
    kubernetes.faults.inject(closed(), operation="watch secrets")
    kubernetes.break_watches()
    kubernetes.put(secret("changed", "2"))
    kubernetes.put(secret("new", "1"))
    kubernetes.remove("secrets", "deleted", "shop")
    kubernetes.compact()
    kubernetes.faults.clear()
    await until(lambda: len(world.changes) == 3)
    assert sorted(world.changes, key=lambda change: change[0]) == [
        ("changed", "1", "2"),
        ("deleted", "1", None),
        ("new", None, "1"),
    ]
    assert world.kubernetes.journal.count("list secrets") == 2


async def test_an_outage_is_waited_for_with_longer_and_longer_pauses(
    world: World, kubernetes: FakeKubernetes
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 12:
            kubernetes.faults.clear()

    world.informer._sleep = sleep
    kubernetes.faults.inject(unavailable())
    kubernetes.put(secret("a", "1"))
    task = asyncio.create_task(world.start())
    await until(lambda: world.informer.failure)
    await task
    await world.sees(("a", None, "1"))
    await until(lambda: not world.informer.failure)
    for number, pause in enumerate(pauses):
        most = min(module.FIRST_PAUSE * 2**number, module.MAX_PAUSE)
        assert most / 2 <= pause <= most


async def test_an_object_that_cannot_be_read_concerns_itself_only(world: World) -> None:
    world.kubernetes.put(secret("a", "broken"))
    world.kubernetes.put(secret("b", "1"))
    await world.start()
    broken = world.get("a")
    assert isinstance(broken, Unreadable)
    assert broken.error == "no such mark"
    assert world.get("b") == "1"
    world.kubernetes.put(secret("a", "2"))
    await until(lambda: world.get("a") == "2")


async def test_a_handler_that_fails_does_not_stop_the_others(world: World) -> None:
    seen = []

    def fail(*_change: object) -> None:
        raise ZeroDivisionError

    world.informer._handlers.insert(0, fail)
    world.informer.on_change(lambda key, *_: seen.append(key.name))
    world.kubernetes.put(secret("a"))
    world.kubernetes.put(secret("b"))
    await world.start()
    assert seen == ["a", "b"]


async def test_the_answer_to_an_own_write_counts_at_once_and_once(world: World) -> None:
    world.kubernetes.put(secret("a", "1"))
    await world.start()
    await world.sees(("a", None, "1"))
    change = {"metadata": {"annotations": {"mark": "2"}}}
    world.informer.learn(await world.objects.merge_patch(SECRETS, "shop", "a", change))
    assert world.get("a") == "2"
    world.kubernetes.put(secret("end"))
    await until(lambda: world.get("end") is not None)
    await world.sees(("a", "1", "2"), ("end", None, ""))


async def test_an_old_answer_neither_returns_nor_revives_anything(world: World) -> None:
    world.kubernetes.put(secret("a", "1"))
    old = await world.objects.get(SECRETS, "shop", "a")
    world.kubernetes.put(secret("a", "2"))
    await world.start()
    world.informer.learn(old)
    assert world.get("a") == "2"
    world.kubernetes.remove("secrets", "a", "shop")
    await until(lambda: world.get("a") is None)
    world.informer.learn(old)
    assert world.get("a") is None
    world.kubernetes.put(secret("a", "3"))
    await until(lambda: world.get("a") == "3")


async def test_a_late_deletion_does_not_remove_the_object_that_came_after(world: World) -> None:
    first = world.kubernetes.put(secret("a", "1"))
    await world.start()
    second = {**first, "metadata": {**first["metadata"], "uid": "2", "resourceVersion": "99999"}}
    world.informer.learn(second)
    world.changes.clear()
    world.kubernetes.remove("secrets", "a", "shop")
    world.kubernetes.put(secret("end"))
    await world.sees(("end", None, ""))
    assert world.get("a") == "1"


async def test_no_data_of_secrets_is_read(world: World) -> None:
    seen: list[Document] = []

    def keep(document: Document) -> str:
        seen.append(document)
        return ""

    world.informer._parse = keep
    world.kubernetes.put({**secret("a"), "data": {"password": "YzRuYXJ5"}})
    await world.start()
    world.kubernetes.put({**secret("b"), "data": {"password": "YzRuYXJ5"}})
    await until(lambda: len(seen) == 2)
    assert "YzRuYXJ5" not in str(seen)


CREDENTIALS = NamedObject(SECRETS, "shop", "credentials")


class Named:
    """Running watches by name, and what they reported."""

    def __init__(self, objects: ClusterApi, clock: Clock, most: int = 3) -> None:
        self.changed: list[str] = []
        self.is_busy = False
        self.watches = NamedWatches(
            objects,
            lambda named: self.changed.append(named.name),
            is_busy=lambda: self.is_busy,
            most=most,
            clock=clock,
            sleep=no_pause,
        )
        self.task = asyncio.create_task(self.watches.run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.fixture
async def named(objects: ClusterApi, clock: Clock) -> AsyncIterator[Named]:
    one = Named(objects, clock)
    await asyncio.sleep(0)
    yield one
    await one.stop()


def version(thing: Document) -> str:
    return str(thing["metadata"]["resourceVersion"])


@pytest.mark.parametrize("end", ["rest", "patience"])
async def test_new_watches_wait_while_there_is_more_urgent_work(
    named: Named, kubernetes: FakeKubernetes, clock: Clock, end: str
) -> None:
    named.is_busy = True
    read = kubernetes.put(secret("credentials", "1"))
    assert named.watches.use(CREDENTIALS, version(read))
    kubernetes.put(secret("credentials", "2"))
    for _ in range(5):
        await no_pause(0)
    assert kubernetes.journal.count() == 0
    if end == "rest":
        named.is_busy = False
    else:
        clock.now += PATIENCE
    await until(lambda: named.changed == ["credentials"])


async def test_a_used_object_is_reported_when_it_changes(
    named: Named, kubernetes: FakeKubernetes
) -> None:
    read = kubernetes.put(secret("credentials", "1"))
    assert named.watches.use(CREDENTIALS, version(read))
    await until(lambda: kubernetes.journal.count("watch secrets") == 1)
    assert named.changed == []
    kubernetes.put(secret("another"))
    kubernetes.put(secret("credentials", "2"))
    await until(lambda: named.changed == ["credentials"])
    kubernetes.remove("secrets", "credentials", "shop")
    await until(lambda: named.changed == ["credentials", "credentials"])


async def test_what_changed_between_reading_and_watching_is_reported(
    named: Named, kubernetes: FakeKubernetes
) -> None:
    read = kubernetes.put(secret("credentials", "1"))
    kubernetes.put(secret("credentials", "2"))
    named.watches.use(CREDENTIALS, version(read))
    named.watches.resume(CREDENTIALS)  # which is watched already
    await until(lambda: named.changed == ["credentials"])


async def test_what_was_deleted_between_reading_and_watching_is_reported(
    named: Named, kubernetes: FakeKubernetes
) -> None:
    read = kubernetes.put(secret("credentials", "1"))
    kubernetes.remove("secrets", "credentials", "shop")
    named.watches.use(CREDENTIALS, version(read))
    await until(lambda: named.changed == ["credentials"])


async def test_an_object_that_is_missing_is_reported_when_it_comes(
    named: Named, kubernetes: FakeKubernetes
) -> None:
    named.watches.use(CREDENTIALS, "")
    await until(lambda: kubernetes.journal.count("watch secrets") == 1)
    assert named.changed == []
    kubernetes.put(secret("credentials", "1"))
    await until(lambda: named.changed == ["credentials"])


async def test_what_an_earlier_process_has_read_is_reported_when_it_changes(
    named: Named, kubernetes: FakeKubernetes
) -> None:
    kubernetes.put(secret("credentials", "1"))
    named.watches.resume(CREDENTIALS)
    await until(lambda: kubernetes.journal.count("watch secrets") == 1)
    assert named.changed == []
    kubernetes.put(secret("credentials", "2"))
    await until(lambda: named.changed == ["credentials"])
    named.watches.resume(CREDENTIALS)
    kubernetes.remove("secrets", "credentials", "shop")
    await until(lambda: named.changed == ["credentials", "credentials"])


async def test_what_was_read_since_is_not_reported(
    named: Named, kubernetes: FakeKubernetes
) -> None:
    named.watches.use(CREDENTIALS, version(kubernetes.put(secret("credentials", "1"))))
    await until(lambda: kubernetes.journal.count("watch secrets") == 1)
    with kubernetes.objects.lock:
        named.watches.use(CREDENTIALS, version(kubernetes.put(secret("credentials", "2"))))
    kubernetes.put(secret("credentials", "3"))
    await until(lambda: named.changed == ["credentials"])


async def test_watches_by_name_are_bounded_and_unused_ones_make_room(
    named: Named, clock: Clock, kubernetes: FakeKubernetes
) -> None:
    many = [NamedObject(SECRETS, "shop", str(number)) for number in range(5)]
    assert [named.watches.use(one, "") for one in many] == [True] * 3 + [False] * 2
    assert (len(named.watches), named.watches.refused) == (3, 2)
    clock.now += UNUSED
    named.watches.use(many[1], "")
    assert named.watches.use(many[4], "")
    assert len(named.watches) == 3


async def test_a_namespace_with_many_watches_makes_room_for_others(named: Named) -> None:
    many = [NamedObject(SECRETS, "shop", str(number)) for number in range(3)]
    others = [NamedObject(SECRETS, "other", str(number)) for number in range(2)]
    assert [named.watches.use(one, "") for one in many] == [True] * 3
    assert [named.watches.use(one, "") for one in others] == [True, False]
    assert len(named.watches) == 3
    assert named.watches.use(many[2], "")
    assert not named.watches.use(many[0], "")
