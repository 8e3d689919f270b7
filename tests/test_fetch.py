"""One region or two: whose value wins, which faults are covered, which are final."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from provider.errors import (
    AccessDenied,
    AwsThrottled,
    AwsUnavailable,
    OutOfTime,
    ProviderError,
    SecretNotFound,
)
from provider.fetch import Fetched, ObjectFailure, Outcome, Regions
from provider.question import Freshness
from provider.csi.request.model import SecretObject
from provider.trail import Trail
from tests.engine import OTHER, REGION, Engine, identity, objects, optional, secret
from tests.fakes import Gate

BOTH = Regions(REGION, OTHER)
DB = objects(secret("db"), failover=True)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    engine.secrets.put("db", b"primary")
    engine.secrets.put("db", b"failover", region=OTHER)
    yield engine
    engine.close()


def first(engine: Engine, wanted: list[SecretObject] = DB, regions: Regions = BOTH) -> Outcome:
    return engine.fetcher.fetch(wanted, regions, engine.question())[0]


def again(engine: Engine, interval: float = 0) -> Outcome:
    question = engine.question(Freshness.remount(monotonic(), interval))
    return engine.fetcher.fetch(DB, BOTH, question)[0]


def content(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Fetched), outcome
    return outcome.value.content


def error(outcome: Outcome) -> ProviderError:
    assert isinstance(outcome, ObjectFailure)
    return outcome.error


def test_one_region_yields_an_outcome_per_object_in_order(engine: Engine) -> None:
    wanted = objects(secret("missing"), secret("db"), secret("gone"))
    outcomes = engine.fetcher.fetch(wanted, Regions(REGION), engine.question())
    assert isinstance(error(outcomes[0]), SecretNotFound)
    assert content(outcomes[1]) == b"primary"
    assert isinstance(error(outcomes[2]), SecretNotFound)


def test_a_first_mount_asks_both_regions_and_the_primary_wins(engine: Engine) -> None:
    outcome = first(engine)
    assert content(outcome) == b"primary"
    assert isinstance(outcome, Fetched)
    assert outcome.region == REGION
    assert engine.secrets.count("fetch", REGION) == engine.secrets.count("fetch", OTHER) == 1


@pytest.mark.parametrize("fault", [AwsUnavailable("503"), AwsThrottled("slow down")], ids=repr)
def test_a_blameless_fault_of_the_primary_is_covered(engine: Engine, fault: ProviderError) -> None:
    engine.secrets.faults["fetch", REGION] = fault
    outcome = first(engine)
    assert content(outcome) == b"failover"
    assert isinstance(outcome, Fetched)
    assert outcome.region == OTHER


def test_a_blameless_fault_of_the_failover_region_does_no_harm(engine: Engine) -> None:
    engine.secrets.faults["fetch", OTHER] = AwsUnavailable("503")
    assert content(first(engine)) == b"primary"


@pytest.mark.parametrize("region", [REGION, OTHER])
@pytest.mark.parametrize("fault", [AccessDenied("no"), SecretNotFound("gone")], ids=repr)
def test_a_refusal_in_either_region_is_final(
    engine: Engine, region: str, fault: ProviderError
) -> None:
    engine.secrets.faults["fetch", region] = fault
    outcome = first(engine)
    assert error(outcome) is fault
    assert isinstance(outcome, ObjectFailure)
    assert outcome.region == region


def test_when_both_regions_fail_both_are_told(engine: Engine) -> None:
    engine.secrets.faults["fetch", REGION] = AwsUnavailable("connection refused")
    engine.secrets.faults["fetch", OTHER] = AwsThrottled("slow down")
    text = str(error(first(engine)))
    assert "connection refused" in text
    assert "slow down" in text


@pytest.mark.parametrize(
    ("hanging", "delivered"), [(REGION, b"failover"), (OTHER, b"primary")], ids=["primary", "other"]
)
def test_a_region_that_hangs_is_not_waited_for_long(
    engine: Engine, hanging: str, delivered: bytes
) -> None:
    gate = Gate()
    engine.secrets.faults["fetch", hanging] = gate
    assert content(first(engine)) == delivered
    gate.open()


def test_a_primary_that_fails_lets_the_other_region_take_its_time(engine: Engine) -> None:
    engine.grace = 0
    gate = Gate()
    engine.secrets.faults = {("fetch", REGION): AwsUnavailable("503"), ("fetch", OTHER): gate}
    question = engine.question()
    answers = engine.lanes.submit("test", engine.fetcher.fetch, DB, BOTH, question)
    assert gate.reached.wait(5)
    gate.open()
    assert content(answers.result(5)[0]) == b"failover"


def test_a_failover_object_is_asked_by_its_own_name(engine: Engine) -> None:
    engine.secrets.put("db-copy", b"copy", region=OTHER)
    engine.secrets.faults["fetch", REGION] = AwsUnavailable("503")
    wanted = [SecretObject(0, secret("db"), secret("db-copy"), "db", 0o644)]
    assert content(first(engine, wanted)) == b"copy"


def test_a_remount_asks_the_primary_alone(engine: Engine) -> None:
    first(engine)
    engine.secrets.calls.clear()
    assert content(again(engine)) == b"primary"
    assert [(call.kind, call.region) for call in engine.secrets.calls] == [("describe", REGION)]


def test_a_remount_asks_the_other_region_when_the_primary_fails(engine: Engine) -> None:
    first(engine)
    engine.secrets.faults["describe", REGION] = AwsUnavailable("503")
    outcome = again(engine)
    assert content(outcome) == b"failover"
    assert engine.secrets.count("describe", OTHER) == 1


def test_a_remount_does_not_wait_for_a_primary_that_hangs(engine: Engine) -> None:
    first(engine)
    gate = Gate()
    engine.secrets.faults["describe", REGION] = gate
    assert content(again(engine)) == b"failover"
    gate.open()


def test_within_the_interval_the_delivered_regions_value_is_remembered(engine: Engine) -> None:
    engine.secrets.faults["fetch", REGION] = AwsUnavailable("503")
    first(engine)
    engine.secrets.calls.clear()
    recalled = engine.fetcher.recall(
        DB, BOTH, identity(), Freshness.remount(monotonic(), interval=60), Trail()
    )
    assert recalled is not None
    assert content(recalled[0]) == b"failover"
    assert engine.secrets.calls == []


def test_a_refusal_by_the_primary_fails_a_remount(engine: Engine) -> None:
    first(engine)
    engine.secrets.faults = {
        ("describe", REGION): SecretNotFound("gone"),
        ("fetch", REGION): SecretNotFound("gone"),
    }
    assert isinstance(error(again(engine)), SecretNotFound)
    assert engine.secrets.count("describe", OTHER) == 0


def test_no_answer_by_the_deadline_is_an_error_of_the_object(engine: Engine) -> None:
    gate = Gate()
    engine.secrets.faults["fetch", REGION] = gate
    question = engine.question(seconds=0.2)
    outcome = engine.fetcher.fetch(objects(secret("db")), Regions(REGION), question)[0]
    assert isinstance(error(outcome), OutOfTime)
    gate.open()


def test_a_question_that_ran_out_of_anothers_time_is_asked_again(engine: Engine) -> None:
    outcomes: list[ProviderError] = [OutOfTime("theirs")]

    def once() -> None:
        if outcomes:
            raise outcomes.pop()

    engine.secrets.faults["fetch", REGION] = once
    assert content(first(engine, objects(secret("db")), Regions(REGION))) == b"primary"


def test_a_failure_names_object_store_and_region(engine: Engine) -> None:
    outcome = first(engine, objects(secret("missing")), Regions(REGION))
    assert str(outcome).startswith('objects[0] "missing" (secretsmanager, eu-west-1): Resource')


OPTIONAL = objects(optional(secret("db")), failover=True)


def put_only(engine: Engine, *regions: str) -> None:
    engine.secrets.secrets = {(region, "db"): [region.encode()] for region in regions}


def outcome(engine: Engine, freshness: Freshness | None = None) -> Outcome:
    return engine.fetcher.fetch(OPTIONAL, BOTH, engine.question(freshness))[0]


@pytest.mark.parametrize(
    ("regions", "delivered"),
    [((), None), ((REGION,), REGION.encode()), ((OTHER,), None)],
    ids=["in neither", "in the primary alone", "in the failover region alone"],
)
@pytest.mark.parametrize("remount", [False, True], ids=["first mount", "remount"])
def test_whether_there_is_an_optional_object_the_primary_says(
    engine: Engine, regions: tuple[str, ...], delivered: bytes | None, remount: bool
) -> None:
    put_only(engine, *regions)
    found = outcome(engine, Freshness.remount(monotonic(), 0) if remount else None)
    assert isinstance(found, Fetched), found
    assert found.region == REGION
    assert (found.value.content if found.value.found else None) == delivered


@pytest.mark.parametrize("remount", [False, True], ids=["first mount", "remount"])
def test_a_primary_in_trouble_is_not_covered_by_there_is_none(
    engine: Engine, remount: bool
) -> None:
    put_only(engine, REGION)
    engine.secrets.faults["fetch", REGION] = AwsUnavailable("503")
    for _ in range(2):  # nor by what is remembered of it
        failure = outcome(engine, Freshness.remount(monotonic(), 60) if remount else None)
        assert isinstance(failure, ObjectFailure)
        assert isinstance(failure.error, AwsUnavailable)
        assert failure.region == REGION
        assert f"the failover region {OTHER} help: it has no such object" in str(failure)


def test_an_optional_object_of_the_failover_region_covers_for_the_primary(engine: Engine) -> None:
    engine.secrets.faults["fetch", REGION] = AwsUnavailable("503")
    assert content(outcome(engine)) == b"failover"


def test_an_optional_object_that_is_denied_in_the_failover_region_fails(engine: Engine) -> None:
    put_only(engine)
    engine.secrets.faults["fetch", OTHER] = AccessDenied("no")
    assert isinstance(error(outcome(engine)), AccessDenied)


def test_there_is_none_of_the_failover_region_does_not_hurry_the_primary(engine: Engine) -> None:
    engine.grace = 0
    put_only(engine, REGION)
    gate = Gate()
    engine.secrets.faults["fetch", REGION] = gate
    with ThreadPoolExecutor(1) as pod:
        waiting = pod.submit(outcome, engine)
        assert gate.reached.wait(5)
        gate.open()
        assert content(waiting.result(5)) == REGION.encode()
