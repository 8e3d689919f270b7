"""The whole story over fakes: first mounts, remounts, failures of several objects at once."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

import pytest

from provider.csi.mount import Delivery, Mounter
from provider.csi.mount_registry import MountRegistry
from provider.csi.object_failures import ObjectsFailed
from provider.csi.request.model import MountSpec, Pod
from provider.csi.request.parameters import parse_class
from provider.csi.server.statuses import bounded
from provider.engine.ports import Principal
from provider.engine.trace import Trace
from provider.engine.value_memory import ValueMemory
from provider.errors import (
    AccessDenied,
    AnswerTooLarge,
    AwsUnavailable,
    InvalidRequest,
    PolicyViolation,
    ProviderError,
    RegionUnknown,
    TokenMissing,
)
from provider.manifests.problems import InvalidSpec
from provider.policy.rules import Policy, Rule
from provider.runtime.offload import Offload
from tests.fakes.engine import OTHER, REGION, FakeEngine, FakeSource, identity

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

    async def identify(self, spec: MountSpec, region: str) -> Principal:
        self.look_ups += 1
        return Principal(identity(spec.pod.service_account, role=self.role), self.source)


@dataclass
class FakeLookups:
    """Knows the region of the node, or not."""

    error: ProviderError | None = None

    async def node_region(self, namespace: str, pod_name: str) -> str:
        if self.error is not None:
            raise self.error
        return REGION


@dataclass
class World:
    interval: float = 60
    max_bytes: int = 4 << 20
    engine: FakeEngine = field(default_factory=FakeEngine)
    lookups: FakeLookups = field(default_factory=FakeLookups)
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        self.engine.secrets.put("db", b'{"user": "ada"}')
        self.engine.parameters.put("flag", b"on")
        self.identifier = FakeIdentifier(self.engine.source)
        self.registry = MountRegistry(Path("/nowhere"))
        self.offload = Offload()
        self.mounter = Mounter(
            identify=self.identifier.identify,
            reader=self.engine.reader,
            node_region=self.lookups.node_region,
            offload=self.offload,
            validity=self.interval,
            max_bytes=self.max_bytes,
            policy=self.policy,
            last_delivery=self.registry.last_delivery,
        )

    async def mount(self, spec: MountSpec, seconds: float = 5, *, later: float = 0) -> Delivery:
        """A mount that arrives in `later` seconds, as far as it knows."""
        now, trace = monotonic(), Trace()
        delivery = await self.mounter.mount(
            spec, deadline=now + seconds, arrived=now + later, trace=trace
        )
        self.registry.succeeded(spec, delivery, trace.current_at)
        return delivery

    async def failure(self, spec: MountSpec, seconds: float = 5) -> ObjectsFailed:
        with pytest.raises(ObjectsFailed) as failed:
            await self.mount(spec, seconds)
        return failed.value


@pytest.fixture
async def world() -> World:
    return World()


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


async def test_a_mount_delivers_every_file_and_version(world: World) -> None:
    delivery = await world.mount(spec())
    assert contents(delivery) == EXPECTED
    versions = [(file.path, file.version) for file in delivery.files]
    assert versions == [("db", "1"), ("user", "1"), ("flag", "1")]
    assert [(one.ref.name, one.region) for one in delivery.objects] == [
        ("db", REGION),
        ("flag", REGION),
    ]
    assert not delivery.from_memory


async def test_values_of_more_than_a_mount_may_hold_fail_it_and_are_given_back(
    world: World,
) -> None:
    memory = ValueMemory(15)
    world.mounter = replace(world.mounter, value_memory=memory)
    failed = await world.failure(spec())
    (failure,) = failed.failures
    assert isinstance(failure.error, AnswerTooLarge)
    assert failed.kind == "precondition"
    assert memory.held == 0


async def test_a_remount_within_the_interval_makes_no_call_at_all(world: World) -> None:
    await world.mount(spec())
    delivery = await world.mount(spec())
    assert contents(delivery) == EXPECTED
    assert delivery.from_memory
    assert len(world.engine.secrets.calls) == len(world.engine.parameters.calls) == 1
    assert world.identifier.look_ups == 1


async def test_a_remount_without_a_token_is_refused_even_from_memory(world: World) -> None:
    await world.mount(spec())
    with pytest.raises(TokenMissing):
        await world.mount(replace(spec(), tokens={}))


async def test_a_new_role_is_noticed_past_the_interval() -> None:
    world = World(interval=0)
    await world.mount(spec())
    world.identifier.role = "other"
    assert (await world.mount(spec())).identity.role == "other"
    assert world.engine.secrets.count("read") == 2


async def test_a_new_pod_of_the_identity_fetches(world: World) -> None:
    await world.mount(spec())
    world.engine.secrets.put("db", b'{"user": "bob"}')
    second = replace(spec(), pod=Pod("shop", "web-1", "uid-1", "web"))
    assert contents(await world.mount(second, later=1))["user"] == b"bob"
    assert contents(await world.mount(spec()))["user"] == b"bob"
    assert world.engine.secrets.count("read") == 2


async def test_a_failed_first_mount_leaves_the_next_one_a_first_mount(world: World) -> None:
    world.engine.secrets.faults["read", REGION] = AccessDenied("no")
    with pytest.raises(ObjectsFailed):
        await world.mount(spec())
    world.engine.secrets.faults.clear()
    assert contents(await world.mount(spec())) == EXPECTED


async def test_every_failing_object_is_named_at_once(world: World) -> None:
    objects = OBJECTS + "- {objectName: nothere, objectType: secretsmanager}\n"
    world.engine.secrets.put("db", b"{}")
    with pytest.raises(ObjectsFailed) as failed:
        await world.mount(spec(objects))
    lines = str(failed.value).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith('objects[0] "db" (secretsmanager, eu-west-1): ')
    assert lines[1].startswith('objects[2] "nothere" (secretsmanager, eu-west-1): ')
    assert all("role web of service account shop/web" in line for line in lines)
    assert failed.value.kind == "not_found"


async def test_a_denial_outranks_what_is_missing(world: World) -> None:
    objects = OBJECTS + "- {objectName: nothere, objectType: ssmparameter}\n"
    world.engine.secrets.faults["read", REGION] = AccessDenied("no")
    with pytest.raises(ObjectsFailed) as failed:
        await world.mount(spec(objects))
    assert failed.value.kind == "denied"
    assert failed.value.reason == "AccessDenied"


async def test_the_nodes_region_is_used_where_the_class_names_none(world: World) -> None:
    nameless = spec()
    nameless = replace(nameless, klass=replace(nameless.klass, region=None))
    assert contents(await world.mount(nameless)) == EXPECTED


async def test_an_arn_of_another_region_than_the_nodes_is_a_mistake_of_the_class(
    world: World,
) -> None:
    objects = f"- objectName: arn:aws:secretsmanager:{OTHER}:111122223333:secret:db\n"
    klass = parse_class({"objects": objects}, default_mode=0o644, default_region=None)
    with pytest.raises(InvalidSpec, match=r"objects\[0\]\.objectName"):
        await world.mount(replace(spec(), klass=klass))
    assert world.engine.secrets.calls == []


async def test_an_answer_over_the_limit_is_refused() -> None:
    world = World(max_bytes=1000)
    world.engine.secrets.put("db", b'{"user": "%s"}' % (b"x" * 2000))
    with pytest.raises(AnswerTooLarge):
        await world.mount(spec())


async def test_no_failure_quotes_a_value(world: World) -> None:
    world.engine.secrets.put("db", b"s3cr3t, and not JSON")
    with pytest.raises(ProviderError) as failed:
        await world.mount(spec())
    assert "s3cr3t" not in str(failed.value)


async def test_a_class_that_names_one_secret_twice_gets_it_under_both_names(world: World) -> None:
    objects = """
- {objectName: db, objectType: secretsmanager, objectAlias: one}
- {objectName: db, objectType: secretsmanager, objectAlias: two}
"""
    assert set(contents(await world.mount(spec(objects)))) == {"one", "two"}
    assert world.engine.secrets.count("read") == 1


async def test_many_failures_are_all_named_within_what_a_status_can_hold(world: World) -> None:
    names = [f"secret-{number}" for number in range(30)]
    objects = "".join(f"- {{objectName: {name}, objectType: secretsmanager}}\n" for name in names)
    with pytest.raises(ObjectsFailed) as failed:
        await world.mount(spec(objects))
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


async def test_what_is_optional_and_missing_is_left_out_and_counted(world: World) -> None:
    for _ in range(2):
        delivery = await world.mount(spec(OPTIONAL))
        assert contents(delivery) == EXPECTED
        assert [file.path for file in delivery.files] == ["db", "user", "flag"]
        assert [one.path for one in delivery.objects if not one.found] == [
            "objects[2]",
            "objects[3]",
        ]
    assert delivery.from_memory
    assert world.engine.events.count("missing") == 4


async def test_what_is_optional_and_exists_is_delivered(world: World) -> None:
    world.engine.secrets.put("extra", b'{"x": "y"}')
    delivery = await world.mount(spec(OPTIONAL))
    assert contents(delivery) == EXPECTED | {"extra": b'{"x": "y"}', "x": b"y"}
    assert [one.path for one in delivery.objects if not one.found] == ["objects[3]"]


async def test_an_optional_object_that_lacks_a_key_fails(world: World) -> None:
    world.engine.secrets.put("extra", b"{}")
    with pytest.raises(ObjectsFailed):
        await world.mount(spec(OPTIONAL))


async def test_a_volume_of_nothing_but_missing_objects_holds_one_file_that_says_so(
    world: World,
) -> None:
    """The driver deletes no file where it is given none."""
    only = "- {objectName: extra, objectType: secretsmanager, optional: true}"
    delivery = await world.mount(spec(only))
    assert [(file.path, file.version) for file in delivery.files] == [(".empty", "missing")]
    assert [file.path for file in delivery.files] == [".empty"]
    world.engine.secrets.put("extra", b"here")
    new = replace(spec(only), target_path="/new")
    assert contents(await world.mount(new, later=1)) == {"extra": b"here"}


async def test_values_of_the_past_are_not_for_another_service_account(world: World) -> None:
    await world.mount(spec())
    other = replace(spec(), pod=Pod("shop", "web-0", "uid-0", "admin"))
    assert not (await world.mount(other)).from_memory
    assert world.identifier.look_ups == 2


async def test_the_calls_of_a_mount_are_counted_also_those_for_credentials(world: World) -> None:
    trace, now = Trace(), monotonic()
    await world.mounter.mount(spec(), deadline=now + 5, arrived=now, trace=trace)
    assert trace.calls == 3


async def test_a_crowd_of_first_mounts_reads_once(world: World) -> None:
    for number in range(5):
        await world.mount(replace(spec(), pod=Pod("shop", "web", f"uid-{number}", "web")))
    assert world.engine.secrets.count("read") == 1


async def test_an_unknown_region_says_where_to_name_it(world: World) -> None:
    world.lookups.error = RegionUnknown("the label is missing.")
    nameless = replace(spec(), klass=replace(spec().klass, region=None))
    with pytest.raises(RegionUnknown) as failed:
        await world.mount(nameless)
    assert str(failed.value).startswith("the class names no region: the label is missing. Or name")
    assert str(world.lookups.error) == "the label is missing.", "others may share this error"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (
            InvalidRequest("ValidationException: no."),
            "Correct the object in the SecretProviderClass.",
        ),
        (AwsUnavailable("503."), "The driver tries again."),
    ],
    ids=["invalid", "transient"],
)
async def test_a_failure_says_what_to_do(world: World, error: ProviderError, advice: str) -> None:
    world.engine.secrets.faults["read", REGION] = error
    assert advice in str(await world.failure(spec()))


async def test_of_thousands_of_failures_the_first_are_named_and_all_are_counted(
    world: World,
) -> None:
    """The text of each takes time of the event loop, and nobody can read it."""
    objects = "".join(f"- {{objectName: s{n}, objectType: secretsmanager}}\n" for n in range(1500))
    text = str(await world.failure(spec(objects)))
    assert len(text) < 4000
    named = text.count("objects[")
    assert named > 20
    assert text.endswith(f"… and {1500 - named} more objects")
    assert bounded(text) == text, "the status has all of it"


async def test_what_gets_no_answer_in_time_is_named(world: World) -> None:
    async def hang() -> None:
        await asyncio.sleep(60)

    world.engine.secrets.faults["read", REGION] = hang
    failure = await world.failure(spec(), seconds=0.1)
    assert str(failure).startswith('objects[0] "db" (secretsmanager, eu-west-1): no answer in time')
    assert (failure.kind, failure.reason) == ("unavailable", "OutOfTime")


async def test_costly_expressions_fail_their_own_object(world: World) -> None:
    world.engine.secrets.put("db", b"[%s]" % b",".join([b"[0,1,2,3,4,5,6,7,8,9]"] * 300))
    costly = "[].[" + ",".join(["@"] * 9) + "][].[@,@,@,@,@,@,@,@,@][].[@,@,@,@,@,@,@,@][][][][]"
    paths = "".join(f"  - {{path: '{costly}', objectAlias: f{n}}}\n" for n in range(8))
    objects = f"- objectName: db\n  objectType: secretsmanager\n  jmesPath:\n{paths}"
    failure = await world.failure(spec(objects))
    assert failure.kind == "invalid"
    assert str(failure).startswith('objects[0] "db"')


ROLE = "arn:aws:iam::111122223333:role/other"


@pytest.mark.parametrize(
    ("rule", "parameters"),
    [
        (Rule("r", regions=("us-*",)), {}),
        (Rule("r", regions=(REGION,)), {"failoverRegion": OTHER}),
        (Rule("r", role_arns=("*:role/shop",)), {"roleArn": ROLE}),
        (Rule("r", role_arns=("*:role/shop",)), {"assumeRoleArn": ROLE}),
        (Rule("r", accounts=("999999999999",)), {"roleArn": ROLE}),
        (Rule("r", secret_names=("db",)), {}),
    ],
)
async def test_the_policy_refuses_a_class_before_anybody_is_asked(
    world: World, rule: Rule, parameters: dict[str, str]
) -> None:
    world.policy.own = (rule,)
    with pytest.raises(PolicyViolation, match="is not allowed by r"):
        await world.mount(spec(**parameters))
    assert world.identifier.look_ups == 0


async def test_the_policy_refuses_the_role_of_a_service_account(world: World) -> None:
    world.policy.own = (Rule("r", role_arns=("*:role/shop",)),)
    with pytest.raises(PolicyViolation, match='role "web" is not allowed'):
        await world.mount(spec())


async def test_a_policy_that_changes_refuses_the_next_remount(world: World) -> None:
    await world.mount(spec())
    world.policy.own = (Rule("r", role_arns=("*:role/shop",)),)
    with pytest.raises(PolicyViolation):
        await world.mount(spec())
    world.policy.own = (Rule("r", role_arns=("web",), secret_names=("db", "flag")),)
    assert await world.mount(spec())


async def test_a_role_that_the_policy_refuses_may_be_replaced_by_another_one(world: World) -> None:
    await world.mount(spec())
    world.policy.own = (Rule("r", role_arns=("other",)),)
    with pytest.raises(PolicyViolation):
        await world.mount(spec())
    world.identifier.role = "other"
    assert (await world.mount(spec())).identity.role == "other"


async def test_a_path_is_allowed_by_what_allows_everything_below_it(world: World) -> None:
    path = "- {objectName: /shop/db, objectType: ssmparameterpath}"
    world.policy.own = (Rule("r", secret_names=("/shop/db",)),)
    with pytest.raises(PolicyViolation, match='secret "/shop/db/" is not allowed'):
        await world.mount(spec(path))
