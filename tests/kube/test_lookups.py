"""Roles and the node's region: how long they are remembered, and what goes on in an outage."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from provider.deadline import Deadline
from provider.errors import (
    KubernetesUnavailable,
    LookupForbidden,
    ProviderError,
    RegionUnknown,
    RoleMissing,
    ServiceAccountNotFound,
)
from provider.kube.client import Resource
from provider.kube.lookups import Event, Lookups
from provider.csi.request.model import Pod
from tests.fakes import Gate

ROLE = "arn:aws:iam::111122223333:role/web"
POD = Pod("shop", "web-0", "uid-0", "web")
OUTAGE = KubernetesUnavailable("connection refused")


@dataclass
class FakeApi:
    """Objects by resource; `error` or `gate` comes in place of an answer."""

    objects: dict[Resource, dict[str, Any]] = field(default_factory=dict)
    error: ProviderError | None = None
    gate: Callable[[], None] = lambda: None
    asked: list[Resource] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def get(self, resource: Resource, deadline: Deadline) -> Mapping[str, Any]:
        self.asked.append(resource)
        self.times.append(deadline.remaining())
        self.gate()
        if self.error is not None:
            raise self.error
        if resource not in self.objects:
            raise ServiceAccountNotFound(f"there is no {resource}")
        return self.objects[resource]

    def annotate(self, **annotations: Any) -> None:
        account = Resource("serviceaccounts", "web", "shop")
        self.objects[account] = {"metadata": {"name": "web", **annotations}}

    def set_role(self, role: str) -> None:
        self.annotate(annotations={"eks.amazonaws.com/role-arn": role, "else": "x"})

    def set_node(self, name: str = "n1", **metadata: Any) -> None:
        self.objects[Resource("nodes", name)] = {"metadata": metadata}

    def set_pod(self, **spec: Any) -> None:
        self.objects[Resource("pods", "web-0", "shop")] = {"spec": spec}


@dataclass
class World:
    node_name: str = ""
    chance: float = 1.0
    api: FakeApi = field(default_factory=FakeApi)
    now: float = 1000.0
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api.set_role(ROLE)
        self.api.set_pod(nodeName="n1")
        self.api.set_node(labels={"topology.kubernetes.io/region": "eu-west-1"})
        self.lookups = Lookups(
            self.api,
            node_name=self.node_name,
            clock=lambda: self.now,
            chance=lambda: self.chance,
            observe=self.events.append,
        )

    def role(self) -> str:
        return self.lookups.role_arn("shop", "web", Deadline.after(30))

    def region(self) -> str:
        return self.lookups.node_region(POD, Deadline.after(30))


@pytest.mark.parametrize(("chance", "fresh"), [(0.0, 45), (1.0, 60)])
def test_a_role_is_remembered_for_at_most_a_minute(chance: float, fresh: float) -> None:
    world = World(chance=chance)
    world.role()
    world.api.set_role(ROLE + "2")
    world.now += fresh - 1
    assert world.role() == ROLE
    world.now += 2
    assert world.role() == ROLE + "2"
    assert world.events == ["miss", "hit", "miss"]


@pytest.mark.parametrize(
    "role",
    [
        "arn:aws:iam::01234567890:role/of-eleven-digits",
        "arn:aws-cn:iam::111122223333:role/x",
        "arn:aws-us-gov:iam::111122223333:role/path/to/x",
        "arn:aws-iso-b:iam::111122223333:role/a+b=c,d.e@f_g-h",
    ],
)
def test_roles_of_every_partition_and_path_are_taken(role: str) -> None:
    world = World()
    world.api.set_role(role)
    assert world.role() == role


@pytest.mark.parametrize(
    "metadata",
    [{}, {"annotations": None}, {"annotations": {}}, {"annotations": {"x": "y"}}, {"labels": {}}],
    ids=repr,
)
def test_a_missing_role_tells_which_annotation_to_set(metadata: dict[str, Any]) -> None:
    world = World()
    world.api.annotate(**metadata)
    with pytest.raises(RoleMissing) as caught:
        world.role()
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
    ],
    ids=repr,
)
def test_what_is_no_role_is_quoted(role: str) -> None:
    world = World()
    world.api.set_role(role)
    with pytest.raises(RoleMissing, match=r"service account shop/web is \".*not the ARN"):
        world.role()


def test_many_mounts_of_a_service_account_look_it_up_once() -> None:
    world, gate = World(), Gate()
    world.api.gate = gate
    with ThreadPoolExecutor(8) as mounts:
        waiting = [mounts.submit(world.role) for _ in range(8)]
        assert gate.reached.wait(5)
        gate.open()
        assert {one.result() for one in waiting} == {ROLE}
    assert len(world.api.asked) == 1


def test_in_an_outage_the_role_known_last_is_used(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.role()
    world.api.error = OUTAGE
    world.now += 3500
    with caplog.at_level(logging.WARNING, "provider"):
        assert world.role() == ROLE
    assert world.events == ["miss", "stale"]
    assert [record.getMessage() for record in caplog.records] == [
        "going on with the role known last"
    ]


def test_in_an_outage_the_api_is_not_waited_for_by_every_mount() -> None:
    world = World()
    world.role()
    world.api.error = OUTAGE
    world.now += 100
    assert [world.role() for _ in range(5)] == [ROLE] * 5
    assert len(world.api.asked) == 2
    assert world.api.times[1] <= 5
    world.now += 11
    world.role()
    assert len(world.api.asked) == 3


def test_after_an_outage_the_role_is_looked_up_again() -> None:
    world = World()
    world.role()
    world.api.error = OUTAGE
    world.now += 100
    world.role()
    world.api.error = None
    world.api.set_role(ROLE + "2")
    world.now += 11
    assert world.role() == ROLE + "2"


def test_an_outage_of_more_than_an_hour_is_told() -> None:
    world = World()
    world.role()
    world.api.error = OUTAGE
    for _ in range(36):
        world.now += 100
        world.role()
    world.now += 100
    with pytest.raises(KubernetesUnavailable):
        world.role()


def test_in_an_outage_an_unknown_role_is_an_error_that_is_not_remembered() -> None:
    world = World()
    world.api.error = OUTAGE
    with pytest.raises(KubernetesUnavailable):
        world.role()
    world.api.error = None
    assert world.role() == ROLE


@pytest.mark.parametrize(
    "error", [LookupForbidden("403"), ServiceAccountNotFound("404")], ids=["403", "404"]
)
def test_a_refusal_is_no_outage(error: ProviderError) -> None:
    world = World()
    world.role()
    world.now += 100
    world.api.error = error
    with pytest.raises(type(error)):
        world.role()
    world.api.error = OUTAGE
    with pytest.raises(KubernetesUnavailable):
        world.role()


def test_a_role_that_was_removed_is_no_longer_used() -> None:
    world = World()
    world.role()
    world.now += 100
    world.api.annotate()
    with pytest.raises(RoleMissing):
        world.role()


def test_the_region_is_that_of_the_pods_node_and_looked_up_once() -> None:
    world = World()
    assert [world.region() for _ in range(3)] == ["eu-west-1"] * 3
    assert [str(one) for one in world.api.asked] == ["pod shop/web-0", "node n1"]


def test_with_the_nodes_name_known_no_pod_is_looked_up() -> None:
    world = World(node_name="n2")
    world.api.set_node("n2", labels={"topology.kubernetes.io/region": "us-east-1"})
    assert world.region() == "us-east-1"
    assert [str(one) for one in world.api.asked] == ["node n2"]


def test_many_mounts_look_the_region_up_once() -> None:
    world, gate = World(node_name="n1"), Gate()
    world.api.gate = gate
    with ThreadPoolExecutor(8) as mounts:
        waiting = [mounts.submit(world.region) for _ in range(8)]
        assert gate.reached.wait(5)
        gate.open()
        assert {one.result() for one in waiting} == {"eu-west-1"}
    assert len(world.api.asked) == 1


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"failure-domain.beta.kubernetes.io/region": "eu-west-1"},
        {"topology.kubernetes.io/region": ""},
        {"topology.kubernetes.io/region": "EU.west"},
    ],
    ids=repr,
)
def test_a_node_without_a_region_tells_how_to_set_one(labels: dict[str, str]) -> None:
    world = World()
    world.api.set_node(labels=labels)
    with pytest.raises(RegionUnknown) as caught:
        world.region()
    for told in ("topology.kubernetes.io/region", "node n1", "AWS_REGION", "`region`"):
        assert told in str(caught.value)


def test_a_pod_without_a_node_tells_how_to_set_a_region() -> None:
    world = World()
    world.api.set_pod()
    with pytest.raises(RegionUnknown, match=r"pod shop/web-0 names no node.*AWS_REGION"):
        world.region()


@pytest.mark.parametrize(
    "error", [LookupForbidden("403"), ServiceAccountNotFound("404"), OUTAGE], ids=repr
)
def test_a_failed_look_up_of_the_region_is_not_remembered(error: ProviderError) -> None:
    world = World()
    world.api.error = error
    with pytest.raises(type(error)) as caught:
        world.region()
    assert ("AWS_REGION" in str(caught.value)) == (error is not OUTAGE)
    world.api.error = None
    assert world.region() == "eu-west-1"
