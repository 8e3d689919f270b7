"""A real API server for tests, one for all workers of a test run. `tests/conftest.py` offers it.

The tests in `tests/controller/e2e` have another one: their controllers work on every namespace.
Without `KUBEBUILDER_ASSETS` the tests that ask for it are skipped.

Namespaces stay until the test run ends: the deletion of one takes a tenth of a second of CPU, as
the controller manager asks for the objects of every kind.
"""

import itertools
import os
import re
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from testbed.cluster import Address, ClusterClient
from testbed.control_plane import NotAvailable, missing, program
from testbed.shared_control_plane import shared

FOR_ALL, FOR_CONTROLLERS = "control-plane", "control-plane-of-controllers"
"""Names of the two API servers."""
_CONTROLLERS = Path(__file__).with_name("controller") / "e2e"
Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]
_numbers = itertools.count()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a real API server where none can be started.

    Skipped in one place, so that pytest's summary tells the reason in one line. Tests that take
    the fixture `control_plane` by a parameter have the mark `api_server`.
    """
    if _needs(item) and (why := missing()):
        pytest.skip(why)


def _needs(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return "control_plane" in fixtures or item.get_closest_marker("api_server") is not None


@pytest.fixture(scope="session", autouse=True)
def begun_control_planes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Begins to start the API servers that tests will need, so that these tests wait less."""

    if missing():
        return
    folders = {item.path.parent for item in request.session.items if _needs(item)}
    names = {FOR_CONTROLLERS if folder == _CONTROLLERS else FOR_ALL for folder in folders}
    for name in names:
        Thread(target=_begin, args=_place(tmp_path_factory, name), daemon=True).start()


def _begin(state: Path, while_process: int) -> None:
    with suppress(NotAvailable):  # the fixture of the first test will raise it
        shared(state, while_process)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Address:
    """The address of an API server that serves `deploy/crds`; it ends with the test run."""
    return started(tmp_path_factory, FOR_ALL)


def started(tmp_path_factory: pytest.TempPathFactory, name: str) -> Address:
    """The API server of this name; it ends with the test run."""
    return shared(*_place(tmp_path_factory, name))


def _place(tmp_path_factory: pytest.TempPathFactory, name: str) -> tuple[Path, int]:
    """The folder that the workers of a test run share, and the process that the run ends with."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        return folder.parent / name, os.getppid()
    return folder / name, os.getpid()


@pytest.fixture(scope="session")
def cluster(control_plane: Address) -> ClusterClient:
    """A client of the API server, as its administrator."""
    return ClusterClient(control_plane)


@pytest.fixture
def namespace(cluster: ClusterClient, request: pytest.FixtureRequest) -> str:
    """A namespace for one test."""
    return new_namespace(cluster, request)


def new_namespace(cluster: ClusterClient, request: pytest.FixtureRequest) -> str:
    """A namespace that is called like the test."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    name = f"{words}-{os.getpid()}-{next(_numbers)}"
    cluster.make_namespace(name)
    return name


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
