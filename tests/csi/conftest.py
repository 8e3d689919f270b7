"""Daemons for tests, which end with the test."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.csi.server.process import Process

Start = Callable[..., Process]


@pytest.fixture
def volume() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="sp-") as folder:
        yield Path(folder)


@pytest.fixture
def start(volume: Path) -> Iterator[Start]:
    """Starts daemons on the volume, by flags."""
    with ExitStack() as stack:

        def start_one(*flags: str) -> Process:
            process = Process(volume, *flags)
            stack.callback(process.close)
            return process

        yield start_one
