"""Asking one region: freshness, single flight, validation, batches, renewal."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from provider.errors import (
    AccessDenied,
    AwsUnavailable,
    CredentialsExpired,
    ProviderError,
    SecretNotFound,
    TokenRejected,
)
from provider.question import Freshness
from tests.engine import REGION, Engine, identity, optional, parameter, secret
from tests.fakes import FakeSource, FakeStore, Gate


@pytest.fixture(params=[0, 10**6], ids=["each in a thread", "sent ahead"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Whether questions wait for a connection or are sent ahead makes no difference."""
    engine = Engine()
    engine.secrets.ready = request.param
    engine.secrets.put("db", b"one")
    yield engine
    engine.close()


def test_a_first_mount_fetches_although_the_value_is_remembered(engine: Engine) -> None:
    engine.first([secret("db")])
    engine.secrets.put("db", b"two")
    assert engine.first([secret("db")]) == [b"two"]
    assert engine.secrets.count("fetch") == 2


def test_a_first_mount_freshens_what_others_are_given(engine: Engine) -> None:
    engine.first([secret("db")])
    engine.secrets.put("db", b"two")
    engine.first([secret("db")])
    assert engine.again([secret("db")], interval=60) == [b"two"]
    assert engine.secrets.count("fetch") == 2
    assert engine.secrets.count("describe") == 0


def test_a_first_mount_that_waited_takes_what_was_fetched_meanwhile(engine: Engine) -> None:
    arrived = monotonic()
    engine.first([secret("db")])
    question = engine.question(Freshness.first_mount(arrived))
    engine.asker.ask([secret("db")], REGION, question)[secret("db")].result(5)
    assert engine.secrets.count("fetch") == 1


def test_a_first_mount_joins_a_fetch_in_flight(engine: Engine) -> None:
    gate = Gate()
    engine.secrets.faults["fetch", REGION] = gate
    with ThreadPoolExecutor(4) as pods:
        waiting = [pods.submit(engine.first, [secret("db")]) for _ in range(4)]
        assert gate.reached.wait(5)
        while engine.events.count("joined") < 3:
            pass
        gate.open()
        assert [one.result(5) for one in waiting] == [[b"one"]] * 4
    assert engine.secrets.count("fetch") == 1


def test_within_the_interval_a_remount_makes_no_call(engine: Engine) -> None:
    engine.first([secret("db")])
    engine.secrets.put("db", b"two")
    assert engine.again([secret("db")], interval=60) == [b"one"]
    assert len(engine.secrets.calls) == 1


def test_past_the_interval_an_unchanged_secret_costs_one_describe(engine: Engine) -> None:
    engine.first([secret("db")])
    assert engine.again([secret("db")]) == [b"one"]
    assert engine.secrets.count("fetch") == 1
    assert engine.secrets.count("describe") == 1


def test_a_validation_counts_for_all_pods_of_the_identity(engine: Engine) -> None:
    engine.first([secret("db")])
    engine.again([secret("db")])
    engine.again([secret("db")], interval=60)
    assert engine.secrets.count("describe") == 1


def test_past_the_interval_a_rotated_secret_is_fetched(engine: Engine) -> None:
    engine.first([secret("db")])
    engine.secrets.put("db", b"two")
    assert engine.again([secret("db")]) == [b"two"]
    assert engine.again([secret("db")], interval=60) == [b"two"]
    assert engine.secrets.count("fetch") == 2


def test_without_permission_to_describe_it_fetches_and_does_not_ask_again(engine: Engine) -> None:
    engine.secrets.faults["describe", REGION] = AccessDenied("no")
    engine.first([secret("db")])
    for _ in range(3):
        assert engine.again([secret("db")]) == [b"one"]
    assert engine.secrets.count("describe") == 1
    assert engine.secrets.count("fetch") == 4


def test_a_pinned_version_needs_no_question(engine: Engine) -> None:
    engine.secrets.put("db", b"two")
    engine.first([secret("db", version="1")])
    assert engine.again([secret("db", version="1")]) == [b"one"]
    assert len(engine.secrets.calls) == 1


def test_a_pinned_version_with_a_label_is_validated(engine: Engine) -> None:
    pinned = secret("db", version="1", label="AWSCURRENT")
    engine.first([pinned])
    engine.again([pinned])
    assert engine.secrets.count("describe") == 1


def test_parameters_are_fetched_again_in_one_batch(engine: Engine) -> None:
    names = [parameter(f"p{number}") for number in range(12)]
    for name in names:
        engine.parameters.put(name.name, name.name.encode())
    engine.first(names)
    assert sorted(len(call.names) for call in engine.parameters.calls) == [2, 10]
    engine.parameters.calls.clear()
    assert engine.again(names) == [name.name.encode() for name in names]
    assert sorted(len(call.names) for call in engine.parameters.calls) == [2, 10]


def test_equal_refs_are_asked_once(engine: Engine) -> None:
    assert engine.first([secret("db"), secret("db")]) == [b"one", b"one"]
    assert engine.secrets.count("fetch") == 1


def test_another_identity_never_profits_from_memory(engine: Engine) -> None:
    engine.first([secret("db")], who=identity("web"))
    engine.secrets.faults["fetch", REGION] = AccessDenied("no")
    with pytest.raises(AccessDenied):
        engine.again([secret("db")], interval=60, who=identity("intruder"))


@pytest.mark.parametrize(
    "changed",
    [
        {"role": "arn:aws:iam::111122223333:role/other"},
        {"pod_uid": "another-pod"},
    ],
    ids=["role", "pod"],
)
def test_identities_that_differ_in_one_field_share_nothing(
    engine: Engine, changed: dict[str, str]
) -> None:
    engine.first([secret("db")])
    engine.again([secret("db")], interval=60, who=identity(**changed))
    assert engine.secrets.count("fetch") == 2


@pytest.mark.parametrize("error", [SecretNotFound("gone"), AccessDenied("revoked")], ids=repr)
def test_a_refusal_is_told_and_forgets_the_value(engine: Engine, error: ProviderError) -> None:
    engine.first([secret("db")])
    engine.secrets.faults = {("describe", REGION): error, ("fetch", REGION): error}
    with pytest.raises(type(error)):
        engine.again([secret("db")])
    engine.secrets.faults.clear()
    engine.again([secret("db")], interval=60)
    assert engine.secrets.calls[-1].kind == "fetch"


def test_a_failed_validation_is_not_remembered(engine: Engine) -> None:
    engine.first([secret("db")])
    engine.secrets.faults["describe", REGION] = AwsUnavailable("503")
    with pytest.raises(AwsUnavailable):
        engine.again([secret("db")])
    engine.secrets.faults.clear()
    engine.secrets.calls.clear()
    assert engine.again([secret("db")]) == [b"one"]
    assert [call.kind for call in engine.secrets.calls] == ["describe"]


def test_one_missing_parameter_does_not_spoil_its_batch(engine: Engine) -> None:
    engine.parameters.put("there", b"value")
    there, missing = parameter("there"), parameter("missing")
    answers = engine.asker.ask([there, missing], REGION, engine.question())
    assert answers[there].result(5).content == b"value"
    with pytest.raises(SecretNotFound):
        answers[missing].result(5)


def test_expired_credentials_are_renewed_once(engine: Engine) -> None:
    engine.secrets.expired.add("AKIA1")
    assert engine.first([secret("db")]) == [b"one"]
    assert engine.source.given == 2
    assert [call.access_key_id for call in engine.secrets.calls] == ["AKIA1", "AKIA2"]


def test_credentials_that_stay_expired_are_an_error_and_not_a_loop(engine: Engine) -> None:
    engine.secrets.faults["fetch", REGION] = CredentialsExpired("still")
    with pytest.raises(CredentialsExpired):
        engine.first([secret("db")])
    assert engine.secrets.count("fetch") <= 3


def test_without_credentials_nothing_is_asked(engine: Engine) -> None:
    engine.source.error = TokenRejected("wrong audience")
    with pytest.raises(TokenRejected):
        engine.first([secret("db")])
    engine.source.error = None
    assert engine.first([secret("db")]) == [b"one"]
    assert engine.secrets.count("fetch") == 1


def test_a_bug_in_a_store_wakes_all_who_wait(engine: Engine) -> None:
    def bug() -> None:
        raise ZeroDivisionError

    engine.secrets.faults["fetch", REGION] = bug
    with pytest.raises(ZeroDivisionError):
        engine.first([secret("db")])
    engine.secrets.faults.clear()
    assert engine.first([secret("db")]) == [b"one"]


def test_with_the_memory_off_every_remount_fetches() -> None:
    engine = Engine(max_bytes=0)
    engine.secrets.put("db", b"one")
    engine.first([secret("db")])
    engine.again([secret("db")], interval=60)
    assert [call.kind for call in engine.secrets.calls] == ["fetch", "fetch"]
    engine.close()


def test_remounts_of_one_moment_share_their_validation(engine: Engine) -> None:
    engine.first([secret("db")])
    arrived = monotonic()
    for _ in range(5):
        question = engine.question(Freshness.remount(arrived, interval=0))
        engine.asker.ask([secret("db")], REGION, question)[secret("db")].result(5)
    assert engine.secrets.count("describe") == 1


def test_a_validation_that_finds_a_change_joins_a_fetch_in_flight(engine: Engine) -> None:
    engine.first([secret("db")])
    engine.secrets.put("db", b"two")
    describing, fetching = Gate(), Gate()
    engine.secrets.faults = {("describe", REGION): describing, ("fetch", REGION): fetching}
    with ThreadPoolExecutor(2) as pods:
        remount = pods.submit(engine.again, [secret("db")])
        assert describing.reached.wait(5)
        first = pods.submit(engine.first, [secret("db")])
        assert fetching.reached.wait(5)
        describing.open()
        fetching.open()
        assert remount.result(5) == first.result(5) == [b"two"]
    assert engine.secrets.count("fetch") == 2


def test_no_call_is_ever_made_with_another_identitys_credentials() -> None:
    """32 threads, 40 identities, expiring credentials and faults: each call as its own identity."""
    secrets = FakeStore()
    engine = Engine(secrets)
    who = [identity(f"sa{number}") for number in range(40)]
    sources = {one: FakeSource(f"{one.service_account}/") for one in who}
    secrets.put("db", b"one")
    secrets.expired.update(f"sa{number}/{given}" for number in range(40) for given in (1, 3))

    def mount(number: int) -> None:
        one = who[number % 40]
        engine_question = engine.question(who=one)
        question = type(engine_question)(
            type(engine_question.principal)(one, sources[one]),
            engine_question.freshness,
            engine_question.deadline,
        )
        engine.asker.ask([secret("db")], REGION, question)[secret("db")].result(5)

    with ThreadPoolExecutor(32) as pods:
        list(pods.map(mount, range(800)))
    assert secrets.calls
    for call in secrets.calls:
        assert call.access_key_id.startswith(f"{call.identity.service_account}/")
    engine.close()


GONE = optional(secret("gone"))


def test_of_an_optional_secret_that_there_is_none_is_an_answer(engine: Engine) -> None:
    assert engine.found([GONE, optional(secret("db"))]) == [False, True]
    assert sorted(engine.events) == ["fetched", "missing"]


def test_a_required_secret_is_asked_for_anew_whatever_an_optional_one_came_to(
    engine: Engine,
) -> None:
    engine.found([GONE])
    with pytest.raises(SecretNotFound):
        engine.again([secret("gone")], interval=60)


@pytest.mark.parametrize("version", [None, "1"], ids=["current", "pinned"])
def test_that_there_is_none_holds_within_the_interval_and_no_longer(
    engine: Engine, version: str | None
) -> None:
    gone = optional(secret("gone", version))
    engine.found([gone])
    engine.secrets.put("gone", b"here")
    assert engine.again([gone], interval=60) == [b""]
    assert engine.secrets.count("fetch") == 1
    assert engine.again([gone], interval=0) == [b"here"]
    assert engine.secrets.count("fetch") == 2
    assert engine.secrets.count("describe") == 0


def test_a_first_mount_asks_whether_there_is_one_by_now(engine: Engine) -> None:
    engine.found([GONE])
    engine.secrets.put("gone", b"here")
    assert engine.first([GONE]) == [b"here"]


def test_an_optional_secret_that_goes_away_is_missing_from_then_on(engine: Engine) -> None:
    ref = optional(secret("db"))
    engine.first([ref])
    del engine.secrets.secrets[REGION, "db"]
    assert engine.again([ref]) == [b""]
    assert engine.again([ref], interval=60) == [b""]
    assert engine.secrets.count("fetch") == 2


@pytest.mark.parametrize("fault", [AccessDenied("no"), AwsUnavailable("503")], ids=repr)
def test_an_optional_secret_that_is_denied_or_broken_fails(
    engine: Engine, fault: ProviderError
) -> None:
    engine.secrets.faults["fetch", REGION] = fault
    with pytest.raises(type(fault)):
        engine.first([GONE])


def test_what_is_missing_takes_a_bounded_room(engine: Engine) -> None:
    engine.found([optional(secret(f"gone-{number}")) for number in range(3000)])
    entries, size = engine.memory.size()
    assert 0 < entries < 3000
    assert size <= engine.max_bytes
