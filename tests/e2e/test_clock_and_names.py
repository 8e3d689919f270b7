"""The clock of the node is wrong and its name server fails: mounts are answered well, in time."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest

from testbed.driver import Mounted, Pod
from tests.e2e.conftest import Build
from tests.e2e.usage import back_to_normal
from tests.e2e.world import World
from tests.waiting import eventually

DB = "- {objectName: db, objectType: secretsmanager}\n"
HOUR = 3600


@pytest.fixture
def flags() -> tuple[str, ...]:
    """Further flags of the daemon."""
    return ()


@pytest.fixture
def world(build: Build, tmp_path: Path, flags: tuple[str, ...]) -> World:
    world = build("--rotation-poll-interval=0s", *flags, main="tests.e2e.controlled:main")
    port = urlsplit(world.aws.url).port
    world.environment = {
        "CONTROL": str(tmp_path),
        "AWS_ENDPOINT_URL_STS": f"http://sts.test:{port}",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://secretsmanager.test:{port}",
    }
    world.aws.cloud.put_secret("db", "value")
    return world.start()


def is_mounted(world: World) -> bool:
    outcome = world.mount(DB)
    return isinstance(outcome, Mounted) and outcome.files == {"db": b"value"}


def renewals(world: World) -> int:
    return world.aws.journal.count("AssumeRoleWithWebIdentity")


def test_a_clock_that_jumps_ahead_changes_nothing(world: World, tmp_path: Path) -> None:
    world.files(DB)
    (tmp_path / "clock").write_text(str(2 * HOUR))
    assert world.files(DB) == {"db": b"value"}
    assert renewals(world) == 1, "credentials live as long as AWS says"


@pytest.mark.parametrize("hours", [1, 2, 13, -13])
def test_with_a_wrong_clock_credentials_are_cached_all_the_same(
    world: World, tmp_path: Path, hours: int
) -> None:
    (tmp_path / "clock").write_text(str(hours * HOUR))
    for uid in ("1", "2"):
        assert world.files(DB, Pod(uid=uid)) == {"db": b"value"}
    assert renewals(world) == 1


@pytest.mark.parametrize("hours", [2, -2])
def test_signatures_are_made_by_the_clock_of_aws(world: World, tmp_path: Path, hours: int) -> None:
    (tmp_path / "clock").write_text(str(hours * HOUR))
    assert world.files(DB) == {"db": b"value"}
    world.aws.journal.clear()
    assert world.files(DB) == {"db": b"value"}
    asked = [call for call in world.aws.journal.calls if call.service == "secretsmanager"]
    assert [call.status for call in asked] == [200], "the clock is known by now"


def test_a_clock_that_is_set_back_makes_no_credentials_live_longer(
    world: World, tmp_path: Path
) -> None:
    world.files(DB)
    (tmp_path / "clock").write_text(str(-2 * HOUR))
    world.aws.cloud.expire_sessions()
    assert world.files(DB) == {"db": b"value"}
    assert renewals(world) == 2


@pytest.mark.parametrize("flags", [("--mount-timeout=700ms",)], ids=["700ms"])
@pytest.mark.parametrize(
    ("mood", "said"),
    [("fail", "DNS server returned general failure"), ("hang", "in time|took longer")],
    ids=["fails", "hangs"],
)
def test_without_names_mounts_are_answered_in_time_and_recover(
    world: World, tmp_path: Path, mood: str, said: str
) -> None:
    with back_to_normal(world.pid, threads=8, files=16):
        (tmp_path / "resolver").write_text(mood)
        for uid in ("1", "2"):
            refusal = world.refusal(DB, Pod(uid=uid))
            assert refusal.code is grpc.StatusCode.INTERNAL
            assert re.search(said, refusal.message), refusal
        (tmp_path / "resolver").unlink()
        eventually(lambda: is_mounted(world), "a mount")
