"""The testbed's fakes as fixtures, each empty and started."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import settings

if sys.dont_write_bytecode:
    # Compiling every module anew, in each worker and each daemon, takes as long as half the tests.
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parents[1] / "build" / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

# Loading the authorities of the internet takes 40 ms of CPU in each engine and each daemon. No test
# talks to the internet, so there is one authority, which has signed nothing.
AUTHORITY = str(Path(__file__).with_name("authority.pem"))
os.environ |= {"SSL_CERT_FILE": AUTHORITY, "REQUESTS_CA_BUNDLE": AUTHORITY}
os.environ.pop("AWS_CA_BUNDLE", None)
certifi.where = lambda: AUTHORITY

# The API server, kubectl and helm live for a command or a test run and collect garbage for a
# third of their CPU time; with enough memory most of them need not. The API server needs 140 MiB,
# and half a second of CPU to collect the rest.
os.environ.setdefault("GOGC", "off")
os.environ.setdefault("GOMEMLIMIT", "1200MiB")

settings.register_profile("gate", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("gate")  # another one with --hypothesis-profile

from provider.aws import network
from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.kubernetes import FakeKubernetes
from testbed.moto import Moto
from tests.api_server import (
    begun_control_planes,
    cluster,
    control_plane,
    kubectl,
    namespace,
    pytest_runtest_setup,
)
from tests.fakes.engine import Clock

__all__ = [
    "begun_control_planes",
    "cluster",
    "control_plane",
    "kubectl",
    "namespace",
    "pytest_runtest_setup",
]

# Of engines with an environment of their own; that of botocore has 126 authorities.
network._default_bundle = lambda: Path(AUTHORITY)

_WAITING = (
    ("tests/controller/e2e/",),
    ("tests/e2e/", "tests/csi/server/"),
    ("tests/deploy/", "tests/scripts/", "tests/soak/", "tests/test_demo"),
)
"""What takes longest, by the beginnings of paths: each group on a worker of its own."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many workers again as there are cores: tests of processes wait most of the time."""
    cores = len(os.sched_getaffinity(0))
    return cores + (cores + 1) // 2


def pytest_collection() -> None:
    """Look for no garbage while modules are imported, nor later among what they made."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)  # after -k and -m have left out some
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin each worker with tests that wait for processes; the rest fills the time meanwhile.

    Tests that use moto stay together, so that one worker alone imports it.
    """
    items.sort(key=lambda item: "moto_server" not in getattr(item, "fixturenames", ()))
    workers: int = getattr(config, "workerinput", {}).get("workercount", 1)
    waiting: list[list[pytest.Item]] = [[] for _ in range(workers)]
    others: list[pytest.Item] = []
    for item in items:
        group = next(
            (at for at, names in enumerate(_WAITING) if item.nodeid.startswith(names)), None
        )
        (others if group is None else waiting[group % workers]).append(item)
    total, items[:] = len(items), []
    for at, group_items in enumerate(waiting):
        share = (total - len(items)) // (workers - at)  # as xdist divides them
        fill = max(0, share - len(group_items))
        items += group_items + others[:fill]
        del others[:fill]
    items += others


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


@pytest.fixture(scope="session")
def moto_server() -> Iterator[Moto]:
    """moto, whose import takes seconds. Whoever uses it calls `forget` first."""
    with Moto() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()
