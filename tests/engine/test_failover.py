"""One region or two: whose value wins, which failures are covered, which are final."""

import asyncio
from time import monotonic

import pytest

from provider.engine.failover import AT_A_TIME, Failed, Found, Outcome, Regions, Wanted
from provider.engine.freshness import Freshness
from provider.engine.model import SecretRef
from provider.engine.trace import Trace
from provider.errors import (
    AccessDenied,
    AwsThrottled,
    AwsUnavailable,
    OutOfTime,
    ProviderError,
    RoleNotAssumable,
    SecretNotFound,
)
from tests.fakes.engine import OTHER, REGION, FakeEngine, Gate, identity, optional, secret
from tests.waiting import turns

BOTH = Regions(REGION, OTHER)
DB = secret("db")


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine()
    engine.secrets.put("db", b"primary")
    engine.secrets.put("db", b"failover", region=OTHER)
    return engine


async def first(engine: FakeEngine, ref: SecretRef = DB, other: SecretRef | None = None) -> Outcome:
    return (await engine.read([Wanted(ref, other)], BOTH))[0]


async def again(engine: FakeEngine, interval: float = 0, ref: SecretRef = DB) -> Outcome:
    query = engine.query(Freshness.validated_since(monotonic() - interval))
    return (await engine.read([Wanted(ref)], BOTH, query))[0]


def content(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Found), outcome
    return outcome.value.content


def error(outcome: Outcome) -> ProviderError:
    assert isinstance(outcome, Failed), outcome
    return outcome.error


async def test_one_region_gives_an_outcome_for_each_in_order(engine: FakeEngine) -> None:
    wanted = [Wanted(secret("missing")), Wanted(DB), Wanted(secret("gone"))]
    outcomes = await engine.read(wanted, Regions(REGION))
    assert isinstance(error(outcomes[0]), SecretNotFound)
    assert content(outcomes[1]) == b"primary"
    assert isinstance(error(outcomes[2]), SecretNotFound)


async def test_of_many_refs_so_many_are_read_at_a_time(engine: FakeEngine) -> None:
    refs = [secret(f"s{number}") for number in range(AT_A_TIME + 50)]
    for number, ref in enumerate(refs):
        engine.secrets.put(ref.name, str(number).encode())
    gate = engine.secrets.faults["read", REGION] = Gate()
    wanted, query = [Wanted(ref) for ref in (*refs, *refs[:10])], engine.query()
    reading = asyncio.create_task(engine.read(wanted, Regions(REGION), query))
    await gate.reached.wait()
    waiting = [ref for ref in refs if not engine.reader.needs_call(ref, REGION, query)]
    assert len(waiting) == AT_A_TIME
    del engine.secrets.faults["read", REGION]
    gate.open()
    contents = [content(outcome) for outcome in await reading]
    assert contents == [str(number).encode() for number in (*range(len(refs)), *range(10))]
    assert engine.secrets.count("read") == len(refs), "equal refs are read once"


async def test_after_the_deadline_nothing_more_is_started(engine: FakeEngine) -> None:
    refs = [secret(f"s{number}") for number in range(3 * AT_A_TIME)]
    engine.secrets.faults["read", REGION] = Gate()
    query = engine.query(seconds=0.1)
    outcomes = await engine.read([Wanted(ref) for ref in refs], Regions(REGION), query)
    assert {type(error(outcome)) for outcome in outcomes} == {OutOfTime}
    assert len(outcomes) == len(refs)
    assert not engine.reader.needs_call(refs[0], REGION, query), "it ends in the next turn"
    assert engine.reader.needs_call(refs[-1], REGION, query)


async def test_a_first_read_asks_both_regions_and_the_primary_wins(engine: FakeEngine) -> None:
    outcome = await first(engine)
    assert isinstance(outcome, Found)
    assert (outcome.value.content, outcome.region) == (b"primary", REGION)
    assert engine.secrets.count("read", REGION) == engine.secrets.count("read", OTHER) == 1


@pytest.mark.parametrize("fault", [AwsUnavailable("503"), AwsThrottled("slow down")], ids=repr)
async def test_a_transient_failure_of_the_primary_is_covered(
    engine: FakeEngine, fault: ProviderError
) -> None:
    engine.secrets.faults["read", REGION] = fault
    outcome = await first(engine)
    assert isinstance(outcome, Found)
    assert (outcome.value.content, outcome.region) == (b"failover", OTHER)


async def test_a_transient_failure_of_the_failover_region_does_no_harm(engine: FakeEngine) -> None:
    engine.secrets.faults["read", OTHER] = AwsUnavailable("503")
    assert content(await first(engine)) == b"primary"


@pytest.mark.parametrize("region", [REGION, OTHER])
@pytest.mark.parametrize("fault", [AccessDenied("no"), SecretNotFound("gone")], ids=repr)
async def test_a_refusal_in_either_region_is_final(
    engine: FakeEngine, region: str, fault: ProviderError
) -> None:
    engine.secrets.faults["read", region] = fault
    assert repr(await first(engine)) == repr(Failed(region, fault))


async def test_when_both_regions_fail_both_are_named(engine: FakeEngine) -> None:
    engine.secrets.faults["read", REGION] = AwsUnavailable("connection refused")
    engine.secrets.faults["read", OTHER] = AwsThrottled("slow down")
    text = str(error(await first(engine)))
    assert "connection refused" in text
    assert "slow down" in text
    assert OTHER in text


@pytest.mark.parametrize(
    ("hanging", "delivered"), [(REGION, b"failover"), (OTHER, b"primary")], ids=["primary", "other"]
)
async def test_a_region_that_hangs_is_not_waited_for_long(
    engine: FakeEngine, hanging: str, delivered: bytes
) -> None:
    gate = Gate()
    engine.secrets.faults["read", hanging] = gate
    async with asyncio.timeout(20):
        (outcome,) = await engine.read([Wanted(DB)], BOTH, engine.query(seconds=3600))
    assert content(outcome) == delivered
    await turns()
    assert gate.cancelled == 1, "nobody waits for that call any more"


async def test_a_primary_that_fails_lets_the_other_region_take_its_time(
    engine: FakeEngine,
) -> None:
    engine = FakeEngine(grace=0, secrets=engine.secrets)
    gate = Gate()
    engine.secrets.faults = {("read", REGION): AwsUnavailable("503"), ("read", OTHER): gate}
    task = asyncio.create_task(first(engine))
    await gate.reached.wait()
    await asyncio.sleep(0.05)
    gate.open()
    assert content(await task) == b"failover"


async def test_the_failover_ref_is_asked_by_its_own_name(engine: FakeEngine) -> None:
    engine.secrets.put("db-copy", b"copy", region=OTHER)
    engine.secrets.faults["read", REGION] = AwsUnavailable("503")
    assert content(await first(engine, DB, secret("db-copy"))) == b"copy"


async def test_a_validation_asks_the_primary_alone(engine: FakeEngine) -> None:
    await first(engine)
    engine.secrets.calls.clear()
    assert content(await again(engine)) == b"primary"
    assert [(call.kind, call.region) for call in engine.secrets.calls] == [("describe", REGION)]


async def test_a_validation_asks_the_other_region_when_the_primary_fails(
    engine: FakeEngine,
) -> None:
    await first(engine)
    engine.secrets.faults["describe", REGION] = AwsUnavailable("503")
    assert content(await again(engine)) == b"failover"
    assert engine.secrets.count("describe", OTHER) == 1


async def test_a_validation_does_not_wait_for_a_primary_that_hangs(engine: FakeEngine) -> None:
    await first(engine)
    engine.secrets.faults["describe", REGION] = Gate()
    query = engine.query(Freshness.validated_since(monotonic()), seconds=3600)
    async with asyncio.timeout(20):
        (outcome,) = await engine.read([Wanted(DB)], BOTH, query)
    assert content(outcome) == b"failover"


async def test_within_the_interval_the_value_of_the_region_that_gave_it_is_remembered(
    engine: FakeEngine,
) -> None:
    engine.secrets.faults["read", REGION] = AwsUnavailable("503")
    await first(engine)
    engine.secrets.calls.clear()
    outcome = await again(engine, interval=60)
    assert isinstance(outcome, Found)
    assert (outcome.value.content, outcome.region) == (b"failover", OTHER)
    assert engine.secrets.calls == []


async def test_a_refusal_by_the_primary_fails_a_validation(engine: FakeEngine) -> None:
    await first(engine)
    engine.secrets.faults["read", REGION] = AccessDenied("no")
    engine.secrets.faults["describe", REGION] = AccessDenied("no")
    assert isinstance(error(await again(engine)), AccessDenied)


async def test_no_answer_by_the_deadline_is_an_error_of_the_ref(engine: FakeEngine) -> None:
    engine.secrets.faults["read", REGION] = Gate()
    query = engine.query(seconds=0.1)
    outcomes = await engine.read([Wanted(DB)], Regions(REGION), query)
    assert isinstance(error(outcomes[0]), OutOfTime)


async def test_a_request_with_more_time_is_not_cut_short_by_one_with_less(
    engine: FakeEngine,
) -> None:
    gate = Gate()
    engine.secrets.faults["read", REGION] = gate
    hasty = asyncio.create_task(
        engine.read([Wanted(DB)], Regions(REGION), engine.query(seconds=0.1))
    )
    await gate.reached.wait()
    query = engine.query(Freshness.asked_since(monotonic() - 0.5))
    patient = asyncio.create_task(engine.read([Wanted(DB)], Regions(REGION), query))
    assert isinstance(error((await hasty)[0]), OutOfTime)
    gate.open()
    assert content((await patient)[0]) == b"primary"
    assert engine.secrets.count("read") == 1


async def test_without_credentials_there_is_one_error_for_all(engine: FakeEngine) -> None:
    engine.source.error = RoleNotAssumable("no")
    with pytest.raises(RoleNotAssumable):
        await first(engine)


async def test_credentials_that_do_not_come_are_waited_for_until_the_deadline(
    engine: FakeEngine,
) -> None:
    engine.source.gate = Gate()
    with pytest.raises(OutOfTime, match="service account shop/web"):
        await engine.read([Wanted(DB)], BOTH, engine.query(seconds=0.1))


@pytest.mark.parametrize("interval", [None, 0.0], ids=["first", "again"])
async def test_whether_an_optional_ref_exists_the_primary_says(
    engine: FakeEngine, interval: float | None
) -> None:
    engine.secrets.put("only-there", b"x", region=OTHER)
    ref = optional(secret("only-there"))
    outcome = await (first(engine, ref) if interval is None else again(engine, interval, ref))
    assert isinstance(outcome, Found)
    assert not outcome.value.found
    assert outcome.region == REGION


async def test_a_primary_in_trouble_is_not_covered_by_a_region_without_the_secret(
    engine: FakeEngine,
) -> None:
    engine.secrets.faults["read", REGION] = AwsUnavailable("503")
    outcome = await first(engine, optional(secret("nowhere")))
    assert isinstance(error(outcome), AwsUnavailable)
    assert "no such secret" in str(error(outcome))


async def test_an_optional_ref_that_is_denied_in_the_failover_region_fails(
    engine: FakeEngine,
) -> None:
    engine.secrets.faults["read", OTHER] = AccessDenied("no")
    assert isinstance(error(await first(engine, optional(DB))), AccessDenied)


async def test_everything_in_memory_is_recalled_without_a_call(engine: FakeEngine) -> None:
    await first(engine)
    engine.secrets.calls.clear()
    freshness = Freshness.validated_since(monotonic() - 60)
    found = engine.reader.recall([Wanted(DB)], BOTH, identity(), freshness, Trace())
    assert found is not None
    assert content(found[0]) == b"primary"
    wanted = [Wanted(DB), Wanted(secret("other"))]
    assert engine.reader.recall(wanted, BOTH, identity(), freshness, Trace()) is None
    assert engine.reader.recall([Wanted(DB)], BOTH, identity("x"), freshness, Trace()) is None
    assert engine.secrets.calls == []


async def test_a_late_refusal_by_the_failover_region_still_counts(engine: FakeEngine) -> None:
    async def refuse_late() -> None:
        await turns()
        raise AccessDenied("no")

    engine.secrets.faults["read", OTHER] = refuse_late
    engine = FakeEngine(grace=20, secrets=engine.secrets)
    assert isinstance(error(await first(engine)), AccessDenied)


async def test_a_region_without_the_secret_does_not_hurry_the_primary(engine: FakeEngine) -> None:
    gate = engine.secrets.faults["read", REGION] = Gate()
    engine = FakeEngine(grace=0, secrets=engine.secrets)
    engine.secrets.put("only-here", b"x")
    task = asyncio.create_task(first(engine, optional(secret("only-here"))))
    await gate.reached.wait()
    await turns()
    gate.open()
    assert content(await task) == b"x"
