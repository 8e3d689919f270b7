"""The testbed's fakes as fixtures, each empty and started."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.kubernetes import FakeKubernetes
from tests.fakes.engine import Clock

if sys.dont_write_bytecode:
    # Compiling every module anew, in each worker and each daemon, takes as long as half the tests.
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parents[1] / "build" / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """A fake AWS; set it up through `aws.cloud`, break it through `aws.faults`."""
    with FakeAws() as fake:
        yield fake


@pytest.fixture
def agent(aws: FakeAws) -> Iterator[FakeAgent]:
    """A fake EKS Pod Identity agent that gives out the fake AWS's credentials."""
    with FakeAgent(aws.cloud) as fake:
        yield fake


@pytest.fixture
def kubernetes() -> Iterator[FakeKubernetes]:
    """A fake Kubernetes API server."""
    with FakeKubernetes() as fake:
        yield fake


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()
