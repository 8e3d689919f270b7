"""Two regions: who is asked, who wins, what is covered, through the socket."""

import grpc
import pytest

from testbed import faults
from testbed.aws.errors import throttled
from testbed.driver import Mounted
from testbed.faults import Effect
from tests.e2e.world import OTHER, REGION, World

DB = "- {objectName: db, objectType: secretsmanager}\n"
FLAG = "- {objectName: flag, objectType: ssmparameter}\n"


@pytest.fixture
def world(world: World) -> World:
    for region in (REGION, OTHER):
        world.aws.cloud.put_secret("db", region, region=region)
        world.aws.cloud.put_parameter("flag", region, region=region)
    return world


def mount(world: World, objects: str = DB + FLAG) -> dict[str, bytes]:
    return world.files(objects, region=REGION, failoverRegion=OTHER)


def of(region: str) -> dict[str, bytes]:
    return {"db": region.encode(), "flag": region.encode()}


def test_the_primary_wins_and_both_are_asked_at_first(world: World) -> None:
    assert mount(world) == of(REGION)
    for region in (REGION, OTHER):
        assert world.aws.journal.count("GetSecretValue", region=region) == 1
        assert world.aws.journal.count("GetParameters", region=region) == 1


def test_a_remount_asks_the_primary_alone(world: World) -> None:
    mount(world)
    world.aws.journal.clear()
    mount(world)
    assert world.aws.journal.totals == {
        ("secretsmanager", "DescribeSecret", REGION): 1,
        ("ssm", "GetParameters", REGION): 1,
    }


@pytest.mark.parametrize(
    "effect",
    [faults.reset(), faults.failing(503), faults.garbage(), faults.hang(), throttled()],
    ids=["reset", "503", "garbage", "hang", "throttled"],
)
def test_a_primary_in_trouble_is_covered(world: World, effect: Effect) -> None:
    world.aws.faults.inject(effect, region=REGION)
    assert mount(world) == of(OTHER)


def test_each_version_is_that_of_the_value_delivered(world: World) -> None:
    world.aws.cloud.put_secret("db", "covered", region=OTHER, version="of-the-other-region")
    world.aws.faults.inject(faults.failing(503), region=REGION)
    outcome = world.mount(DB, region=REGION, failoverRegion=OTHER)
    assert isinstance(outcome, Mounted)
    assert outcome.versions == {"db": "of-the-other-region"}


def test_a_remount_is_covered_too_and_comes_back(world: World) -> None:
    mount(world)
    world.aws.faults.inject(faults.failing(503), region=REGION)
    assert mount(world) == of(OTHER)
    world.aws.faults.clear()
    assert mount(world) == of(REGION)


@pytest.mark.parametrize("region", [REGION, OTHER])
def test_a_secret_that_is_missing_in_either_region_fails_the_mount(
    world: World, region: str
) -> None:
    world.aws.cloud.remove_secret("db", region=region)
    refusal = world.refusal(DB + FLAG, region=REGION, failoverRegion=OTHER)
    assert refusal.code is grpc.StatusCode.NOT_FOUND
    assert f'"db" (secretsmanager, {region})' in refusal.message


def test_the_failover_object_is_asked_under_its_own_name(world: World) -> None:
    world.aws.cloud.put_secret("db-copy", "copy", region=OTHER)
    world.aws.faults.inject(faults.failing(503), region=REGION)
    objects = DB.replace("}", ", failoverObject: [{objectName: db-copy}]}")
    assert mount(world, objects) == {"db": b"copy"}


@pytest.mark.parametrize("service", ["sts", "secretsmanager"])
def test_when_both_regions_are_down_both_are_told(world: World, service: str) -> None:
    world.aws.faults.inject(faults.failing(503), service=service)
    refusal = world.refusal(DB, region=REGION, failoverRegion=OTHER)
    assert refusal.code is grpc.StatusCode.INTERNAL
    assert REGION in refusal.message
    assert OTHER in refusal.message
