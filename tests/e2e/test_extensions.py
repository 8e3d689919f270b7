"""The keys that AWS's own provider does not have, through the socket."""

import grpc
import pytest

from testbed.driver import Mounted
from tests.e2e.world import World

DB = "objectName: db, objectType: secretsmanager"


@pytest.fixture(autouse=True)
def secrets(world: World) -> None:
    world.aws.cloud.put_secret("db", '{"user": "ada", "port": 5432, "key": "AP8="}')


def test_every_key_of_a_secret_is_a_file_that_follows_a_rotation(world: World) -> None:
    objects = f"- {{{DB}, jsonKeys: '*', omitWhole: true, keyPrefix: db-}}"
    assert world.files(objects) == {"db-user": b"ada", "db-port": b"5432", "db-key": b"AP8="}
    world.aws.cloud.put_secret("db", '{"user": "bob"}')
    outcome = world.mount(objects)
    assert isinstance(outcome, Mounted)
    assert outcome.files == {"db-user": b"bob"}
    assert outcome.changed


def test_keys_in_one_file_and_values_decoded(world: World) -> None:
    objects = f"""
- {{{DB}, objectAlias: db.env, jsonKeys: [user, port], format: dotenv,
   jmesPath: [{{path: key, objectAlias: key, objectEncoding: base64}}]}}
"""
    assert world.files(objects) == {"db.env": b"user='ada'\nport='5432'\n", "key": b"\x00\xff"}


def test_a_hostile_key_fails_the_mount_and_is_named(world: World) -> None:
    world.aws.cloud.put_secret("db", '{"../x": "hunter2"}')
    refusal = world.refusal(f"- {{{DB}, jsonKeys: '*'}}")
    assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
    assert 'the key "../x" has the element ".."' in refusal.message
    assert "hunter2" not in refusal.message


def test_a_key_that_takes_anothers_file_fails_the_mount(world: World) -> None:
    refusal = world.refusal(f"- {{{DB}, objectAlias: user}}\n- {{{DB}, jsonKeys: '*'}}")
    assert 'objects[1] "db"' in refusal.message
    assert '"user" is already used by objects[0]' in refusal.message


EXTRA = "{objectName: extra, objectType: secretsmanager, optional: true}"


def test_an_optional_object_comes_and_goes(world: World) -> None:
    objects = f"- {{{DB}}}\n- {EXTRA}"
    whole = {"db": b'{"user": "ada", "port": 5432, "key": "AP8="}'}
    outcome = world.mount(objects)
    assert isinstance(outcome, Mounted)
    assert outcome.files == whole
    assert outcome.versions["extra"] == "missing"
    world.aws.cloud.put_secret("extra", "here")
    assert world.files(objects) == whole | {"extra": b"here"}
    world.aws.cloud.remove_secret("extra")
    assert world.files(objects) == whole
    assert any(
        '"optional object is missing"' in line and "objects[1]" in line for line in world.log
    )
    assert 'cache_events_total{cache="values",event="missing"} 2' in world.metrics()


def test_when_all_that_is_optional_goes_away_its_files_do_too(world: World) -> None:
    world.aws.cloud.put_secret("extra", "here")
    assert world.files(f"- {EXTRA}") == {"extra": b"here"}
    world.aws.cloud.remove_secret("extra")
    assert set(world.files(f"- {EXTRA}")) == {".empty"}
    world.aws.cloud.put_secret("extra", "back")
    assert world.files(f"- {EXTRA}") == {"extra": b"back"}


def test_an_optional_object_that_is_denied_fails_the_mount(world: World) -> None:
    world.web.allow.clear()
    refusal = world.refusal(f"- {EXTRA}")
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
