"""What one ExternalSecret reads of templates serves the others, but nothing that is too old."""

import asyncio

import pytest

from provider.controller.watch.named_reads import (
    KEPT_SECONDS,
    MOST_RECENT,
    MOST_RECENT_CHARACTERS,
    RecentReads,
)
from provider.errors import ObjectNotFound
from provider.kube.kinds import CONFIG_MAPS, Document, Kind
from tests.fakes.engine import Clock


class Api:
    """Answers with the number of the request, once it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.size = 1
        self.answering = asyncio.Event()
        self.answering.set()

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        self.asked += 1
        number = self.asked
        await self.answering.wait()
        if name == "missing":
            raise ObjectNotFound("no such object")
        return {"metadata": {"name": name}, "data": {str(number): "x" * self.size}}


class World:
    def __init__(self) -> None:
        self.api, self.clock = Api(), Clock()
        self.reads = RecentReads(self.api, self.clock)

    async def get(self, since: float, name: str = "c") -> int:
        """The number of the request whose answer was used."""
        document = await self.reads.get(CONFIG_MAPS, "shop", name, since=since)
        return int(next(iter(document["data"])))


@pytest.fixture
async def world() -> World:
    return World()


async def test_one_request_serves_all_for_whom_it_is_new_enough(world: World) -> None:
    began = world.clock()
    found = await asyncio.gather(world.get(began), world.get(began))
    assert list(found) == [1, 1]
    world.clock.now += 1.0
    assert await world.get(began) == 1
    assert await world.get(world.clock()) == 2


async def test_nobody_joins_a_request_that_was_sent_before(world: World) -> None:
    world.api.answering.clear()
    first = asyncio.create_task(world.get(world.clock()))
    await asyncio.sleep(0)
    world.clock.now += 0.1
    second = asyncio.create_task(world.get(world.clock()))
    await asyncio.sleep(0)
    world.api.answering.set()
    assert [await first, await second] == [1, 2]


async def test_what_is_too_old_is_read_again_whoever_it_would_do_for(world: World) -> None:
    began = world.clock()
    await world.get(began)
    world.clock.now += KEPT_SECONDS + 0.1
    assert await world.get(began) == 2


async def test_a_failure_is_not_remembered(world: World) -> None:
    for asked in (1, 2):
        with pytest.raises(ObjectNotFound):
            await world.get(0.0, "missing")
        assert world.api.asked == asked


async def test_memory_is_bounded(world: World) -> None:
    world.api.size = MOST_RECENT_CHARACTERS + 1
    assert [await world.get(0.0), await world.get(0.0)] == [1, 2]
    world.api.size = 1
    for number in range(MOST_RECENT + 1):
        await world.get(0.0, f"c{number}")
    before = world.api.asked
    await world.get(0.0, f"c{MOST_RECENT}")
    assert world.api.asked == before
    await world.get(0.0, "c0")
    assert world.api.asked == before + 1
