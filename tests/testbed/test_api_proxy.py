"""The proxy in front of an API server, here over the fake one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from urllib3.exceptions import HTTPError

from testbed.api_errors import too_many_requests
from testbed.api_proxy import ApiProxy
from testbed.cluster import Address
from testbed.faults import closed, hang, reset
from testbed.kubernetes import TOKEN, FakeKubernetes
from testbed.tls import Authority

SECRETS = "/api/v1/namespaces/shop/secrets"


@pytest.fixture
def kubernetes(tmp_path: Path) -> Iterator[FakeKubernetes]:
    authority = Authority()
    authority.write(tmp_path / "ca.pem")
    with FakeKubernetes(tls=authority.server("127.0.0.1"), writable=True) as fake:
        fake.put_namespace("shop")
        yield fake


@pytest.fixture
def proxy(kubernetes: FakeKubernetes, tmp_path: Path) -> Iterator[ApiProxy]:
    address = Address(kubernetes.url, tmp_path / "ca.pem", TOKEN, tmp_path / "config")
    with ApiProxy(address) as one:
        yield one


def ask(proxy: ApiProxy, method: str, path: str, body: object = None) -> urllib3.BaseHTTPResponse:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with urllib3.PoolManager(retries=False, timeout=0.5) as pool:
        return pool.request(
            method, f"{proxy.url}{path}", headers=headers, body=json.dumps(body).encode()
        )


def secret(name: str) -> object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}}


def test_requests_are_passed_on_and_named(proxy: ApiProxy) -> None:
    assert ask(proxy, "POST", SECRETS, secret("a")).status == 201
    assert ask(proxy, "GET", f"{SECRETS}/a").json()["metadata"]["name"] == "a"
    assert len(ask(proxy, "GET", f"{SECRETS}?limit=5").json()["items"]) == 1
    assert [(one.operation, one.target) for one in proxy.journal.calls] == [
        ("create secrets", "shop/"),
        ("get secrets", "shop/a"),
        ("list secrets", "shop/"),
    ]


def test_an_error_takes_the_place_of_the_answer(proxy: ApiProxy) -> None:
    proxy.faults.inject(too_many_requests(7), operation="create secrets", times=1)
    refused = ask(proxy, "POST", SECRETS, secret("a"))
    assert (refused.status, refused.headers["Retry-After"]) == (429, "7")
    assert ask(proxy, "POST", SECRETS, secret("a")).status == 201


def test_an_answer_can_be_lost_before_or_after_the_request_is_carried_out(
    proxy: ApiProxy,
) -> None:
    for name, effect, status in (("a", closed(), 404), ("b", reset(), 200), ("c", hang(), 404)):
        proxy.faults.inject(effect, operation="create secrets", times=1)
        with pytest.raises(HTTPError):
            ask(proxy, "POST", SECRETS, secret(name))
        assert ask(proxy, "GET", f"{SECRETS}/{name}").status == status


def test_cut_it_takes_no_connection_until_it_is_restored(proxy: ApiProxy) -> None:
    proxy.cut()
    with pytest.raises(HTTPError):
        ask(proxy, "GET", SECRETS)
    proxy.restore()
    assert ask(proxy, "GET", SECRETS).status == 200


def test_an_expired_watch_asks_for_a_version_that_is_gone(proxy: ApiProxy) -> None:
    version = ask(proxy, "POST", SECRETS, secret("a")).json()["metadata"]["resourceVersion"]
    proxy.expire("secrets")
    watch = ask(proxy, "GET", f"{SECRETS}?watch=1&resourceVersion={version}&timeoutSeconds=1")
    assert watch.json()["object"]["code"] == 410
    assert ask(proxy, "GET", SECRETS).status == 200  # the answer was read to its end


def test_a_connection_that_the_server_has_closed_is_not_used_again(
    proxy: ApiProxy, kubernetes: FakeKubernetes
) -> None:
    assert ask(proxy, "GET", SECRETS).status == 200
    kubernetes.stop()
    kubernetes.start()
    assert ask(proxy, "GET", SECRETS).status == 200
