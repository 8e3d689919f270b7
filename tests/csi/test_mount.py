"""The whole story over fakes: first mounts, remounts, failures of several objects at once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import monotonic

import pytest

from provider.credentials import Principal
from provider.deadline import Deadline
from provider.errors import (
    AccessDenied,
    AnswerTooLarge,
    ProviderError,
    TokenMissing,
)
from provider.csi.mount import Delivery, Mounter, ObjectsFailed
from provider.csi.request.model import MountSpec, Pod
from provider.csi.request.parameters import parse_class
from provider.manifests.problems import InvalidSpec
from tests.engine import OTHER, REGION, Engine, identity
from tests.fakes import FakeSource

OBJECTS = """
- objectName: db
  objectType: secretsmanager
  jmesPath:
  - {path: user, objectAlias: user}
- objectName: flag
  objectType: ssmparameter
"""


@dataclass
class FakeIdentifier:
    """Knows one role per service account, which may change."""

    source: FakeSource
    role: str = "web"
    look_ups: int = 0

    def identify(self, spec: MountSpec, region: str, deadline: Deadline) -> Principal:
        self.require_token(spec)
        self.look_ups += 1
        return Principal(identity(spec.pod.service_account, role=self.role), self.source)

    def require_token(self, spec: MountSpec) -> None:
        if not spec.tokens:
            raise TokenMissing("no token of audience sts.amazonaws.com")


@dataclass
class World:
    engine: Engine
    identifier: FakeIdentifier
    mounter: Mounter

    def mount(self, spec: MountSpec) -> Delivery:
        return self.mounter.mount(spec, deadline=Deadline.after(5), arrived=monotonic())


def build(interval: float = 60, max_bytes: int = 4 << 20) -> World:
    engine = Engine()
    engine.secrets.put("db", b'{"user": "ada"}')
    engine.parameters.put("flag", b"on")
    identifier = FakeIdentifier(engine.source)

    mounter = Mounter(
        identifier=identifier,
        fetcher=engine.fetcher,
        node_region=lambda pod, deadline: REGION,
        interval=interval,
        max_bytes=max_bytes,
    )
    return World(engine, identifier, mounter)


@pytest.fixture
def world() -> Iterator[World]:
    world = build()
    yield world
    world.engine.close()


def spec(objects: str = OBJECTS, **parameters: str) -> MountSpec:
    parameters = {"objects": objects, "region": REGION} | parameters
    return MountSpec(
        pod=Pod("shop", "web-0", "uid-0", "web"),
        class_name="db",
        target_path="/pods/uid-0/mount",
        tokens={"sts.amazonaws.com": "t0ken"},
        klass=parse_class(parameters, default_mode=0o644, default_region=None),
    )


def contents(delivery: Delivery) -> dict[str, bytes]:
    return {file.path: file.content for file in delivery.files}


EXPECTED = {"db": b'{"user": "ada"}', "user": b"ada", "flag": b"on"}


def test_a_mount_delivers_every_file_and_version(world: World) -> None:
    delivery = world.mount(spec())
    assert contents(delivery) == EXPECTED
    assert delivery.versions == (("db", "1"), ("flag", "1"))
    assert not delivery.from_memory


def test_a_remount_within_the_interval_makes_no_call_at_all(world: World) -> None:
    world.mount(spec())
    delivery = world.mount(spec())
    assert contents(delivery) == EXPECTED
    assert delivery.from_memory
    assert len(world.engine.secrets.calls) == len(world.engine.parameters.calls) == 1
    assert world.identifier.look_ups == 1


def test_a_remount_without_a_token_is_refused_even_from_memory(world: World) -> None:
    world.mount(spec())
    with pytest.raises(TokenMissing):
        world.mount(replace(spec(), tokens={}))


def test_a_new_role_is_noticed_past_the_interval() -> None:
    world = build(interval=0)
    world.mount(spec())
    world.identifier.role = "other"
    assert world.mount(spec()).identity.role == "other"
    assert world.engine.secrets.count("fetch") == 2
    world.engine.close()


def test_a_new_pod_of_the_identity_fetches(world: World) -> None:
    world.mount(spec())
    world.engine.secrets.put("db", b'{"user": "bob"}')
    second = replace(spec(), pod=Pod("shop", "web-1", "uid-1", "web"))
    assert contents(world.mount(second))["user"] == b"bob"
    assert contents(world.mount(spec()))["user"] == b"bob"
    assert world.engine.secrets.count("fetch") == 2


def test_a_failed_first_mount_leaves_the_next_one_a_first_mount(world: World) -> None:
    world.engine.secrets.faults["fetch", REGION] = AccessDenied("no")
    with pytest.raises(ObjectsFailed):
        world.mount(spec())
    world.engine.secrets.faults.clear()
    assert contents(world.mount(spec())) == EXPECTED


def test_every_failing_object_is_named_at_once(world: World) -> None:
    objects = OBJECTS + "- {objectName: nothere, objectType: secretsmanager}\n"
    world.engine.secrets.put("db", b"{}")
    with pytest.raises(ObjectsFailed) as failed:
        world.mount(spec(objects))
    lines = str(failed.value).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith('objects[0] "db" (secretsmanager, eu-west-1): ')
    assert lines[1].startswith('objects[2] "nothere" (secretsmanager, eu-west-1): ')
    assert all("role web of service account shop/web" in line for line in lines)
    assert failed.value.status == "NOT_FOUND"


def test_a_denial_outranks_what_is_missing(world: World) -> None:
    objects = OBJECTS + "- {objectName: nothere, objectType: ssmparameter}\n"
    world.engine.secrets.faults["fetch", REGION] = AccessDenied("no")
    with pytest.raises(ObjectsFailed) as failed:
        world.mount(spec(objects))
    assert failed.value.status == "PERMISSION_DENIED"
    assert failed.value.reason == "AccessDenied"


def test_the_nodes_region_is_used_where_the_class_names_none(world: World) -> None:
    nameless = spec()
    nameless = replace(nameless, klass=replace(nameless.klass, region=None))
    assert contents(world.mount(nameless)) == EXPECTED


def test_an_arn_of_another_region_than_the_nodes_is_a_mistake_of_the_class(world: World) -> None:
    objects = f"- objectName: arn:aws:secretsmanager:{OTHER}:111122223333:secret:db\n"
    klass = parse_class({"objects": objects}, default_mode=0o644, default_region=None)
    with pytest.raises(InvalidSpec, match=r"objects\[0\]\.objectName"):
        world.mount(replace(spec(), klass=klass))
    assert world.engine.secrets.calls == []


def test_an_answer_over_the_limit_is_refused() -> None:
    world = build(max_bytes=1000)
    world.engine.secrets.put("db", b'{"user": "%s"}' % (b"x" * 2000))
    with pytest.raises(AnswerTooLarge):
        world.mount(spec())
    world.engine.close()


def test_a_refused_answer_tells_nothing_of_the_values(world: World) -> None:
    world.engine.secrets.put("db", b"s3cr3t, and not JSON")
    with pytest.raises(ProviderError) as failed:
        world.mount(spec())
    assert "s3cr3t" not in str(failed.value)


def test_a_class_that_names_one_secret_twice_gets_it_under_both_names(world: World) -> None:
    objects = """
- {objectName: db, objectType: secretsmanager, objectAlias: one}
- {objectName: db, objectType: secretsmanager, objectAlias: two}
"""
    assert set(contents(world.mount(spec(objects)))) == {"one", "two"}
    assert world.engine.secrets.count("fetch") == 1


def test_many_failures_are_all_named_within_what_a_status_can_hold(world: World) -> None:
    names = [f"secret-{number}" for number in range(30)]
    objects = "".join(f"- {{objectName: {name}, objectType: secretsmanager}}\n" for name in names)
    with pytest.raises(ObjectsFailed) as failed:
        world.mount(spec(objects))
    text = str(failed.value)
    assert all(f'"{name}" (secretsmanager, eu-west-1): ' in text for name in names)
    assert len(text) < 4000


OPTIONAL = (
    OBJECTS
    + """
- {objectName: extra, objectType: secretsmanager, optional: true,
   jmesPath: [{path: x, objectAlias: x}]}
- {objectName: maybe, objectType: ssmparameter, optional: true}
"""
)


def test_what_is_optional_and_missing_is_left_out_told_and_counted(world: World) -> None:
    for _ in range(2):
        delivery = world.mount(spec(OPTIONAL))
        assert contents(delivery) == EXPECTED
        assert delivery.versions[2:] == (("extra", "missing"), ("maybe", "missing"))
        assert [obj.path for obj in delivery.missing] == ["objects[2]", "objects[3]"]
    assert delivery.from_memory
    assert world.engine.events.count("missing") == 4


def test_what_is_optional_and_there_is_delivered(world: World) -> None:
    world.engine.secrets.put("extra", b'{"x": "y"}')
    delivery = world.mount(spec(OPTIONAL))
    assert contents(delivery) == EXPECTED | {"extra": b'{"x": "y"}', "x": b"y"}
    assert [obj.path for obj in delivery.missing] == ["objects[3]"]


def test_an_optional_object_that_lacks_a_key_fails(world: World) -> None:
    world.engine.secrets.put("extra", b"{}")
    with pytest.raises(ObjectsFailed):
        world.mount(spec(OPTIONAL))


def test_a_volume_of_nothing_but_missing_objects_holds_one_file_that_says_so(
    world: World,
) -> None:
    """The driver deletes no file where it is given none."""
    only = "- {objectName: extra, objectType: secretsmanager, optional: true}"
    delivery = world.mount(spec(only))
    assert delivery.versions == (("extra", "missing"),)
    assert [file.path for file in delivery.files] == [".empty"]
    world.engine.secrets.put("extra", b"here")
    assert contents(world.mount(replace(spec(only), target_path="/new"))) == {"extra": b"here"}
