"""Which calls the engine makes, and which values it may give."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from provider.engine.freshness import Freshness
from provider.engine.limits import REGIONS
from provider.engine.model import SecretRef, SecretValue
from provider.engine.value_cache import MOST_VALIDATIONS
from provider.engine.value_memory import ValueMemory
from provider.engine.values import Answer
from provider.errors import (
    AccessDenied,
    AnswerTooLarge,
    AwsUnavailable,
    CredentialsExpired,
    ProviderError,
    RoleNotAssumable,
    SecretNotFound,
)
from tests.fakes.engine import (
    OTHER,
    REGION,
    Clock,
    FakeEngine,
    FakeSource,
    Gate,
    identity,
    optional,
    parameter,
    secret,
)
from tests.waiting import turns

DB = secret("db")


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine(clock=Clock())
    engine.secrets.put("db", b"one")
    return engine


def _clock(engine: FakeEngine) -> Clock:
    assert isinstance(engine.clock, Clock)
    return engine.clock


async def _error(engine: FakeEngine, *, validating: bool = False) -> ProviderError:
    freshness = Freshness.validated_since(engine.clock()) if validating else None
    answer = (await engine.answers([DB], engine.query(freshness)))[0]
    assert isinstance(answer, ProviderError), answer
    return answer


async def test_a_first_read_asks_although_the_value_is_remembered(engine: FakeEngine) -> None:
    assert await engine.first([DB]) == [b"one"]
    _clock(engine).now += 1
    engine.secrets.put("db", b"two")
    assert await engine.first([DB]) == [b"two"]
    assert engine.secrets.count("read") == 2


async def test_a_first_read_freshens_what_others_get(engine: FakeEngine) -> None:
    await engine.first([DB])
    engine.secrets.put("db", b"two")
    _clock(engine).now += 1
    await engine.first([DB])
    assert await engine.again([DB], interval=10) == [b"two"]
    assert engine.secrets.count("describe") == 0


async def test_what_was_asked_for_since_the_given_moment_costs_no_call(engine: FakeEngine) -> None:
    await engine.first([DB])
    _clock(engine).now += 0.4
    query = engine.query(Freshness.asked_since(engine.clock() - 0.5))
    assert isinstance((await engine.answers([DB], query))[0], SecretValue)
    assert engine.secrets.count("read") == 1
    assert query.trace.counts() == {"calls": 0, "memory": 1}


async def test_a_crowd_makes_one_call(engine: FakeEngine) -> None:
    gate = Gate()
    engine.secrets.faults["read", REGION] = gate
    crowd = [asyncio.create_task(engine.first([DB])) for _ in range(20)]
    await gate.reached.wait()
    gate.open()
    assert await asyncio.gather(*crowd) == [[b"one"]] * 20
    assert engine.secrets.count("read") == 1
    assert Counter(engine.events) == {"fetched": 1, "joined": 19}


async def test_a_value_of_a_call_that_was_sent_before_is_as_old_as_its_question(
    engine: FakeEngine,
) -> None:
    gate = Gate()
    engine.secrets.faults["read", REGION] = gate
    first = asyncio.create_task(engine.first([DB]))
    await gate.reached.wait()
    asked_at = engine.clock()
    _clock(engine).now += 0.4
    query = engine.query(Freshness.asked_since(asked_at))
    second = asyncio.create_task(engine.answers([DB], query))
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(first, second)
    assert query.trace.current_at == asked_at
    assert query.trace.counts() == {"calls": 0, "joined": 1}


async def test_a_value_asked_for_before_a_change_is_not_given_to_a_request_after_it(
    engine: FakeEngine,
) -> None:
    gate = Gate()
    engine.secrets.faults["read", REGION] = gate
    before = asyncio.create_task(engine.first([DB]))
    await gate.reached.wait()
    _clock(engine).now += 1
    engine.secrets.put("db", b"two")
    after = asyncio.create_task(engine.first([DB]))
    while engine.secrets.count("read") < 2:
        await asyncio.sleep(0)
    gate.open()
    assert await before == [b"one"]
    assert await after == [b"two"]
    # The slow answer came last; it does not replace the newer one either.
    assert await engine.again([DB], interval=10) == [b"two"]


async def test_a_slow_answer_is_as_old_as_its_question(engine: FakeEngine) -> None:
    gate = Gate()
    engine.secrets.faults["read", REGION] = gate
    slow = asyncio.create_task(engine.first([DB]))
    await gate.reached.wait()
    asked_at = engine.clock()
    _clock(engine).now += 5
    gate.open()
    await slow
    query = engine.query(Freshness.asked_since(asked_at + 1))
    await engine.answers([DB], query)
    assert engine.secrets.count("read") == 2


async def test_one_slow_answer_does_not_hold_back_the_others(engine: FakeEngine) -> None:
    gate = Gate()
    engine.secrets.faults["read", REGION] = gate
    slow = asyncio.create_task(engine.first([DB]))
    await gate.reached.wait()
    del engine.secrets.faults["read", REGION]
    engine.secrets.put("quick", b"q")
    assert await engine.first([secret("quick")]) == [b"q"]
    gate.open()
    await slow


async def test_within_the_interval_no_call_is_made(engine: FakeEngine) -> None:
    await engine.first([DB])
    _clock(engine).now += 100
    engine.secrets.calls.clear()
    assert await engine.again([DB], interval=120) == [b"one"]
    assert engine.secrets.calls == []


async def test_an_unchanged_secret_costs_one_describe(engine: FakeEngine) -> None:
    await engine.first([DB])
    _clock(engine).now += 1
    assert await engine.again([DB]) == [b"one"]
    assert (engine.secrets.count("read"), engine.secrets.count("describe")) == (1, 1)


async def test_a_validation_counts_for_all_requests_of_the_identity(engine: FakeEngine) -> None:
    await engine.first([DB])
    _clock(engine).now += 100
    await engine.again([DB])
    _clock(engine).now += 5
    engine.secrets.calls.clear()
    assert await engine.again([DB], interval=10) == [b"one"]
    assert engine.secrets.calls == []


async def test_a_rotated_secret_is_read(engine: FakeEngine) -> None:
    await engine.first([DB])
    _clock(engine).now += 1
    engine.secrets.put("db", b"two")
    assert await engine.again([DB]) == [b"two"]
    assert (engine.secrets.count("read"), engine.secrets.count("describe")) == (2, 1)


async def test_after_many_validations_the_value_is_read_to_notice_revocation(
    engine: FakeEngine,
) -> None:
    await engine.first([DB])
    for _ in range(MOST_VALIDATIONS):
        _clock(engine).now += 1
        await engine.again([DB])
    assert engine.secrets.count("read") == 1
    engine.secrets.faults["read", REGION] = AccessDenied("no")
    _clock(engine).now += 1
    with pytest.raises(AccessDenied):
        await engine.again([DB])


async def test_without_permission_to_describe_it_reads_and_does_not_ask_again(
    engine: FakeEngine,
) -> None:
    engine.secrets.faults["describe", REGION] = AccessDenied("no")
    await engine.first([DB])
    for _ in range(3):
        _clock(engine).now += 1
        assert await engine.again([DB]) == [b"one"]
    assert (engine.secrets.count("read"), engine.secrets.count("describe")) == (4, 1)


async def test_a_version_id_needs_no_validation(engine: FakeEngine) -> None:
    pinned = secret("db", version="1")
    await engine.first([pinned])
    _clock(engine).now += 1000
    assert await engine.again([pinned]) == [b"one"]
    query = engine.query(Freshness.validated_since(engine.clock()))
    await engine.answers([pinned], query)
    assert query.trace.current_at == engine.clock()
    assert engine.secrets.count("describe") == 0
    assert engine.secrets.count("read") == 1


async def test_a_version_number_of_a_parameter_is_read_again(engine: FakeEngine) -> None:
    pinned = parameter("host", version="1")
    engine.parameters.put("host", b"old")
    await engine.first([pinned])
    engine.parameters.secrets.clear()
    engine.parameters.put("host", b"created anew")
    _clock(engine).now += 1
    assert await engine.again([pinned]) == [b"created anew"]


async def test_parameters_are_read_in_batches(engine: FakeEngine) -> None:
    refs = [parameter(f"p{number}") for number in range(12)]
    for ref in refs:
        engine.parameters.put(ref.name, ref.name.encode())
    assert await engine.first(refs) == [ref.name.encode() for ref in refs]
    assert sorted(len(call.names) for call in engine.parameters.calls) == [2, 10]
    engine.parameters.calls.clear()
    _clock(engine).now += 1
    await engine.again(refs)
    assert sorted(len(call.names) for call in engine.parameters.calls) == [2, 10]


async def test_equal_refs_are_asked_once(engine: FakeEngine) -> None:
    assert await engine.first([DB, DB]) == [b"one", b"one"]
    assert engine.secrets.count("read") == 1


@pytest.mark.parametrize(
    "other",
    [
        identity("other"),
        identity(role="arn:aws:iam::111122223333:role/x"),
        identity()._replace(subject="bank/web"),
        identity()._replace(partition="aws-cn"),
        identity()._replace(session="uid"),
        identity()._replace(kind="pod-identity"),
    ],
    ids=["account", "role", "namespace", "partition", "session", "kind"],
)
async def test_identities_that_differ_in_one_field_share_nothing(
    engine: FakeEngine, other: object
) -> None:
    assert type(other) is type(identity())
    await engine.first([DB])
    engine.secrets.calls.clear()
    await engine.again([DB], interval=1000, who=other)
    assert engine.secrets.count("read") == 1
    assert engine.secrets.calls[0].identity == other


@pytest.mark.parametrize("is_raised", [True, False], ids=["of a call", "of a ref"])
async def test_a_failure_keeps_no_frames(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, *, is_raised: bool
) -> None:
    """A request may have thousands of them at a time."""

    async def fail(refs: Sequence[SecretRef], _access: object) -> Mapping[SecretRef, Answer]:
        try:
            try:
                raise ValueError
            except ValueError as error:
                raise AccessDenied("no") from error
        except AccessDenied as denied:
            if is_raised:
                raise
            return dict.fromkeys(refs, denied)

    monkeypatch.setattr(engine.secrets, "read", fail)
    error = await _error(engine)
    assert type(error) is AccessDenied
    assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)


@pytest.mark.parametrize("error", [AccessDenied("no"), SecretNotFound("gone")], ids=repr)
async def test_a_refusal_is_an_answer_and_forgets_the_value(
    engine: FakeEngine, error: ProviderError
) -> None:
    await engine.first([DB])
    _clock(engine).now += 1
    engine.secrets.faults["read", REGION] = error
    assert repr(await _error(engine)) == repr(error)
    engine.secrets.faults["describe", REGION] = AwsUnavailable("503")
    del engine.secrets.faults["read", REGION]
    # Forgotten: a validation is not enough any more, the value is read.
    assert await engine.again([DB]) == [b"one"]


async def test_a_transient_failure_forgets_nothing(engine: FakeEngine) -> None:
    await engine.first([DB])
    _clock(engine).now += 1
    engine.secrets.faults["describe", REGION] = AwsUnavailable("503")
    assert isinstance(await _error(engine, validating=True), AwsUnavailable)
    assert await engine.again([DB], interval=10) == [b"one"]


async def test_a_failed_validation_is_not_remembered(engine: FakeEngine) -> None:
    await engine.first([DB])
    _clock(engine).now += 1
    engine.secrets.faults["describe", REGION] = AwsUnavailable("503")
    await _error(engine, validating=True)
    del engine.secrets.faults["describe", REGION]
    assert await engine.again([DB]) == [b"one"]
    assert engine.secrets.count("describe") == 2


async def test_one_missing_parameter_does_not_fail_its_batch(engine: FakeEngine) -> None:
    engine.parameters.put("there", b"x")
    answers = await engine.answers([parameter("there"), parameter("gone")], engine.query())
    assert isinstance(answers[0], SecretValue)
    assert isinstance(answers[1], SecretNotFound)


async def test_expired_credentials_are_renewed_once(engine: FakeEngine) -> None:
    engine.secrets.expired.add("AKIA1")
    assert await engine.first([DB]) == [b"one"]
    assert [call.access_key_id for call in engine.secrets.calls] == ["AKIA1", "AKIA2"]


async def test_credentials_that_stay_expired_are_an_error_and_not_a_loop(
    engine: FakeEngine,
) -> None:
    engine.secrets.expired.update(f"AKIA{number}" for number in range(9))
    assert isinstance(await _error(engine), CredentialsExpired)
    assert engine.secrets.count("read") == 2


async def test_without_credentials_nothing_is_asked(engine: FakeEngine) -> None:
    engine.source.error = RoleNotAssumable("no")
    assert isinstance(await _error(engine), RoleNotAssumable)
    assert engine.secrets.calls == []


async def test_a_bug_in_a_store_reaches_every_waiter(engine: FakeEngine) -> None:
    engine.secrets.faults["read", REGION] = ZeroDivisionError("bug")
    waiting = [asyncio.create_task(engine.first([DB])) for _ in range(3)]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [ZeroDivisionError] * 3
    del engine.secrets.faults["read", REGION]
    assert await engine.first([DB]) == [b"one"]


async def test_with_the_cache_off_every_request_reads() -> None:
    engine = FakeEngine(max_bytes=0)
    engine.secrets.put("db", b"one")
    await engine.first([DB])
    await engine.again([DB], interval=1000)
    assert engine.secrets.count("read") == 2


async def test_validations_of_one_moment_are_shared(engine: FakeEngine) -> None:
    await engine.first([DB])
    _clock(engine).now += 1
    gate = Gate()
    engine.secrets.faults["describe", REGION] = gate
    crowd = [asyncio.create_task(engine.again([DB])) for _ in range(9)]
    await gate.reached.wait()
    gate.open()
    assert await asyncio.gather(*crowd) == [[b"one"]] * 9
    assert engine.secrets.count("describe") == 1


async def test_a_first_read_does_not_join_a_validation(engine: FakeEngine) -> None:
    await engine.first([DB])
    _clock(engine).now += 1
    gate = Gate()
    engine.secrets.faults["describe", REGION] = gate
    validation = asyncio.create_task(engine.again([DB]))
    await gate.reached.wait()
    assert await engine.first([DB]) == [b"one"]
    assert engine.secrets.count("read") == 2
    gate.open()
    assert await validation == [b"one"]


async def test_a_validation_does_not_bring_back_what_a_refusal_has_ended(
    engine: FakeEngine,
) -> None:
    await engine.first([DB])
    _clock(engine).now += 1
    describing = engine.secrets.faults["describe", REGION] = Gate()
    validation = asyncio.create_task(engine.again([DB]))
    await describing.reached.wait()
    engine.secrets.faults["read", REGION] = AccessDenied("revoked")
    assert isinstance(await _error(engine), AccessDenied)
    describing.open()
    with pytest.raises(AccessDenied):
        await validation
    with pytest.raises(AccessDenied):
        await engine.again([DB], interval=10)


async def test_a_validation_that_finds_a_change_joins_a_read_in_flight(
    engine: FakeEngine,
) -> None:
    await engine.first([DB])
    _clock(engine).now += 1
    engine.secrets.put("db", b"two")
    describing, reading = Gate(), Gate()
    engine.secrets.faults = {("describe", REGION): describing, ("read", REGION): reading}
    query = engine.query(Freshness.validated_since(engine.clock()))
    validation = asyncio.create_task(engine.answers([DB], query))
    await describing.reached.wait()
    read = asyncio.create_task(engine.first([DB]))
    await reading.reached.wait()
    describing.open()
    await asyncio.sleep(0)
    reading.open()
    assert await validation == [SecretValue(b"two", "2")]
    assert await read == [b"two"]
    assert engine.secrets.count("read") == 2
    assert query.trace.counts() == {"calls": 1, "joined": 1}
    assert query.trace.current_at == engine.clock()


async def test_a_call_goes_on_while_anybody_waits_and_no_longer(engine: FakeEngine) -> None:
    gate = Gate()
    engine.secrets.faults["read", REGION] = gate
    first = asyncio.create_task(engine.first([DB]))
    second = asyncio.create_task(engine.first([DB]))
    await gate.reached.wait()
    first.cancel()
    await turns()
    assert gate.cancelled == 0
    second.cancel()
    await turns()
    assert gate.cancelled == 1
    del engine.secrets.faults["read", REGION]
    assert await engine.first([DB]) == [b"one"]


async def test_no_call_is_ever_made_with_another_identitys_credentials() -> None:
    engine = FakeEngine()
    engine.secrets.put("db", b"x")
    sources = {name: FakeSource(name) for name in ("A", "B", "C")}

    async def read(name: str) -> list[Answer]:
        return await engine.answers([DB], engine.query(who=identity(name), source=sources[name]))

    for _ in range(5):
        await asyncio.gather(*(read(name) for name in sources for _ in range(4)))
    assert {
        (call.identity.subject.removeprefix("shop/"), call.access_key_id[0])
        for call in engine.secrets.calls
    } == {(name, name) for name in sources}


async def test_that_an_optional_secret_does_not_exist_is_an_answer(engine: FakeEngine) -> None:
    answer = (await engine.answers([optional(secret("no"))], engine.query()))[0]
    assert isinstance(answer, SecretValue)
    assert not answer.found


async def test_a_required_secret_is_asked_for_whatever_an_optional_one_was(
    engine: FakeEngine,
) -> None:
    await engine.first([optional(secret("no"))])
    with pytest.raises(SecretNotFound):
        await engine.again([secret("no")], interval=1000)


async def test_that_it_does_not_exist_holds_within_the_interval_and_no_longer(
    engine: FakeEngine,
) -> None:
    ref = optional(secret("late"))
    await engine.first([ref])
    engine.secrets.put("late", b"x")
    _clock(engine).now += 5
    assert await engine.again([ref], interval=10) == [b""]
    assert await engine.again([ref], interval=1) == [b"x"]


async def test_an_optional_secret_that_is_deleted_is_missing_from_then_on(
    engine: FakeEngine,
) -> None:
    ref = optional(DB)
    assert await engine.first([ref]) == [b"one"]
    engine.secrets.secrets.clear()
    _clock(engine).now += 1
    assert await engine.again([ref]) == [b""]


@pytest.mark.parametrize("error", [AccessDenied("no"), AwsUnavailable("503")], ids=repr)
async def test_an_optional_secret_that_is_denied_or_broken_fails(
    engine: FakeEngine, error: ProviderError
) -> None:
    engine.secrets.faults["read", REGION] = error
    with pytest.raises(type(error)):
        await engine.first([optional(DB)])


async def test_one_identity_does_not_take_all_calls_of_a_region() -> None:
    engine = FakeEngine(max_calls=8)
    gate = Gate()
    for number in range(50):
        engine.secrets.put(f"s{number}", b"x")
    engine.secrets.faults["read", REGION] = gate
    greedy = asyncio.create_task(engine.first([secret(f"s{n}") for n in range(50)]))
    await gate.reached.wait()
    await turns()
    assert engine.secrets.count("read") == 3
    del engine.secrets.faults["read", REGION]
    engine.secrets.put("mine", b"m")
    assert await engine.first([secret("mine")], who=identity("honest")) == [b"m"]
    gate.open()
    await greedy


async def test_the_identities_of_a_namespace_do_not_take_all_calls_of_a_region() -> None:
    engine = FakeEngine(max_calls=8)
    gate = Gate()
    engine.secrets.put("db", b"there")
    engine.secrets.faults["read", REGION] = gate
    evil = [identity(subject=f"evil/{number}") for number in range(50)]
    greedy = [asyncio.create_task(engine.first([DB], who)) for who in evil]
    await gate.reached.wait()
    await turns()
    assert engine.secrets.count("read") == 4
    del engine.secrets.faults["read", REGION]
    assert await engine.first([DB]) == [b"there"]
    gate.open()
    await asyncio.gather(*greedy)


async def test_regions_that_hang_for_a_namespace_leave_calls_to_others() -> None:
    engine = FakeEngine(max_calls=1)
    gate = Gate()
    regions = [f"eu-hang-{number}" for number in range(REGIONS)]
    for region in regions:
        engine.secrets.faults["read", region] = gate
    engine.secrets.put("db", b"there")
    query = engine.query(who=identity(subject="evil/web"))
    futures = [engine.values.read([DB], region, query)[DB] for region in regions]
    await gate.reached.wait()
    await turns()
    assert engine.secrets.count("read") == REGIONS // 2
    assert await engine.first([DB]) == [b"there"]
    for number in range(6):
        region = f"eu-more-{number}"
        engine.secrets.faults["read", region] = gate
        query = engine.query(who=identity(subject=f"other-{number}/web"))
        futures += [engine.values.read([DB], region, query)[DB]]
    await turns()
    assert engine.secrets.count("read") == REGIONS + 1, "one of them is done"
    for future in futures:
        future.cancel()


async def test_values_that_do_not_fit_into_a_request_are_refused_to_it_alone() -> None:
    engine = FakeEngine()
    for name in ("a", "b", "c"):
        engine.secrets.put(name, bytes(40))
    refs = [secret(name) for name in ("a", "b", "c")]
    with ValueMemory(100).request("shop") as memory:
        hungry, modest = replace(engine.query(), memory=memory), engine.query()
        futures = engine.values.read(refs, REGION, hungry)
        others = engine.values.read(refs, REGION, modest)
        answers = [type(await future) for future in futures.values()]
        assert sorted(one.__name__ for one in answers) == [
            "AnswerTooLarge",
            "SecretValue",
            "SecretValue",
        ]
        assert {type(await future) for future in others.values()} == {SecretValue}
        remembered = engine.values.read(refs, REGION, hungry)
        assert {type(await future) for future in remembered.values()} == {AnswerTooLarge}


async def test_a_region_that_hangs_does_not_hold_back_another() -> None:
    engine = FakeEngine(max_calls=2)
    gate = Gate()
    engine.secrets.faults["read", REGION] = gate
    engine.secrets.put("db", b"there", region=OTHER)
    hanging = [
        asyncio.create_task(engine.first([DB], identity(subject=f"hangs-{number}/web")))
        for number in range(2 * REGIONS + 1)
    ]
    await gate.reached.wait()
    futures = engine.values.read([DB], OTHER, engine.query())
    answer = await futures[DB]
    assert isinstance(answer, SecretValue)
    gate.open()
    await asyncio.gather(*hanging, return_exceptions=True)
