"""The testbed's fakes as fixtures, each empty and started."""

from collections.abc import Iterator

import pytest

from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.kubernetes import FakeKubernetes
from tests.fakes.engine import Clock


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
