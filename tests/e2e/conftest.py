"""The world as a fixture; `world(...)` builds it with flags of its own."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.kubernetes import FakeKubernetes
from tests.e2e.world import World

Build = Callable[..., World]


@pytest.fixture
def build(
    aws: FakeAws, agent: FakeAgent, kubernetes: FakeKubernetes
) -> Iterator[Callable[..., World]]:
    """Makes worlds, with flags and environment, and ends them."""
    worlds: list[World] = []
    # Not pytest's own folder, whose path is too long for a socket's.
    with tempfile.TemporaryDirectory(prefix="spa-") as folder:

        def make(*flags: str, **fields: Any) -> World:
            home = Path(folder) / str(len(worlds))
            home.mkdir()
            world = World(home, aws, agent, kubernetes, flags, **fields)
            worlds.append(world)
            return world

        yield make
        for world in worlds:
            world.close()


@pytest.fixture
def world(build: Build) -> World:
    """A started world whose every remount asks."""
    return build("--rotation-poll-interval=0s").start()
