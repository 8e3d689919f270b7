"""Worlds: one with a controller that the tests of a module share, and one for a single test."""

import fcntl
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path

import pytest

from testbed.api_proxy import ApiProxy
from testbed.cluster import Address, ClusterClient
from tests import api_server
from tests.api_server import Kubectl
from tests.controller.e2e.world import GROUP, World, a_world

_numbers = itertools.count()
_WORK = ("externalsecrets", "secretstores")
"""Kinds whose objects a controller works on."""
_SECONDS = 300
"""For a test, with the wait for the controllers of another worker."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder more time."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.timeout(_SECONDS))


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Address:
    """An API server for controllers alone: they would change what other tests look at."""
    return api_server.started(tmp_path_factory, api_server.FOR_CONTROLLERS)


@pytest.fixture(scope="session")
def cluster(control_plane: Address) -> ClusterClient:
    """A client of it, as its administrator."""
    return ClusterClient(control_plane)


@pytest.fixture(scope="session")
def kubectl(control_plane: Address) -> Kubectl:
    """Runs kubectl there."""
    return api_server.kubectl_of(control_plane)


@pytest.fixture
def namespace(cluster: ClusterClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace there for one test; no controller has work in it afterwards."""
    name = api_server.new_namespace(cluster, request)
    yield name
    for plural in _WORK:
        cluster.do("DELETE", f"{GROUP}/namespaces/{name}/{plural}")


@pytest.fixture(scope="module")
def proxy(request: pytest.FixtureRequest, control_plane: Address) -> Iterator[ApiProxy | None]:
    """What the shared controller sees of the API server, if a test of the module takes `api`.

    A request takes two milliseconds of CPU more through it.
    """
    items = [one for one in request.session.items if one.path == request.path]
    tests = [one.function for one in items if isinstance(one, pytest.Function)]
    if not any("api" in signature(one).parameters for one in tests):
        yield None
        return
    with ApiProxy(control_plane) as made:
        yield made


@pytest.fixture(scope="module")
def api(proxy: ApiProxy | None) -> ApiProxy:
    """What the shared controller sees of the API server."""
    assert proxy is not None
    return proxy


@contextmanager
def _turn(address: Address, how: int) -> Iterator[None]:
    """Wait until no other worker tests manifests without a class, or, with LOCK_EX, any.

    Every controller works on what has no class.
    """
    with address.kubeconfig.with_name("turn").open("w") as lock:
        fcntl.flock(lock, how)
        yield


@pytest.fixture(scope="module")
def lease_seconds() -> int:
    """How long the Lease of the shared controller lasts; a module may override it."""
    return World.lease_seconds


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory,
    control_plane: Address,
    cluster: ClusterClient,
    proxy: ApiProxy | None,
    lease_seconds: int,
) -> Iterator[World]:
    """A world whose controller is started by the first test that needs it."""
    home = f"controller-{os.getpid()}-{next(_numbers)}"
    cluster.make_namespace(home)
    folder = tmp_path_factory.mktemp("controller")
    with (
        _turn(control_plane, fcntl.LOCK_SH),
        a_world(folder, control_plane, cluster, home) as made,
    ):
        made.url = proxy.url if proxy else ""
        made.home = made.controller_class = home
        made.lease_seconds = lease_seconds
        yield made


@pytest.fixture
def world(shared: World, proxy: ApiProxy | None, namespace: str) -> Iterator[World]:
    """A namespace and a user in AWS for one test; the controller may run already."""
    made = shared.at(namespace)
    yield made
    if proxy:
        proxy.restore()
        proxy.faults.clear()
    made.aws.faults.clear()
    made.remove()


@pytest.fixture
def own_world(
    tmp_path: Path, control_plane: Address, cluster: ClusterClient, namespace: str
) -> Iterator[World]:
    """A world of its own, not started."""
    with (
        _turn(control_plane, fcntl.LOCK_SH),
        a_world(tmp_path, control_plane, cluster, namespace) as made,
    ):
        made.controller_class = namespace
        yield made


@pytest.fixture
def default_world(
    tmp_path: Path, control_plane: Address, cluster: ClusterClient, namespace: str
) -> Iterator[World]:
    """The same for manifests without a class: no other controller works meanwhile."""
    with (
        _turn(control_plane, fcntl.LOCK_EX),
        a_world(tmp_path, control_plane, cluster, namespace) as made,
    ):
        yield made
