"""Retries without their pauses, for all tests of AWS."""

import pytest

from provider.aws import client


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses before retries in seconds; they take no time, and botocore's take none either."""
    taken: list[float] = []

    async def sleep(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(client, "sleep", sleep)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    return taken
