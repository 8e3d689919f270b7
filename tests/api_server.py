"""A real API server for tests, one for all workers of a test run. `tests/conftest.py` offers it.

The tests in `tests/controller/e2e` have another one: their controllers work on every namespace.
Without `KUBEBUILDER_ASSETS` the tests that ask for it are skipped.
"""

import itertools
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from testbed.cluster import Address, ClusterClient
from testbed.control_plane import missing, program, shared

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]
_numbers = itertools.count()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a real API server where none can be started.

    Skipped in one place, so that pytest's summary tells the reason in one line. Tests that take
    the fixture `control_plane` by a parameter have the mark `api_server`.
    """
    needs = "control_plane" in getattr(item, "fixturenames", ())
    if (needs or item.get_closest_marker("api_server")) and (why := missing()):
        pytest.skip(why)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Address:
    """The address of an API server that serves `deploy/crds`; it ends with the test run."""
    return started(tmp_path_factory, "control-plane")


def started(tmp_path_factory: pytest.TempPathFactory, name: str) -> Address:
    """The API server of this name; it ends with the test run."""
    folder = tmp_path_factory.getbasetemp()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    common = folder.parent if is_worker else folder
    return shared(common / name, os.getppid() if is_worker else os.getpid())


@pytest.fixture(scope="session")
def cluster(control_plane: Address) -> ClusterClient:
    """A client of the API server, as its administrator."""
    return ClusterClient(control_plane)


@pytest.fixture
def namespace(cluster: ClusterClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace for one test; it is deleted in the background afterwards."""
    with new_namespace(cluster, request) as name:
        yield name


@contextmanager
def new_namespace(cluster: ClusterClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace that is called like the test."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    name = f"{words}-{os.getpid()}-{next(_numbers)}"
    cluster.make_namespace(name)
    yield name
    cluster.do("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def kubectl(control_plane: Address) -> Kubectl:
    """Runs kubectl as the administrator; takes its arguments, and `stdin` as text."""
    return kubectl_of(control_plane)


def kubectl_of(control_plane: Address) -> Kubectl:
    """The same for any API server; skips the test where there is no kubectl."""
    command = program("kubectl")
    if command is None:
        pytest.skip("kubectl is not found in KUBEBUILDER_ASSETS or PATH")

    cache = control_plane.kubeconfig.with_name("kubectl-cache")

    def run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [
                command,
                f"--kubeconfig={control_plane.kubeconfig}",
                f"--cache-dir={cache}",
                *arguments,
            ],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
