"""The read side of the controller over the fake AWS; retries without their pauses."""

from collections.abc import AsyncIterator

import pytest

from provider.aws import client
from testbed.aws import FakeAws
from tests.controller.values.world import World, opened


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(_seconds: float) -> None:
        pass

    monkeypatch.setattr(client, "sleep", sleep)


@pytest.fixture
async def world(aws: FakeAws) -> AsyncIterator[World]:
    """Everything that a fetch needs, with one user and one SecretStore in the namespace shop."""
    async with opened(aws) as world:
        world.put_user()
        world.put_store()
        yield world
