"""What the chart and kustomize render is accepted by a real API server, to the last field."""

import pytest

from testbed.cluster import Answer, ClusterClient
from tests.deploy import chart, manifests
from tests.deploy.api_server import try_create

DAEMONSET = manifests.DEPLOY / "daemonset"
OTHERS = ("monitoring.coreos.com/v1",)
"""API groups that the server of the tests does not have."""


@pytest.mark.parametrize("case", chart.MATRIX)
def test_what_the_chart_renders_is_accepted(cluster: ClusterClient, case: str) -> None:
    accept(cluster, chart.rendered(case))


@pytest.mark.parametrize("folder", [".", "overlays/provider-writes", "overlays/one-daemonset"])
def test_what_kustomize_renders_is_accepted(cluster: ClusterClient, folder: str) -> None:
    accept(cluster, manifests.rendered(DAEMONSET / folder))


def accept(cluster: ClusterClient, found: tuple[manifests.Document, ...]) -> None:
    for document in found:
        if document["apiVersion"] not in OTHERS:
            answer = try_create(cluster, document)
            # 409: another test has made it.
            assert answer.status in (201, 409) or is_all_right(answer), answer.message


def is_all_right(answer: Answer) -> bool:
    """Whether all is valid but that the driver is privileged, which this server does not allow."""
    causes = answer.body["details"].get("causes", [])
    return [cause["message"] for cause in causes] == ["Forbidden: disallowed by cluster policy"]
