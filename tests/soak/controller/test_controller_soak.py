"""A short soak of the controller in the suite; `make soak-controller` runs long ones."""

from testbed.cluster import Address, ClusterClient
from tests.soak.controller.run import Pace, soak

QUICK = Pace(tenants=2, steps=30, step=0.02, rest=1.2)


def test_a_short_soak_finds_nothing(control_plane: Address, cluster: ClusterClient) -> None:
    report = soak(seed=4, seconds=0.0, place=(control_plane, cluster), pace=QUICK)
    assert report.complaints == []
    assert report.objects > 3
    assert report.calls > 0
