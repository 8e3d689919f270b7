"""Large objects of one tenant do not hold the event loop, and status changes cost little."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from provider.controller.config import Config
from provider.controller.watch import large_specs
from provider.controller.watch.informers import Informers
from provider.controller.watch.large_specs import MOST, MOST_NODES, SpecMemory, has_large_spec
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import readable
from provider.kube.kinds import Document
from provider.kube.reading import WatchEvent
from provider.runtime.offload import Offload
from provider.runtime.options import configure
from tests.loop_watchdog import loop_watchdog

KEY = ObjectKey("shop", "db")


def external_secret(version: int, entries: int, *, generation: int = 1, **more: Any) -> Document:
    about = {"namespace": "shop", "name": "db", "uid": "u", "resourceVersion": str(version)}
    data = [{"secretKey": f"k{one}", "remoteRef": {"key": f"x{one}"}} for one in range(entries)]
    spec = {"secretStoreRef": {"name": "aws"}, "data": data}
    return {"metadata": {**about, "generation": generation}, "spec": spec, **more}


@pytest.fixture
def informers() -> Any:
    offload = Offload()
    yield Informers(None, configure(Config, {}, {}), offload.run)  # type: ignore[arg-type]  # never asked
    offload.close()


async def take(informers: Informers, document: Document) -> None:
    await informers.external_secrets._take(WatchEvent("MODIFIED", document))


async def test_thousands_of_entries_do_not_hold_the_loop(informers: Informers) -> None:
    status = {"refreshTime": "2030-01-01T00:00:00Z"}
    first, second = external_secret(1, 4500), external_secret(2, 4500, status=status)
    async with loop_watchdog():
        await take(informers, first)
        informers.external_secrets.learn(second)
        await asyncio.sleep(0)
    found = readable(informers.external_secrets.get(KEY))
    assert found is not None
    assert [one.path for one in found.object.problems] == ["spec"], "it has too many entries"
    assert found.object.status.refresh_time is not None


async def test_a_new_generation_is_parsed_and_a_new_status_is_not(informers: Informers) -> None:
    await take(informers, external_secret(1, 1))
    first = readable(informers.external_secrets.get(KEY))
    annotated = external_secret(2, 1)
    annotated["metadata"]["annotations"] = {"force-sync": "1"}
    await take(informers, annotated)
    second = readable(informers.external_secrets.get(KEY))
    await take(informers, external_secret(3, 2, generation=2))
    third = readable(informers.external_secrets.get(KEY))
    assert first is not None
    assert second is not None
    assert third is not None
    assert second.object.spec is first.object.spec
    assert second.object.version_to_sync != first.object.version_to_sync
    assert third.object.spec is not None
    assert len(third.object.spec.data) == 2


@pytest.mark.parametrize(
    ("spec", "is_large"),
    [
        ({"data": [{"secretKey": "a"}] * 20}, False),
        ({"data": [{}] * MOST_NODES}, True),
        ({"a": {"b": ["x" * 20_000]}}, True),
        ({"dataFrom": [{"find": {"name": {"regexp": "a"}}}] * 3}, False),
        ({"dataFrom": [{"find": {"name": {"regexp": "a"}}}] * 4}, True),
        (None, False),
    ],
)
def test_what_is_large(spec: Any, is_large: bool) -> None:
    assert has_large_spec({"metadata": {}, "spec": spec}) is is_large


def test_large_annotations_count_too() -> None:
    annotations = {f"a{number}": "x" * 1000 for number in range(20)}
    assert has_large_spec({"metadata": {"annotations": annotations}})


async def test_one_namespace_does_not_fill_the_memory_for_all(informers: Informers) -> None:
    cache = informers.external_secrets

    async def put(namespace: str, name: str, version: int) -> bool:
        """Whether a large one is kept."""
        document = external_secret(version, 1, generation=version)
        document["metadata"] |= {"namespace": namespace, "name": name}
        document["spec"]["target"] = {"template": {"data": {"a": "x" * (MOST // 4)}}}
        await take(informers, document)
        return readable(cache.get(ObjectKey(namespace, name))) is not None

    kept = [await put("hostile", f"es-{number}", number + 1) for number in range(5)]
    assert kept == [True, True, True, False, False]
    assert await put("honest", "db", 6)
    small = external_secret(7, 1, generation=7)
    small["metadata"] |= {"namespace": "hostile", "name": "small"}
    await take(informers, small)
    assert readable(cache.get(ObjectKey("hostile", "small"))) is not None
    assert await put("hostile", "es-0", 8), "its former size does not count"
    cache.remove(ObjectKey("hostile", "es-0"), "9")
    assert await put("hostile", "es-4", 10)


@pytest.mark.parametrize("part", ["annotations", "finalizers", "conditions"])
async def test_what_is_added_to_an_object_counts_too(informers: Informers, part: str) -> None:
    """Its spec stays as it is, and is not parsed again."""
    await take(informers, external_secret(1, 1))
    text = "x" * (MOST + 1)
    grown = external_secret(2, 1)
    if part == "conditions":
        grown["status"] = {"conditions": [{"type": "Ready", "status": "True", "message": text}]}
    else:
        grown["metadata"][part] = {"a": text} if part == "annotations" else [text]
    await take(informers, grown)
    assert readable(informers.external_secrets.get(KEY)) is None
    await take(informers, external_secret(3, 1))
    assert readable(informers.external_secrets.get(KEY)) is not None


async def test_push_secrets_count_too(informers: Informers) -> None:
    pushed = informers.push_secrets["PushSecret"]
    document = external_secret(1, 1)
    document["metadata"]["annotations"] = {"a": "x" * (MOST + 1)}
    await pushed._take(WatchEvent("MODIFIED", document))
    assert readable(pushed.get(KEY)) is None


def test_an_object_that_two_threads_parse_at_a_time_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meanwhile: list[Callable[[], object]] = []

    class Lock:
        """Another thread goes on as soon as it is free."""

        def __init__(self) -> None:
            self.held = 0

        def __enter__(self) -> None:
            self.held += 1

        def __exit__(self, *_error: object) -> None:
            self.held -= 1
            while meanwhile and not self.held:
                meanwhile.pop()()

    monkeypatch.setattr(large_specs, "RLock", Lock)
    memory = SpecMemory(most=1000)
    parse = memory.bounded(lambda document: document)
    document = {"metadata": {"name": "db", "namespace": "shop"}, "spec": "x" * 500}
    meanwhile.append(lambda: parse(document))
    parse(document)
    memory.forget(KEY)
    parse({**document, "metadata": {"name": "web", "namespace": "shop"}})


async def test_many_small_ones_fill_the_memory_of_their_namespace_alone() -> None:
    memory = SpecMemory(most=100_000)
    parse = memory.bounded(lambda document: document)

    def fitting(namespace: str) -> int:
        """How many of a kilobyte fit."""
        for number in range(1000):
            document = external_secret(1, 2)
            document["metadata"] |= {"namespace": namespace, "name": f"es-{number}"}
            try:
                parse(document)
            except ValueError as error:
                assert "delete some" in str(error)  # noqa: PT017
                return number
        return 1000

    assert 50 < fitting("hostile") < 200
    assert fitting("honest") == fitting("another") > 50
