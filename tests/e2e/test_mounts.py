"""What pods get, through the socket, from the real daemon over fakes of everything around it."""

import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from testbed.driver import Mounted, Options
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE
from tests.e2e.conftest import Build
from tests.e2e.world import OTHER, REGION, World

DB = "- objectName: db\n  objectType: secretsmanager\n"
FLAG = "- objectName: /app/flag\n  objectType: ssmparameter\n"


@pytest.fixture
def world(world: World) -> World:
    return with_secrets(world)


def with_secrets(world: World) -> World:
    world.aws.cloud.put_secret("db", '{"user": "ada", "port": 5432}')
    world.aws.cloud.put_parameter("/app/flag", "on")
    return world


@pytest.mark.parametrize("use_pod_identity", ["true", "false"])
def test_a_pod_gets_its_files_by_either_kind_of_identity(
    world: World, use_pod_identity: str
) -> None:
    outcome = world.mount(DB + FLAG, usePodIdentity=use_pod_identity)
    assert isinstance(outcome, Mounted)
    assert outcome.files == {"db": b'{"user": "ada", "port": 5432}', "_app_flag": b"on"}
    assert outcome.modes == {"db": 0o644, "_app_flag": 0o644}
    assert outcome.versions["_app_flag"] == "1"
    used = {call.identity for call in world.aws.journal.calls if call.service != "sts"}
    assert used
    role = world.web.arn.rpartition("/")[2]
    assert all(f"assumed-role/{role}/" in one for one in used)


@pytest.mark.parametrize(
    "options",
    [Options(version="1.5"), Options(version="1.6"), Options(tokens_in="secrets")],
    ids=["driver 1.5", "driver 1.6", "tokens as secrets"],
)
def test_every_way_that_a_driver_asks_is_answered(node: World, options: Options) -> None:
    world = node.tenant(options=options)
    for value in ("one", "two", "two"):
        world.aws.cloud.put_secret("db", value)
        assert world.files(DB) == {"db": value.encode()}


@pytest.mark.parametrize(
    ("audiences", "use_pod_identity", "missing"),
    [
        ((), "false", STS_AUDIENCE),
        ((POD_IDENTITY_AUDIENCE,), "false", STS_AUDIENCE),
        ((STS_AUDIENCE,), "true", POD_IDENTITY_AUDIENCE),
    ],
    ids=["none", "irsa", "pod identity"],
)
def test_a_missing_token_is_named_with_its_remedy(
    node: World, audiences: tuple[str, ...], use_pod_identity: str, missing: str
) -> None:
    world = node.tenant(options=Options(audiences=audiences))
    refusal = world.refusal(DB, usePodIdentity=use_pod_identity)
    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED
    assert missing in refusal.message
    assert "tokenRequests" in refusal.message


def test_the_region_is_the_nodes_where_nobody_names_one(build: Build) -> None:
    world = build(environment={"AWS_REGION": ""}).start()
    world.kubernetes.put_node("node-1", region=OTHER)
    world.aws.cloud.put_secret("db", "of the node's region", region=OTHER)
    assert world.files(DB) == {"db": b"of the node's region"}
    world.files(DB, world.pod(name="web-2", uid="2"))
    assert world.kubernetes.journal.count("get nodes") == 1


def test_an_unchanged_remount_asks_for_the_version_alone(world: World) -> None:
    world.files(DB)
    world.aws.journal.clear()
    world.files(DB)
    assert world.aws.journal.totals == {("secretsmanager", "DescribeSecret", REGION): 1}


def test_a_rotated_secret_arrives_with_the_next_remount(world: World) -> None:
    before = world.mount(DB)
    world.aws.cloud.put_secret("db", "rotated")
    after = world.mount(DB)
    assert isinstance(before, Mounted)
    assert isinstance(after, Mounted)
    assert after.files == {"db": b"rotated"}
    assert after.versions["db"] != before.versions["db"]
    assert after.changed


def test_a_moved_stage_arrives_with_the_next_remount(world: World) -> None:
    secret = world.aws.cloud.put_secret("db", "new", version="v2")
    assert world.files(DB) == {"db": b"new"}
    old = next(one for one in secret.versions if one != "v2")
    secret.move("AWSCURRENT", old)
    assert world.files(DB) == {"db": b'{"user": "ada", "port": 5432}'}


def test_within_the_interval_a_remount_makes_no_call(build: Build) -> None:
    world = with_secrets(build()).start()
    world.files(DB + FLAG)
    world.aws.journal.clear()
    world.kubernetes.journal.clear()
    world.aws.cloud.put_secret("db", "rotated")
    world.files(DB + FLAG)
    assert not world.aws.journal.totals
    assert not world.kubernetes.journal.totals


def test_a_second_pod_gets_the_new_value_and_the_first_one_with_it(build: Build) -> None:
    world = with_secrets(build()).start()
    world.files(DB)
    world.aws.cloud.put_secret("db", "rotated")
    world.wait_until_asked_again()
    assert world.files(DB, world.pod(name="web-2", uid="2")) == {"db": b"rotated"}
    assert world.files(DB) == {"db": b"rotated"}


def test_a_revoked_permission_is_noticed_at_the_next_remount(world: World) -> None:
    world.files(DB)
    world.web.allow.clear()
    refusal = world.refusal(DB)
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    assert "secretsmanager:GetSecretValue" in refusal.message


def test_without_the_right_to_describe_secrets_are_fetched(world: World) -> None:
    world.web.allow = [("secretsmanager:GetSecretValue", "*")]
    world.files(DB)
    world.aws.cloud.put_secret("db", "rotated")
    assert world.files(DB) == {"db": b"rotated"}
    world.files(DB)
    assert world.aws.journal.count("DescribeSecret") == 1


def test_a_deleted_secret_is_noticed_at_the_next_remount(world: World) -> None:
    world.files(DB)
    world.aws.cloud.remove_secret("db")
    assert world.refusal(DB).code is grpc.StatusCode.NOT_FOUND


def test_pods_of_one_service_account_share_one_session(build: Build) -> None:
    world = with_secrets(build()).start()
    pods = [world.pod(name=f"web-{number}", uid=str(number)) for number in range(200)]
    with ThreadPoolExecutor(50) as kubelet:
        got = list(kubelet.map(lambda pod: world.files(DB + FLAG, pod), pods))
    assert len({json.dumps(sorted(map(str, files.items()))) for files in got}) == 1
    assert world.aws.journal.count("AssumeRoleWithWebIdentity") == 1
    assert world.kubernetes.journal.count("get serviceaccounts") == 1


def test_every_file_has_an_object_version(world: World) -> None:
    objects = DB + "  jmesPath: [{path: user, objectAlias: user}, {path: port, objectAlias: p}]\n"
    outcome = world.mount(objects + FLAG)
    assert isinstance(outcome, Mounted)
    version = outcome.versions["db"]
    expected = {"db": version, "user": version, "p": version, "_app_flag": "1"}
    assert outcome.versions == expected
    world.aws.cloud.put_secret("db", '{"user": "bob", "port": 1}')
    rotated = world.mount(objects + FLAG)
    assert isinstance(rotated, Mounted)
    assert version not in rotated.versions.values()


@pytest.mark.parametrize("mode", ["4755", "2755", "1777"])
def test_special_permission_bits_are_a_mistake_of_the_class(world: World, mode: str) -> None:
    refusal = world.refusal(f"{DB}  filePermission: '{mode}'\n")
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "objects[0].filePermission" in refusal.message


def test_every_mistake_of_a_class_is_told_before_any_call(world: World) -> None:
    objects = """
- {objectNam: x}
- {objectName: a, objectType: ssm}
- {objectName: b, objectType: secretsmanager, jmesPath: [{path: "a[", objectAlias: ../up}]}
"""
    refusal = world.refusal(objects, region="EU", failoverRegion="EU")
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    for place in (
        "region: ",
        "objects[0].objectName: ",
        "objects[1].objectType: ",
        "objects[2].jmesPath[0].path: ",
        "objects[2].jmesPath[0].objectAlias: ",
    ):
        assert place in refusal.message
    assert not world.aws.journal.totals
    assert not world.kubernetes.journal.totals


@pytest.mark.parametrize(
    ("objects", "code", "said"),
    [
        (DB.replace("db", "nope"), grpc.StatusCode.NOT_FOUND, '"nope" (secretsmanager, eu-west-1)'),
        (FLAG.replace("flag", "no"), grpc.StatusCode.NOT_FOUND, "/app/no"),
        (
            DB + "  jmesPath: [{path: pass, objectAlias: pw}]",
            grpc.StatusCode.NOT_FOUND,
            '"user", "port"',
        ),
        ("", grpc.StatusCode.INVALID_ARGUMENT, "objects"),
    ],
    ids=["secret", "parameter", "key", "nothing"],
)
def test_what_is_missing_is_named(
    world: World, objects: str, code: grpc.StatusCode, said: str
) -> None:
    refusal = world.refusal(objects)
    assert refusal.code is code
    assert said in refusal.message


def test_a_service_account_without_a_role_is_named(world: World) -> None:
    world.kubernetes.put_service_account(world.namespace, "bare")
    refusal = world.refusal(DB, world.pod(service_account="bare"))
    assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
    assert f"{world.namespace}/bare" in refusal.message
    assert "eks.amazonaws.com/role-arn" in refusal.message


def test_a_role_that_does_not_trust_the_pod_is_named(world: World) -> None:
    world.web.trust.clear()
    refusal = world.refusal(DB)
    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED
    assert world.web.arn in refusal.message


def test_a_pod_without_an_association_is_told_how_to_make_one(world: World) -> None:
    world.aws.cloud.pod_roles.clear()
    refusal = world.refusal(DB, usePodIdentity="true")
    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED
    assert "create-pod-identity-association" in refusal.message


def test_an_answer_over_the_drivers_limit_is_refused_with_sizes(world: World) -> None:
    objects = "".join(
        f"- {{objectName: big{number}, objectType: secretsmanager}}\n" for number in range(66)
    )
    for number in range(66):
        world.aws.cloud.put_secret(f"big{number}", "x" * 65536)
    refusal = world.refusal(objects)
    assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
    assert "4194304" in refusal.message


def test_a_role_of_the_service_account_that_was_replaced_is_used(world: World) -> None:
    other = world.aws.cloud.put_role("other", trust=[f"{world.namespace}:web"])
    world.files(DB)
    world.kubernetes.put_service_account(world.namespace, "web", role_arn=other.arn)
    world.web.allow.clear()
    # The look-up may be a minute old; a new pod of another account sees the new role at once.
    world.kubernetes.put_service_account(world.namespace, "fresh", role_arn=other.arn)
    other.trust.add(f"{world.namespace}:fresh")
    assert world.files(DB, world.pod(uid="2", service_account="fresh"))
