"""Retries without their pauses, for all tests of AWS; an engine over the fake AWS."""

from collections.abc import AsyncIterator

import pytest

from provider.aws import client
from provider.aws.stores.for_controller import controller_stores
from provider.engine.wiring import Settings, open_engine
from testbed.aws import FakeAws
from tests.aws.reading import Reading


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses before retries in seconds; they take no time, and botocore's take none either."""
    taken: list[float] = []

    async def sleep(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(client, "sleep", sleep)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    return taken


@pytest.fixture
async def reading(aws: FakeAws) -> AsyncIterator[Reading]:
    """An engine with the stores of the controller, over the fake AWS."""
    settings = Settings({"AWS_ENDPOINT_URL": aws.url})
    async with open_engine(settings, stores=controller_stores) as engine:
        yield Reading(aws, engine)
