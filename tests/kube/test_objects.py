"""The controller's client: what its errors say, and its limits. The rest is in tests/contract."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from provider.errors import (
    KubernetesThrottled,
    KubernetesUnavailable,
    LookupForbidden,
    ObjectConflict,
    ObjectExists,
    ObjectNotFound,
    ObjectRefused,
    ProviderError,
    VersionGone,
)
from provider.kube import cluster_api
from provider.kube.connection import Connection
from provider.kube.kinds import CONFIG_MAPS, LEASES, NAMESPACES, SECRETS
from provider.kube.leases import Lease, read_lease
from provider.kube.objects import Objects
from provider.kube.reading import Selection
from provider.kube.replies import ApiRequest, error_of
from provider.kube.request_limits import RequestLimits
from provider.runtime.transport import Reply, Request
from testbed.faults import body, failing, garbage
from testbed.kubernetes import FakeKubernetes, too_many_requests, unavailable
from tests.error_texts import all_texts
from tests.fakes.engine import Clock
from tests.kube.conftest import MakeApi

CANARY = "c4nary-value"
CONFIG_MAP = {"metadata": {"namespace": "shop", "name": "web"}, "data": {"a": "1"}}


def status(code: int, reason: str, message: str = "", **more: Any) -> Reply:
    document = {"kind": "Status", "code": code, "reason": reason, "message": message, **more}
    return Reply(code, {}, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("code", "reason", "class_"),
    [
        (400, "BadRequest", ObjectRefused),
        (401, "Unauthorized", LookupForbidden),
        (403, "Forbidden", LookupForbidden),
        (404, "NotFound", ObjectNotFound),
        (409, "Conflict", ObjectConflict),
        (409, "AlreadyExists", ObjectExists),
        (410, "Expired", VersionGone),
        (413, "RequestEntityTooLarge", ObjectRefused),
        (422, "Invalid", ObjectRefused),
        (429, "TooManyRequests", KubernetesThrottled),
        (500, "InternalError", KubernetesUnavailable),
        (504, "Timeout", KubernetesUnavailable),
        (302, "", KubernetesUnavailable),
    ],
)
def test_every_status_has_its_error(code: int, reason: str, class_: type[ProviderError]) -> None:
    asked = ApiRequest("create", CONFIG_MAPS, "shop", "web")
    error = error_of(asked, status(code, reason, "because of\nthis"))
    assert type(error) is class_
    assert str(error).startswith(
        f"cannot create ConfigMap shop/web: Kubernetes answered {code} (because of this)"
    )


def test_a_list_of_a_kind_that_is_not_served_names_the_crd() -> None:
    error = error_of(ApiRequest("list", CONFIG_MAPS, "shop"), Reply(404, {}, b""))
    assert isinstance(error, ObjectNotFound)
    assert "It does not serve configmaps of v1: install or update the CRD" in str(error)
    missing = error_of(ApiRequest("get", CONFIG_MAPS, "shop", "web"), Reply(404, {}, b""))
    assert "CRD" not in str(missing)


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        (status(422, "Invalid", f'data[a]: Invalid value: "{CANARY}"'), "(Invalid)"),
        (status(400, "BadRequest", f"illegal base64 {CANARY}"), "(BadRequest)"),
        (status(400, CANARY + "-1", CANARY), ""),
        (
            status(403, "Forbidden", f'admission webhook "x.y" denied the request: {CANARY}'),
            '(admission webhook "x.y" denied the request)',
        ),
        (
            status(
                403,
                CANARY,
                f'admission webhook "x.y" denied the request: {CANARY}',
                details={"causes": [{"field": CANARY, "reason": CANARY}]},
            ),
            '(admission webhook "x.y" denied the request)',
        ),
        (
            status(
                422,
                "Invalid",
                CANARY,
                details={"causes": [{"field": "data[a/b]", "reason": "FieldValueInvalid"}]},
            ),
            "(Invalid: data[a/b] FieldValueInvalid)",
        ),
        (
            status(
                403,
                "Forbidden",
                'secrets "db" is forbidden: unable to create new content in namespace shop '
                "because it is being terminated",
            ),
            "because it is being terminated)",
        ),
    ],
    ids=["value", "base64", "reason", "webhook", "webhook with causes", "fields", "terminating"],
)
def test_of_a_secret_no_value_is_quoted(reply: Reply, kept: str) -> None:
    error = error_of(ApiRequest("create", SECRETS, "shop", "db"), reply)
    assert CANARY not in all_texts(error)
    assert kept in str(error)


def test_a_denial_by_rbac_says_what_to_allow_and_others_do_not() -> None:
    asked = ApiRequest("patch", LEASES, "ops", "l", "status")
    denied = 'leases "l" is forbidden: User "x" cannot patch resource "leases" in API group "y"'
    assert str(error_of(asked, status(403, "Forbidden", denied))).endswith(
        'apiGroups ["coordination.k8s.io"], resources [leases/status], verbs [patch].'
    )
    assert "RBAC" not in str(error_of(asked, status(403, "Forbidden", "exceeded quota")))
    assert "RBAC" not in str(error_of(asked, status(422, "Invalid", "a cannot be changed")))


@pytest.fixture
async def kubernetes() -> AsyncIterator[FakeKubernetes]:
    with FakeKubernetes(writable=True) as fake:
        fake.put_namespace("shop")
        yield fake


@pytest.fixture
def make(kubernetes: FakeKubernetes, api_of: MakeApi) -> MakeApi:
    return partial(api_of, kubernetes.url)


async def test_throttling_says_how_long_to_wait(kubernetes: FakeKubernetes, make: MakeApi) -> None:
    kubernetes.faults.inject(too_many_requests(retry_after=7))
    with pytest.raises(KubernetesThrottled) as caught:
        await make().get(CONFIG_MAPS, "shop", "web")
    assert caught.value.retry_after == 7
    assert caught.value.in_context("x").retry_after == 7


@pytest.mark.parametrize(
    "effect",
    [unavailable(), failing(503), garbage(), body(b"[]")],
    ids=["500", "503", "garbage", "no object"],
)
async def test_a_failure_is_one_attempt(
    kubernetes: FakeKubernetes, make: MakeApi, effect: Any
) -> None:
    kubernetes.faults.inject(effect, operation="create configmaps")
    with pytest.raises(KubernetesUnavailable, match="cannot create ConfigMap shop/web"):
        await make().create(CONFIG_MAPS, CONFIG_MAP)
    assert kubernetes.journal.count("create configmaps") == 1


async def test_a_replica_that_may_not_write_reads_only(
    kubernetes: FakeKubernetes, make: MakeApi
) -> None:
    objects = make(may_write=lambda: False)
    place = (CONFIG_MAPS, "shop", "web")
    for write in (
        objects.create(CONFIG_MAPS, CONFIG_MAP),
        objects.replace(CONFIG_MAPS, CONFIG_MAP),
        objects.merge_patch(*place, {}),
        objects.patch_status(*place, {}),
        objects.delete(*place),
    ):
        with pytest.raises(KubernetesUnavailable, match="another replica is the leader"):
            await write
    assert (await objects.get(NAMESPACES, "", "shop"))["metadata"]["name"] == "shop"
    with pytest.raises(ObjectNotFound):
        await objects.create_token("shop", "nobody", audiences=["a"])
    assert kubernetes.journal.count() == 2


async def test_a_write_that_waits_for_its_turn_is_not_sent_once_another_replica_leads(
    kubernetes: FakeKubernetes, make: MakeApi
) -> None:
    leads, limits = True, RequestLimits(concurrent=1)
    objects = make(limits=limits, may_write=lambda: leads)
    async with limits.turn():
        write = asyncio.create_task(objects.create(CONFIG_MAPS, CONFIG_MAP))
        await asyncio.sleep(0)
        leads = False
    with pytest.raises(KubernetesUnavailable, match="another replica is the leader"):
        await write
    assert kubernetes.journal.count() == 0


async def test_writes_name_their_field_manager(kubernetes: FakeKubernetes, make: MakeApi) -> None:
    made = await make().create(CONFIG_MAPS, CONFIG_MAP)
    assert made["metadata"]["managedFields"][0]["manager"] == "tests"
    change = {**made, "data": {"a": "1", "b": "2"}}
    after = await make().replace(CONFIG_MAPS, change, field_manager="a/b c")
    assert after["metadata"]["managedFields"][1]["manager"] == "a/b c"


async def test_another_object_of_the_same_name_is_not_deleted(make: MakeApi) -> None:
    objects, place = make(), (CONFIG_MAPS, "shop", "web")
    made = await objects.create(CONFIG_MAPS, CONFIG_MAP)
    with pytest.raises(ObjectConflict):
        await objects.delete(*place, uid="of another one")
    await objects.delete(*place, uid=made["metadata"]["uid"])
    with pytest.raises(ObjectNotFound):
        await objects.get(*place)


async def test_a_page_that_is_too_large_is_asked_for_in_parts(
    kubernetes: FakeKubernetes, make: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        document = {**CONFIG_MAP, "metadata": {"namespace": "shop", "name": f"n{number}"}}
        await make().create(CONFIG_MAPS, {**document, "data": {"a": "x" * 3000}})
    monkeypatch.setattr(cluster_api, "MAX_BODY", 10_000)
    pages = [len(page.items) async for page in make().list(Selection(CONFIG_MAPS), page=8)]
    assert pages == [2, 2, 2, 2]
    monkeypatch.setattr(cluster_api, "MAX_BODY", 1000)
    with pytest.raises(KubernetesUnavailable, match="more than 1000 bytes"):
        [page async for page in make().list(Selection(CONFIG_MAPS), page=8)]


async def test_requests_under_way_are_bounded() -> None:
    limits, under_way, most = RequestLimits(concurrent=2), 0, 0

    async def one() -> None:
        nonlocal under_way, most
        async with limits.turn():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(one() for _ in range(10)))
    assert most == 2


async def test_a_rate_has_a_burst_and_then_equal_distances(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    limits = RequestLimits(qps=10, burst=3, clock=clock)
    clock.now += 100

    async def turns(count: int) -> list[float]:
        slept.clear()
        for _ in range(count):
            async with limits.turn():
                pass
        return list(slept)

    assert await turns(6) == [0.1, 0.2, 0.3]
    clock.now += 100
    assert await turns(4) == [0.1]


async def test_the_token_is_in_no_error(tmp_path: Path) -> None:
    async def send(request: Request, *, tls: ssl.SSLContext | None) -> Reply:
        return status(401, "Unauthorized")

    token = tmp_path / "token"
    token.write_text(CANARY)
    connection = Connection("http://x", ca_file=token, token_file=token, send=send)
    with pytest.raises(LookupForbidden) as caught:
        await Objects(connection, field_manager="tests").get(SECRETS, "shop", "db")
    assert CANARY not in all_texts(caught.value)


def test_a_lease_keeps_its_times_and_counts_its_holders() -> None:
    first = Lease("ops", "l").taken("a", 15)
    assert (first.spec["leaseTransitions"], first.spec["acquireTime"]) == (0, first.renewed)
    stored = read_lease(
        {**first.document(), "metadata": {"namespace": "ops", "name": "l", "resourceVersion": "7"}}
    )
    assert stored.taken("a", 15).spec["acquireTime"] == first.renewed
    assert stored.taken("b", 15).spec["leaseTransitions"] == 1
    assert stored.released().document()["spec"]["holderIdentity"] == ""
    assert stored.document()["metadata"]["resourceVersion"] == "7"


@pytest.mark.parametrize("spec", [None, {}, {"leaseDurationSeconds": "x", "holderIdentity": None}])
def test_a_lease_of_others_may_be_odd(spec: Any) -> None:
    lease = read_lease({"metadata": {"name": "l"}, "spec": spec})
    assert (lease.holder, lease.seconds) == ("", 0.0)
