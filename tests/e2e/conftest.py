"""Worlds: `world` is a part of one that the tests of a module share, `build` makes others.

A daemon of its own is for tests of other flags, of its start and end, of its metrics and memory.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.kubernetes import FakeKubernetes
from tests.e2e.world import World, a_world

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


@pytest.fixture(scope="module")
def node() -> Iterator[World]:
    """A started world that the tests of a module share; every remount asks."""
    with a_world("--rotation-poll-interval=0s") as world:
        yield world.start()


@pytest.fixture
def world(node: World) -> Iterator[World]:
    """A namespace of the shared world for one test; see `World.tenant`."""
    tenant = node.tenant()
    yield tenant
    tenant.leave()
