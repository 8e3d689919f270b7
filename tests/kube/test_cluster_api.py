"""Watches: large events leave others their turn."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from provider.kube.cluster_api import LARGE
from provider.kube.kinds import SECRETS
from provider.kube.reading import Selection
from tests.kube.conftest import MakeApi

EVENTS = 5


class Answer:
    """All events are there at once."""

    status = 200

    async def lines(self) -> AsyncGenerator[bytes, None]:
        for number in range(EVENTS):
            metadata = {"name": "s", "namespace": "shop", "resourceVersion": str(number + 1)}
            thing = {"metadata": metadata, "data": {"a": "x" * LARGE}}
            yield json.dumps({"type": "MODIFIED", "object": thing}).encode()


class Streams:
    """Connections to the API server."""

    @asynccontextmanager
    async def stream(self, *_asked: object, **_more: object) -> AsyncIterator[Answer]:
        yield Answer()


async def test_between_large_events_others_get_their_turn(
    api_of: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    api = api_of("http://api")
    monkeypatch.setattr(api, "_streams", Streams())
    async with api.watch(Selection(SECRETS), "1", seconds=60) as events:
        assert len([one async for one in events]) == EVENTS
    task.cancel()
    assert turns >= EVENTS
