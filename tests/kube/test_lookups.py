"""Roles and the node's region: how long they are remembered, and what happens in an outage."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

import pytest

from provider.errors import (
    KubernetesThrottled,
    KubernetesUnavailable,
    LookupForbidden,
    ObjectNotFound,
    ObjectRefused,
    ProviderError,
    RegionUnknown,
    RoleMissing,
    ServiceAccountNotFound,
)
from provider.kube import lookups as module
from provider.kube.kinds import NODES, PODS, SERVICE_ACCOUNTS, Document, Kind
from provider.kube.lookups import Event, Lookups

ROLE = "arn:aws:iam::111122223333:role/web"
OUTAGE = KubernetesUnavailable("connection refused")
FORBIDDEN = LookupForbidden("403")


@pytest.fixture(autouse=True)
def _one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", ())


Place = tuple[Kind, str, str]


@dataclass
class FakeApi:
    """Objects by place; `error` is raised instead, after `gate` is open."""

    objects: dict[Place, Document] = field(default_factory=dict)
    error: ProviderError | None = None
    gate: asyncio.Event | None = None
    asked: list[str] = field(default_factory=list)

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        self.asked.append(kind.described(namespace, name))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        if (kind, namespace, name) not in self.objects:
            raise ObjectNotFound(f"cannot get {kind.described(namespace, name)}")
        return self.objects[kind, namespace, name]

    def annotate(self, **annotations: Any) -> None:
        self.objects[SERVICE_ACCOUNTS, "shop", "web"] = {"metadata": {"name": "web", **annotations}}

    def set_role(self, role: str) -> None:
        self.annotate(annotations={"eks.amazonaws.com/role-arn": role, "else": "x"})

    def set_node(self, name: str = "n1", **metadata: Any) -> None:
        self.objects[NODES, "", name] = {"metadata": metadata}

    def set_pod(self, **spec: Any) -> None:
        self.objects[PODS, "shop", "web-0"] = {"spec": spec}


@dataclass
class World:
    node_name: str = ""
    api: FakeApi = field(default_factory=FakeApi)
    now: float = 1000.0
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api.set_role(ROLE)
        self.api.set_pod(nodeName="n1")
        self.api.set_node(labels={"topology.kubernetes.io/region": "eu-west-1"})
        self.lookups = Lookups(
            self.api.get,
            is_region=lambda text: text in ("eu-west-1", "us-east-1"),
            node_name=self.node_name,
            clock=lambda: self.now,
            observe=self.events.append,
        )

    async def role(self) -> str:
        return await self.lookups.role_arn("shop", "web")

    async def region(self, pod: str = "web-0") -> str:
        return await self.lookups.node_region("shop", pod)


@pytest.mark.parametrize(
    ("error", "pauses"),
    [
        (OUTAGE, [0.1, 0.5]),
        (KubernetesThrottled("429", 2.0), [2.0, 2.0]),
        (KubernetesThrottled("429", 3600.0), []),
    ],
    ids=["outage", "short Retry-After", "long Retry-After"],
)
async def test_transient_failures_are_tried_again_a_few_times(
    error: ProviderError, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    monkeypatch.setattr(module, "PAUSES", (0.1, 0.5))
    world = World()
    world.api.error = error
    with pytest.raises(KubernetesUnavailable):
        await world.role()
    assert slept == pauses
    assert len(world.api.asked) == len(pauses) + 1


async def test_a_role_is_remembered_for_at_most_a_minute() -> None:
    world = World()
    await world.role()
    world.api.set_role(ROLE + "2")
    world.now += 44
    assert await world.role() == ROLE
    world.now += 17
    assert await world.role() == ROLE + "2"
    assert world.events == ["miss", "hit", "miss"]


async def test_roles_that_were_read_together_are_not_all_read_again_together() -> None:
    world = World()
    accounts = [f"web-{number}" for number in range(50)]
    for name in accounts:
        world.api.objects[SERVICE_ACCOUNTS, "shop", name] = {
            "metadata": {"annotations": {"eks.amazonaws.com/role-arn": ROLE}}
        }
        await world.lookups.role_arn("shop", name)
    world.now += 52
    for name in accounts:
        await world.lookups.role_arn("shop", name)
    assert {"hit", "miss"} == set(world.events[50:])


@pytest.mark.parametrize(
    "role",
    [
        "arn:aws:iam::01234567890:role/of-eleven-digits",
        "arn:aws-cn:iam::111122223333:role/x",
        "arn:aws-us-gov:iam::111122223333:role/path/to/x",
        "arn:aws-iso-b:iam::111122223333:role/a+b=c,d.e@f_g-h",
    ],
)
async def test_roles_of_every_partition_and_path_are_valid(role: str) -> None:
    world = World()
    world.api.set_role(role)
    assert await world.role() == role


@pytest.mark.parametrize(
    "metadata",
    [{}, {"annotations": None}, {"annotations": {}}, {"annotations": {"x": "y"}}, {"labels": {}}],
    ids=repr,
)
async def test_a_missing_role_names_the_annotation_to_set(metadata: dict[str, Any]) -> None:
    world = World()
    world.api.annotate(**metadata)
    with pytest.raises(RoleMissing) as caught:
        await world.role()
    assert "service account shop/web" in str(caught.value)
    assert "eks.amazonaws.com/role-arn" in str(caught.value)


@pytest.mark.parametrize(
    "role",
    [
        "web",
        "arn:aws:iam::111122223333:user/web",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::role/web",
        f" {ROLE}",
        f"{ROLE}\n",
        "arn:aws:iam::١١١:role/web",
        f"{ROLE}{'x' * 576}",
    ],
    ids=lambda role: repr(role)[:60],
)
async def test_an_invalid_role_is_quoted(role: str) -> None:
    world = World()
    world.api.set_role(role)
    with pytest.raises(RoleMissing, match=r"service account shop/web is \".*not the ARN"):
        await world.role()


async def test_concurrent_requests_for_a_role_are_one_look_up() -> None:
    world = World()
    world.api.gate = asyncio.Event()
    waiting = [asyncio.create_task(world.role()) for _ in range(8)]
    await asyncio.sleep(0)
    world.api.gate.set()
    assert await asyncio.gather(*waiting) == [ROLE] * 8
    assert len(world.api.asked) == 1
    assert sorted(world.events) == ["joined"] * 7 + ["miss"]


async def test_a_cancelled_request_does_not_take_the_look_up_from_the_others() -> None:
    world = World()
    world.api.gate = asyncio.Event()
    first, second = (asyncio.create_task(world.role()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    world.api.gate.set()
    assert await second == ROLE


PASSING = pytest.mark.parametrize(
    "error",
    [OUTAGE, FORBIDDEN, ObjectRefused("400")],
    ids=["503 or no connection", "401 or 403", "400"],
)


@PASSING
async def test_while_look_ups_fail_the_last_known_role_is_used(
    error: ProviderError, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    await world.role()
    world.api.error = error
    world.now += 3500
    with caplog.at_level(logging.WARNING, "provider"):
        assert await world.role() == ROLE
    assert world.events == ["miss", "stale"]
    assert [record.getMessage() for record in caplog.records] == [
        "cannot look up the role of a service account; using the last known one"
    ]


async def test_an_api_that_hangs_does_not_hold_up_a_known_role(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "STALE_PATIENCE", 0.01)
    world = World()
    await world.role()
    world.api.gate = asyncio.Event()
    world.now += 100
    assert await world.role() == ROLE
    assert world.events == ["miss", "stale"]


async def test_in_an_outage_not_every_request_asks_the_api() -> None:
    world = World()
    await world.role()
    world.api.error = OUTAGE
    world.now += 100
    assert [await world.role() for _ in range(5)] == [ROLE] * 5
    assert len(world.api.asked) == 2
    world.now += 11
    await world.role()
    assert len(world.api.asked) == 3


async def test_a_namespace_with_many_accounts_does_not_displace_the_roles_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CAPACITY", 3)
    world = World()
    await world.role()
    for number in range(5):
        role = world.api.objects[SERVICE_ACCOUNTS, "shop", "web"]
        world.api.objects[SERVICE_ACCOUNTS, "hostile", str(number)] = role
        await world.lookups.role_arn("hostile", str(number))
    world.api.error = OUTAGE
    assert await world.role() == ROLE
    assert len(world.lookups._roles) == 3


async def test_after_an_outage_the_role_is_looked_up_again() -> None:
    world = World()
    await world.role()
    world.api.error = OUTAGE
    world.now += 100
    await world.role()
    world.api.error = None
    world.api.set_role(ROLE + "2")
    world.now += 11
    assert await world.role() == ROLE + "2"


@PASSING
async def test_after_an_hour_without_a_look_up_a_known_role_is_not_used(
    error: ProviderError,
) -> None:
    world = World()
    await world.role()
    world.api.error = error
    for _ in range(36):
        world.now += 100
        await world.role()
    world.now += 100
    with pytest.raises(type(error)):
        await world.role()


@PASSING
async def test_an_unknown_role_is_an_error_that_is_not_remembered(error: ProviderError) -> None:
    world = World()
    world.api.error = error
    with pytest.raises(type(error)):
        await world.role()
    world.api.error = None
    assert await world.role() == ROLE


async def test_the_role_of_a_deleted_service_account_is_forgotten() -> None:
    world = World()
    await world.role()
    world.now += 100
    world.api.error = ObjectNotFound("404")
    with pytest.raises(ServiceAccountNotFound):
        await world.role()
    world.api.error = OUTAGE
    with pytest.raises(KubernetesUnavailable):
        await world.role()


@pytest.mark.parametrize(
    "annotations", [{}, {"eks.amazonaws.com/role-arn": "web"}], ids=["removed", "invalid"]
)
async def test_a_role_that_was_removed_is_forgotten(annotations: dict[str, str]) -> None:
    world = World()
    await world.role()
    world.now += 100
    world.api.annotate(annotations=annotations)
    with pytest.raises(RoleMissing):
        await world.role()
    world.api.error = OUTAGE
    with pytest.raises(KubernetesUnavailable):
        await world.role()


async def test_the_region_is_that_of_the_pods_node_and_looked_up_once() -> None:
    world = World()
    assert [await world.region() for _ in range(3)] == ["eu-west-1"] * 3
    assert world.api.asked == ["Pod shop/web-0", "Node n1"]


async def test_with_the_nodes_name_known_no_pod_is_looked_up() -> None:
    world = World(node_name="n2")
    world.api.set_node("n2", labels={"topology.kubernetes.io/region": "us-east-1"})
    assert await world.region() == "us-east-1"
    assert world.api.asked == ["Node n2"]


async def test_concurrent_requests_for_the_region_look_each_object_up_once() -> None:
    world = World()
    world.api.gate = asyncio.Event()
    waiting = [asyncio.create_task(world.region()) for _ in range(8)]
    await asyncio.sleep(0)
    world.api.gate.set()
    assert await asyncio.gather(*waiting) == ["eu-west-1"] * 8
    assert world.api.asked == ["Pod shop/web-0", "Node n1"]


async def test_a_pod_that_is_gone_does_not_fail_the_others() -> None:
    world = World()
    world.api.gate = asyncio.Event()
    gone = asyncio.create_task(world.region("gone"))
    others = [asyncio.create_task(world.region()) for _ in range(8)]
    await asyncio.sleep(0)
    world.api.gate.set()
    assert await asyncio.gather(*others) == ["eu-west-1"] * 8
    with pytest.raises(ServiceAccountNotFound, match="shop/gone"):
        await gone
    assert world.api.asked == ["Pod shop/gone", "Pod shop/web-0", "Node n1"]


async def test_pods_of_another_namespace_that_are_gone_delay_no_one() -> None:
    world = World()
    gone = [world.lookups.node_region("hostile", f"gone-{number}") for number in range(8)]
    *_, region = await asyncio.gather(*gone, world.region(), return_exceptions=True)
    assert region == "eu-west-1"
    assert world.api.asked[:3] == ["Pod hostile/gone-0", "Pod shop/web-0", "Node n1"]


async def test_pods_of_several_namespaces_find_the_region_together() -> None:
    world = World()
    world.api.objects[PODS, "bank", "web-0"] = world.api.objects[PODS, "shop", "web-0"]
    regions = [world.region("gone"), world.region(), world.lookups.node_region("bank", "web-0")]
    first, *others = await asyncio.gather(*regions, return_exceptions=True)
    assert isinstance(first, ServiceAccountNotFound)
    assert others == ["eu-west-1"] * 2
    assert world.api.asked == ["Pod shop/gone", "Pod bank/web-0", "Node n1"]


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"failure-domain.beta.kubernetes.io/region": "eu-west-1"},
        {"topology.kubernetes.io/region": ""},
        {"topology.kubernetes.io/region": "eu-west-1-"},
    ],
    ids=repr,
)
async def test_a_node_without_a_valid_region_is_named(labels: dict[str, str]) -> None:
    world = World()
    world.api.set_node(labels=labels)
    both = await asyncio.gather(world.region(), world.region(), return_exceptions=True)
    for error in both:
        assert isinstance(error, RegionUnknown)
        assert "label topology.kubernetes.io/region of the node n1" in str(error)
    assert world.api.asked == ["Pod shop/web-0", "Node n1"]


async def test_a_pod_without_a_node_is_named() -> None:
    world = World()
    world.api.set_pod()
    with pytest.raises(RegionUnknown, match=r"pod shop/web-0 has no node"):
        await world.region()
    assert len(world.api.asked) == 1


@pytest.mark.parametrize("error", [FORBIDDEN, ServiceAccountNotFound("404"), OUTAGE], ids=repr)
async def test_a_failed_look_up_of_the_region_is_not_remembered(error: ProviderError) -> None:
    world = World()
    world.api.error = error
    with pytest.raises(type(error)):
        await world.region()
    world.api.error = None
    assert await world.region() == "eu-west-1"
