"""Requests to the Kubernetes API, measured."""

import ssl

import pytest

from provider.controller.monitoring.api_metrics import ObservedSend, resource_of
from provider.runtime.metrics import Metrics
from provider.runtime.transport import NoAnswer, Reply, Request

HOST = "https://10.0.0.1"
COUNT = "secrets_provider_aws_kubernetes_request_duration_seconds_count"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/namespaces", "namespaces"),
        ("/api/v1/namespaces/shop", "namespaces"),
        ("/api/v1/namespaces/shop/secrets?limit=1", "secrets"),
        ("/api/v1/namespaces/shop/serviceaccounts/app/token", "serviceaccounts/token"),
        ("/apis/external-secrets.io/v1/externalsecrets", "externalsecrets"),
        (
            "/apis/external-secrets.io/v1/namespaces/shop/externalsecrets/db/status",
            "externalsecrets/status",
        ),
        ("/healthz", ""),
    ],
)
def test_the_resource_of_a_url_is_without_names(path: str, resource: str) -> None:
    assert resource_of(HOST + path) == resource


async def test_answers_and_their_absence_are_counted() -> None:
    metrics = Metrics()

    async def send(request: Request, *, tls: ssl.SSLContext | None) -> Reply:
        if request.method == "POST":
            raise NoAnswer("connection", "it broke")
        return Reply(404, {}, b"")

    observed = ObservedSend(send, metrics)
    url = f"{HOST}/api/v1/namespaces/shop/secrets"
    assert (await observed(Request("GET", f"{url}/db"), tls=None)).status == 404
    with pytest.raises(NoAnswer):
        await observed(Request("POST", url), tls=None)
    page = (await metrics.page()).decode()
    for code, method in (("404", "GET"), ("none", "POST")):
        assert f'{COUNT}{{code="{code}",method="{method}",resource="secrets"}} 1.0' in page
