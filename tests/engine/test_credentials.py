"""Credentials of an identity: how long they are used, who asks for them, what drops them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from provider.engine import credentials as credentials_module
from provider.engine.credentials import (
    FAILING_SECONDS,
    LAST_MARGIN,
    PAUSE_SECONDS,
    CredentialCache,
    Event,
)
from provider.engine.model import AssumeRole, Credentials, Identity
from provider.engine.ports import Principal
from provider.errors import AwsUnavailable, ProviderError, RoleNotAssumable, TokenRejected
from tests.fakes.engine import Clock, FakeSource, Gate, identity
from tests.waiting import turns

HOUR = 3600.0


@dataclass
class World:
    clock: Clock = field(default_factory=Clock)
    chance: Callable[[], float] = lambda: 0.0
    capacity: int = 100
    lifetime: float | None = HOUR
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = FakeSource(lifetime=self.lifetime)
        self.cache = CredentialCache(
            capacity=self.capacity,
            clock=self.clock,
            chance=self.chance,
            observe=self.events.append,
        )

    async def get(
        self, who: Identity | None = None, source: FakeSource | None = None
    ) -> Credentials:
        credentials = await self.cache.get(Principal(who or identity(), source or self.source))
        await turns()
        return credentials


async def test_credentials_are_fetched_once() -> None:
    world = World()
    assert await world.get() == await world.get()
    assert world.events == ["miss", "hit"]


async def test_identities_share_nothing() -> None:
    world = World()
    await world.get()
    await world.get(identity(session="uid"))
    assert world.source.given == 2


async def test_the_identities_of_a_namespace_leave_fetches_to_others() -> None:
    hanging, asked = asyncio.Event(), []

    class Hanging(FakeSource):
        async def fetch(self) -> Credentials:
            asked.append(self)
            await hanging.wait()
            return await super().fetch()

    world = World()
    world.cache = CredentialCache(most=4)
    evil = [identity(subject=f"evil/{number}") for number in range(5)]
    gets = [asyncio.create_task(world.get(who, Hanging())) for who in evil]
    await turns()
    assert len(asked) == 2
    await world.get(identity(subject="shop/web"))
    assumed = evil[0]._replace(chain=(AssumeRole("arn:aws:iam::111122223333:role/other"),))
    assert await world.get(assumed), "it may have to wait for one of those that have a slot"
    hanging.set()
    await asyncio.gather(*gets)
    assert len(asked) == 5


@pytest.mark.parametrize(("chance", "used_for"), [(0.0, 0.95), (1.0, 0.90)])
async def test_they_are_renewed_before_they_expire_at_random(
    chance: float, used_for: float
) -> None:
    world = World(chance=lambda: chance)
    await world.get()
    world.clock.now += HOUR * used_for - 1
    await world.get()
    assert world.source.given == 1
    world.clock.now += 2
    assert (await world.get()).access_key_id == "AKIA1", "a renewal is not waited for"
    assert (await world.get()).access_key_id == "AKIA2"
    assert world.source.given == 2


async def test_credentials_that_are_expired_are_handed_on_and_not_kept() -> None:
    world = World(lifetime=0.0)
    await world.get()
    await world.get()
    assert world.source.given == 2


async def test_credentials_without_an_expiry_are_fetched_again_after_an_hour() -> None:
    world = World(lifetime=None)
    await world.get()
    world.clock.now += HOUR + 1
    await world.get()
    assert world.source.given == 2


async def test_a_failure_is_raised_and_not_kept() -> None:
    world = World()
    world.source.error = AwsUnavailable("503")
    with pytest.raises(AwsUnavailable):
        await world.get()
    world.source.error = None
    await world.get()
    assert world.events == ["miss", "failed", "miss"]


@pytest.mark.parametrize(
    "error", [AwsUnavailable("503"), TokenRejected("that token")], ids=["outage", "one token"]
)
async def test_a_renewal_that_fails_for_now_leaves_them_in_use(
    error: ProviderError, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    first = await world.get()
    world.clock.now += HOUR - LAST_MARGIN - 2 * PAUSE_SECONDS
    world.source.error = error
    assert await world.get() == first
    assert await world.get() == first
    assert world.source.asked == 2, "it is not tried again at once"
    assert caplog.messages == ["credentials were not renewed"]
    world.clock.now += PAUSE_SECONDS
    await world.get()
    assert world.source.asked == 3
    world.source.error = None
    world.clock.now += PAUSE_SECONDS
    await world.get()
    assert (await world.get()).access_key_id == "AKIA2"


async def test_an_outage_that_outlasts_them_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    await world.get()
    world.clock.now += HOUR - LAST_MARGIN
    world.source.error = AwsUnavailable("503")
    with pytest.raises(AwsUnavailable):
        await world.get()
    assert not caplog.messages, "the caller reports it"


async def test_a_refusal_ends_what_was_granted_before() -> None:
    world = World()
    await world.get()
    world.clock.now += HOUR - 2 * PAUSE_SECONDS
    world.source.error = RoleNotAssumable("no longer")
    await world.get()
    with pytest.raises(RoleNotAssumable):
        await world.get()


async def test_dropped_credentials_are_fetched_anew() -> None:
    world = World()
    world.cache.drop(identity(), await world.get())
    assert (await world.get()).access_key_id == "AKIA2"


async def test_dropping_old_credentials_leaves_newer_ones() -> None:
    world = World()
    old = await world.get()
    world.cache.drop(identity(), old)
    new = await world.get()
    world.cache.drop(identity(), old)
    assert await world.get() == new


async def test_the_least_recently_used_go_first() -> None:
    world = World(capacity=2)
    for name in ("a", "b", "a", "c", "a"):
        await world.get(identity(name))
    assert world.source.given == 3
    await world.get(identity("b"))
    assert world.source.given == 4


async def test_a_namespace_of_many_identities_pushes_out_its_own() -> None:
    world = World(capacity=5)
    for name in ("a", "b"):
        await world.get(identity(name, subject=f"bank/{name}"))
    for number in range(10):
        await world.get(identity(f"greedy-{number}"))
    asked = world.source.asked
    for name in ("a", "b"):
        await world.get(identity(name, subject=f"bank/{name}"))
    await world.get(identity("greedy-9"))
    assert world.source.asked == asked


async def test_many_requests_of_one_identity_make_one_fetch() -> None:
    world = World()
    world.source.gate = Gate()
    tasks = [asyncio.create_task(world.get()) for _ in range(20)]
    await world.source.gate.reached.wait()
    world.source.gate.open()
    assert len({credentials.access_key_id for credentials in await asyncio.gather(*tasks)}) == 1
    assert world.source.asked == 1


async def test_one_rejected_token_does_not_fail_the_others_that_wait() -> None:
    world = World()
    bad = FakeSource("bad", error=TokenRejected("expired"), gate=Gate())
    assert bad.gate is not None
    first = asyncio.create_task(world.get(source=bad))
    await bad.gate.reached.wait()
    others = [asyncio.create_task(world.get()) for _ in range(5)]
    await asyncio.sleep(0)
    bad.gate.open()
    with pytest.raises(TokenRejected):
        await first
    assert {one.access_key_id for one in await asyncio.gather(*others)} == {"AKIA1"}
    assert world.source.asked == 1


async def test_a_token_that_is_answered_late_does_not_delay_others_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(credentials_module, "OTHERS_SECONDS", 0.02)
    world = World()
    late = FakeSource("late", gate=Gate())
    assert late.gate is not None
    first = asyncio.create_task(world.get(source=late))
    await late.gate.reached.wait()
    assert (await world.get()).access_key_id == "AKIA1"
    late.gate.open()
    assert (await first).access_key_id == "late1"


async def test_a_slow_event_loop_makes_no_fetch_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each pod of a node's start asks STS for itself, where CPU is short."""
    monkeypatch.setattr(credentials_module, "OTHERS_SECONDS", 0.02)

    class Slow(FakeSource):
        async def fetch(self) -> Credentials:
            for _ in range(10):
                time.sleep(0.01)  # a turn of the loop
                await asyncio.sleep(0)
            return await super().fetch()

    world = World()
    first = asyncio.create_task(world.get(source=Slow("slow")))
    await asyncio.sleep(0)
    assert (await world.get()).access_key_id == "slow1"
    await first
    assert world.source.asked == 0


async def test_a_refusal_of_the_role_concerns_all_that_wait() -> None:
    world = World()
    world.source.error, world.source.gate = RoleNotAssumable("no"), Gate()
    tasks = [asyncio.create_task(world.get()) for _ in range(5)]
    await world.source.gate.reached.wait()
    world.source.gate.open()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [RoleNotAssumable] * 5
    assert world.source.asked == 1


async def test_nothing_of_the_credentials_is_printed() -> None:
    world = World()
    text = repr(await world.get()) + repr(vars(world.cache))
    assert "secret-key" not in text
    assert "session-token" not in text


async def test_identities_that_get_none_are_counted_until_they_do_or_time_passes() -> None:
    world = World()
    world.source.error = AwsUnavailable("503")
    for name in ("a", "b"):
        with pytest.raises(AwsUnavailable):
            await world.get(identity(name))
    assert world.cache.failing() == 2
    world.source.error = None
    await world.get(identity("a"))
    assert world.cache.failing() == 1
    world.clock.now += FAILING_SECONDS + 1
    assert world.cache.failing() == 0
