"""A world for each test; cluster-wide objects are removed afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.cluster import Address, ClusterClient
from tests.controller.e2e.world import GROUP, World, a_world


@pytest.fixture
def world(
    tmp_path: Path, control_plane: Address, cluster: ClusterClient, namespace: str
) -> Iterator[World]:
    """Not started."""
    with a_world(tmp_path, control_plane, cluster, namespace) as made:
        yield made
    for plural in ("clusterexternalsecrets", "clustersecretstores"):
        cluster.do("DELETE", f"{GROUP}/{plural}")
