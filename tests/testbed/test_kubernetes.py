"""The fake Kubernetes API."""

import json
from typing import Any

import pytest
import urllib3

from testbed.kubernetes import TOKEN, FakeKubernetes, too_many_requests


def get(kubernetes: FakeKubernetes, path: str, token: str = TOKEN) -> tuple[int, Any]:
    with urllib3.PoolManager(retries=False) as pool:
        headers = {"Authorization": f"Bearer {token}"}
        answer = pool.request("GET", f"{kubernetes.url}/api/v1/{path}", headers=headers)
        return answer.status, json.loads(answer.data)


def test_objects_are_read(kubernetes: FakeKubernetes) -> None:
    kubernetes.put_service_account("shop", "web", role_arn="arn:aws:iam::1:role/web")
    kubernetes.put_pod("shop", "web-1", node="node-1")
    kubernetes.put_node("node-1", region="eu-west-1")
    _, account = get(kubernetes, "namespaces/shop/serviceaccounts/web")
    assert account["metadata"]["annotations"] == {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/web"
    }
    assert get(kubernetes, "namespaces/shop/pods/web-1")[1]["spec"]["nodeName"] == "node-1"
    labels = get(kubernetes, "nodes/node-1")[1]["metadata"]["labels"]
    assert labels == {"topology.kubernetes.io/region": "eu-west-1"}
    assert kubernetes.journal.count("get serviceaccounts") == 1


def test_a_service_account_without_role_has_no_annotations(kubernetes: FakeKubernetes) -> None:
    kubernetes.put_service_account("shop", "web")
    assert (
        "annotations" not in get(kubernetes, "namespaces/shop/serviceaccounts/web")[1]["metadata"]
    )


def test_refusals_are_status_objects(kubernetes: FakeKubernetes) -> None:
    status, body = get(kubernetes, "namespaces/shop/serviceaccounts/web")
    assert (status, body["kind"], body["reason"]) == (404, "Status", "NotFound")
    assert body["message"] == 'serviceaccounts "web" not found'
    kubernetes.forbidden.add("nodes")
    status, body = get(kubernetes, "nodes/node-1")
    assert (status, body["reason"]) == (403, "Forbidden")
    assert 'cannot get resource "nodes" in API group "" at the cluster scope' in body["message"]


def test_a_rotated_token_is_needed(kubernetes: FakeKubernetes) -> None:
    kubernetes.put_node("node-1")
    kubernetes.token = "another"
    assert get(kubernetes, "nodes/node-1")[0] == 401
    assert get(kubernetes, "nodes/node-1", "another")[0] == 200


def test_too_many_requests_say_when_to_return(kubernetes: FakeKubernetes) -> None:
    kubernetes.faults.inject(too_many_requests(3), times=1)
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request("GET", f"{kubernetes.url}/api/v1/nodes/node-1")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_nothing_is_written(kubernetes: FakeKubernetes, method: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(method, f"{kubernetes.url}/api/v1/nodes/n", headers=headers)
    assert answer.status == 403
