"""Credentials by identity: how long they are used, who asks, what is dropped."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from provider.credential_cache import (
    FAILING_SECONDS,
    LAST_MARGIN,
    PAUSE_SECONDS,
    RENEWAL_SECONDS,
    Clocks,
    CredentialCache,
    Event,
)
from provider.credentials import Credentials, Identity
from provider.deadline import Deadline
from provider.errors import AwsUnavailable, TokenRejected
from tests.engine import identity
from tests.fakes import FakeSource, Gate

EPOCH = 1_700_000_000.0
HOUR = 3600.0
WAIT = Deadline.after(3600)  # from when the suite starts


@dataclass
class Time:
    """Two clocks that go as one, unless one of them is moved."""

    wall: float = EPOCH
    monotonic: float = 1000.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def clocks(self) -> Clocks:
        return Clocks(lambda: self.wall, lambda: self.monotonic)


@dataclass
class World:
    time: Time = field(default_factory=Time)
    chance: Callable[[], float] = lambda: 0.0
    capacity: int = 100
    lifetime: float = HOUR
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = FakeSource(expires_at=EPOCH + self.lifetime)
        self.cache = CredentialCache(
            capacity=self.capacity,
            clocks=self.time.clocks(),
            chance=self.chance,
            observe=self.events.append,
        )

    def get(self, who: Identity | None = None) -> Credentials:
        return self.cache.get(who or identity(), self.source, WAIT)


def test_credentials_are_asked_for_once() -> None:
    world = World()
    assert world.get() == world.get()
    assert world.events == ["miss", "hit"]


@pytest.mark.parametrize(
    "changed",
    [{"role": "other"}, {"pod_uid": "1"}, {"partition": "aws-cn"}, {"namespace": "bank"}],
    ids=lambda changed: next(iter(changed)),
)
def test_identities_that_differ_in_one_field_share_nothing(changed: dict[str, str]) -> None:
    world = World()
    fields = {"kind": "irsa", "service_account": "web", "role": "r", "pod_uid": "0"}
    fields |= {"namespace": "shop", "partition": "aws"}
    world.get(Identity(**fields))  # type: ignore[arg-type]  # built field by field
    world.get(Identity(**fields | changed))  # type: ignore[arg-type]
    assert world.source.given == 2


@pytest.mark.parametrize(
    ("lifetime", "chance", "used_for"),
    [
        (HOUR, 0.0, 0.95 * HOUR),
        (HOUR, 1.0, 0.90 * HOUR),
        (6 * HOUR, 0.5, 0.925 * 6 * HOUR),
        (900.0, 0.0, 840.0),
        (80.0, 0.0, 40.0),
    ],
    ids=["5 %", "10 %", "of six hours", "a minute at least", "half of a short life"],
)
def test_they_are_renewed_early_by_some_chance(
    lifetime: float, chance: float, used_for: float
) -> None:
    world = World(lifetime=lifetime, chance=lambda: chance)
    world.get()
    world.time.passes(used_for - 1)
    world.get()
    assert world.source.given == 1
    world.time.passes(2)
    world.get()
    assert world.source.given == 2


def test_credentials_that_have_expired_already_are_handed_on_but_not_kept() -> None:
    world = World(lifetime=-10)
    world.get()
    world.get()
    assert world.source.given == 2


def test_a_wall_clock_set_back_does_not_keep_expired_credentials() -> None:
    world = World()
    world.get()
    world.time.passes(HOUR)
    world.time.wall = EPOCH - 10 * HOUR
    world.get()
    assert world.source.given == 2


def test_a_machine_that_slept_does_not_use_expired_credentials() -> None:
    world = World()
    world.get()
    world.time.wall += 2 * HOUR
    world.get()
    assert world.source.given == 2


def test_a_failure_is_told_and_not_kept() -> None:
    world = World()
    world.source.error = TokenRejected("no")
    with pytest.raises(TokenRejected):
        world.get()
    world.source.error = None
    assert world.get().access_key_id == "AKIA1"


def test_an_outage_that_is_over_before_they_expire_costs_no_mount(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.get()
    world.time.passes(0.96 * HOUR)
    world.source.error = AwsUnavailable("down")
    assert [world.get().access_key_id for _ in range(3)] == ["AKIA1"] * 3
    assert world.events.count("failed") == 1, "who cannot be reached is not asked by every mount"
    assert world.cache.failing() == 1
    assert "the old ones are used" in caplog.text
    world.time.passes(PAUSE_SECONDS + 1)
    assert world.get().access_key_id == "AKIA1"
    assert world.events.count("failed") == 2
    world.source.error = None
    world.time.passes(PAUSE_SECONDS + 1)
    assert world.get().access_key_id == "AKIA2"
    assert world.cache.failing() == 0


def test_an_outage_that_outlasts_them_is_told() -> None:
    world = World()
    world.get()
    world.source.error = AwsUnavailable("down")
    world.time.passes(HOUR - LAST_MARGIN - 1)
    assert world.get().access_key_id == "AKIA1"
    world.time.passes(2)
    with pytest.raises(AwsUnavailable):
        world.get()


def test_a_refusal_ends_what_was_granted_before() -> None:
    world = World()
    world.get()
    world.time.passes(0.96 * HOUR)
    for error in (TokenRejected("no more"), AwsUnavailable("down")):
        world.source.error = error
        with pytest.raises(type(error)):
            world.get()


def test_credentials_that_aws_refused_are_not_used_in_an_outage() -> None:
    world = World()
    old = world.get()
    world.time.passes(0.96 * HOUR)
    world.cache.drop(identity(), old)
    world.source.error = AwsUnavailable("down")
    with pytest.raises(AwsUnavailable):
        world.get()


def test_credentials_refused_while_they_are_renewed_are_not_used() -> None:
    world = World()
    old = world.get()
    world.time.passes(0.96 * HOUR)

    def fetch(deadline: Deadline) -> Credentials:
        world.cache.drop(identity(), old)
        raise AwsUnavailable("down")

    world.source.fetch = fetch  # type: ignore[method-assign]
    with pytest.raises(AwsUnavailable):
        world.get()


def test_a_renewal_that_can_wait_leaves_the_mount_its_time() -> None:
    world, given = World(), list[float]()

    def fetch(deadline: Deadline) -> Credentials:
        given.append(deadline.remaining())
        return Credentials("A", "s", "t", world.time.wall + HOUR)

    world.source.fetch = fetch  # type: ignore[method-assign]
    world.get()
    world.time.passes(0.96 * HOUR)
    world.get()
    assert given[0] > RENEWAL_SECONDS >= given[1]


def test_dropped_credentials_are_asked_for_anew() -> None:
    world = World()
    world.cache.drop(identity(), world.get())
    assert world.get().access_key_id == "AKIA2"


def test_who_drops_old_credentials_leaves_newer_ones() -> None:
    world = World()
    old = world.get()
    world.cache.drop(identity(), old)
    new = world.get()
    world.cache.drop(identity(), old)
    assert world.get() == new
    assert world.source.given == 2


def test_what_was_used_longest_ago_goes_first() -> None:
    world = World(capacity=2)
    for name in ("one", "two", "one", "three", "one"):
        world.get(identity(name))
    assert world.source.given == 3
    world.get(identity("two"))
    assert world.source.given == 4
    assert len(world.cache) == 2


def test_many_mounts_of_one_identity_make_one_request() -> None:
    world, gate = World(), Gate()

    class Slow(FakeSource):
        def fetch(self, deadline: Deadline) -> Credentials:
            gate()
            return super().fetch(deadline)

    world.source = Slow(expires_at=EPOCH + HOUR)
    with ThreadPoolExecutor(8) as mounts:
        waiting = [mounts.submit(world.get) for _ in range(8)]
        assert gate.reached.wait(5)
        gate.open()
        assert {one.result().access_key_id for one in waiting} == {"AKIA1"}
    counted = Counter(world.events)
    assert counted["miss"] == 1
    assert counted["joined"] + counted["hit"] == 7


def test_nothing_of_the_credentials_is_printed() -> None:
    world = World()
    credentials = Credentials("AKIA", "c4nary-key", "c4nary-token", EPOCH + HOUR)
    world.source.fetch = lambda deadline: credentials  # type: ignore[method-assign]
    world.get()
    printed = repr(world.get()) + repr(vars(world.cache))
    assert "AKIA" in printed
    assert "c4nary" not in printed


def test_identities_that_get_none_are_counted_until_they_do_or_are_gone() -> None:
    world = World()
    world.source.error = AwsUnavailable("down")
    for who in (identity(), identity(), identity(pod_uid="2")):
        with pytest.raises(AwsUnavailable):
            world.get(who)
    assert world.cache.failing() == 2
    assert world.events.count("failed") == 3
    world.source.error = None
    world.get(identity())
    assert world.cache.failing() == 1
    world.time.passes(FAILING_SECONDS + 1)
    assert world.cache.failing() == 0
