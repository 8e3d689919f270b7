"""The keys that AWS's own provider does not have, through the socket."""

import re

import grpc
import pytest

from testbed import faults
from testbed.aws.iam import Role
from testbed.driver import Mounted
from tests.e2e.conftest import Build
from tests.e2e.world import OTHER, REGION, World

DB = "objectName: db, objectType: secretsmanager"


@pytest.fixture
def world(world: World) -> World:
    return with_secret(world)


def with_secret(world: World) -> World:
    world.aws.cloud.put_secret("db", '{"user": "ada", "port": 5432, "key": "AP8="}')
    return world


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
    before = missing_values(world)
    outcome = world.mount(objects)
    assert isinstance(outcome, Mounted)
    assert outcome.files == whole
    assert outcome.versions.keys() == whole.keys()
    world.aws.cloud.put_secret("extra", "here")
    assert world.files(objects) == whole | {"extra": b"here"}
    world.aws.cloud.remove_secret("extra")
    assert world.files(objects) == whole
    assert any(
        '"optional object is missing"' in line and "objects[1]" in line for line in world.log
    )
    assert missing_values(world) == before + 2


def missing_values(world: World) -> float:
    pattern = r'cache_events_total\{cache="values",event="missing"\} (.*)'
    return sum(map(float, re.findall(pattern, world.metrics())))


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


APP = "objectType: ssmparameterpath, objectName: /app"


def put_app(world: World) -> None:
    for number in range(12):
        world.aws.cloud.put_parameter(f"/app/p{number:02}", str(number))
    world.aws.cloud.put_parameter("/app/db/user", "ada")


def test_all_parameters_of_a_path_page_by_page(world: World) -> None:
    put_app(world)
    level = {f"p{number:02}": str(number).encode() for number in range(12)}
    assert world.files(f"- {{{APP}}}") == level
    assert world.aws.journal.count("GetParametersByPath") == 2
    deep = world.files(
        f"- {{{APP}, recursive: true, keyPrefix: a-}}", world.pod(name="web-2", uid="2")
    )
    assert deep == {f"a-{name}": value for name, value in level.items()} | {"a-db_user": b"ada"}
    nested = world.files(
        f"- {{{APP}/db, keyPrefix: conf/}}",
        world.pod(name="web-3", uid="3"),
        pathTranslation="False",
    )
    assert nested == {"conf/user": b"ada"}


def test_a_new_and_a_changed_parameter_of_a_path_arrive_with_the_next_remount(
    world: World,
) -> None:
    world.aws.cloud.put_parameter("/app/a", "1")
    versions = []
    for name, value in (("a", "1"), ("b", "2"), ("a", "3")):
        world.aws.cloud.put_parameter(f"/app/{name}", value)
        outcome = world.mount(f"- {{{APP}}}")
        assert isinstance(outcome, Mounted)
        assert outcome.files[name] == value.encode()
        versions.append(tuple(outcome.versions.items()))
    assert len(set(versions)) == 3
    world.aws.cloud.remove_parameter("/app/b")
    assert world.files(f"- {{{APP}}}") == {"a": b"3"}


def test_an_empty_path_fails_unless_it_is_optional(world: World) -> None:
    refusal = world.refusal(f"- {{{APP}}}")
    assert refusal.code is grpc.StatusCode.NOT_FOUND
    assert 'objects[0] "/app" (ssmparameterpath, eu-west-1)' in refusal.message
    assert set(world.files(f"- {{{APP}, optional: true}}", world.pod(name="web-2", uid="2"))) == {
        ".empty"
    }


def test_a_path_that_is_denied_names_the_action(world: World) -> None:
    put_app(world)
    world.web.allow = [("ssm:GetParameters", "*")]
    refusal = world.refusal(f"- {{{APP}}}")
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    assert "Allow ssm:GetParametersByPath on this resource to role" in refusal.message


def test_a_parameter_of_a_path_takes_no_file_of_another_object(world: World) -> None:
    put_app(world)
    refusal = world.refusal(f"- {{{APP}}}\n- {{{DB}, objectAlias: p03}}")
    assert 'the parameter "p03": "p03" is already used by objects[1]' in refusal.message


def test_a_path_is_covered_by_the_failover_region(world: World) -> None:
    for region in (REGION, OTHER):
        world.aws.cloud.put_parameter("/app/a", region, region=region)
    world.aws.faults.inject(faults.failing(503), region=REGION)
    files = world.files(f"- {{{APP}}}", region=REGION, failoverRegion=OTHER)
    assert files == {"a": OTHER.encode()}


def accounts(world: World) -> Role:
    """A role that may read, which the pod's own, that may not, may assume."""
    other = world.aws.cloud.put_role("other")
    world.web.allow = [("sts:AssumeRole", other.arn), ("sts:TagSession", other.arn)]
    return other


@pytest.mark.parametrize("auth", ["irsa", "podIdentity"])
def test_secrets_are_read_as_the_role_that_the_pod_assumes(world: World, auth: str) -> None:
    other = accounts(world)
    other.external_id = "shop-1"
    parameters = {
        "auth": auth,
        "assumeRoleArn": other.arn,
        "assumeRoleExternalId": "shop-1",
        "assumeRoleDurationSeconds": "900",
        "assumeRoleSessionTags": "true",
    }
    objects = f"- {{{DB}, jsonKeys: [user], omitWhole: true}}"
    for _ in range(2):
        assert world.files(objects, None, **parameters) == {"user": b"ada"}
    assert world.aws.journal.count("AssumeRole") == 1
    readers = {call.identity for call in world.aws.journal.calls if call.service != "sts"}
    assert [one.split("assumed-role/")[1] for one in readers] == [f"other/web@{world.namespace}"]
    [session] = [one for one in world.aws.cloud.sessions.values() if one.role is other]
    tags = {**session.tags, **session.own_tags}
    assert tags["kubernetes-namespace"] == world.namespace
    assert tags["kubernetes-service-account"] == "web"


def test_classes_that_assume_otherwise_share_nothing_but_the_pods_own_credentials(
    world: World,
) -> None:
    other = accounts(world)
    other.external_id = "right"
    plain = {"assumeRoleArn": other.arn}
    assert world.files(f"- {{{DB}}}", None, **plain, assumeRoleExternalId="right")
    refusal = world.refusal(f"- {{{DB}}}", world.pod(name="web-2", uid="2"), **plain)
    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED
    assert f"role {other.arn} cannot be assumed with the credentials of role" in refusal.message
    assert world.refusal(f"- {{{DB}}}", world.pod(name="web-3", uid="3")).code is (
        grpc.StatusCode.PERMISSION_DENIED
    )
    assert world.aws.journal.count("AssumeRoleWithWebIdentity") == 1


def test_a_class_that_assumes_no_more_is_itself_again_at_once(build: Build) -> None:
    world = with_secret(build()).start()
    other = accounts(world)
    world.files(f"- {{{DB}}}", assumeRoleArn=other.arn)
    refusal = world.refusal(f"- {{{DB}}}")
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED


def test_sts_of_the_failover_region_covers_for_assuming_too(world: World) -> None:
    other = accounts(world)
    world.aws.cloud.put_secret("db", "there", region=OTHER)
    world.aws.faults.inject(faults.failing(503), operation="AssumeRole", region=REGION)
    files = world.files(f"- {{{DB}}}", region=REGION, failoverRegion=OTHER, assumeRoleArn=other.arn)
    assert set(files) == {"db"}


def test_a_role_of_the_class_needs_no_service_account(world: World) -> None:
    world.kubernetes.put_service_account(world.namespace, "web", role_arn="")
    assert set(world.files(f"- {{{DB}}}", roleArn=world.web.arn)) == {"db"}
    assert world.kubernetes.journal.count("get serviceaccounts") == 0


def test_auto_takes_the_association_and_else_irsa(world: World) -> None:
    assert set(world.files(f"- {{{DB}}}", auth="auto")) == {"db"}
    assert world.aws.journal.count("AssumeRoleWithWebIdentity") == 0
    world.aws.cloud.pod_roles.clear()
    for name in ("web-2", "web-3"):
        assert set(world.files(f"- {{{DB}}}", world.pod(name=name, uid=name), auth="auto")) == {
            "db"
        }
    assert world.aws.journal.count("AssumeRoleWithWebIdentity") == 1
    assert world.agent.journal.count() == 2
