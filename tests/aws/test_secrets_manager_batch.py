"""Secrets by twenties: what a batch brings, and what happens where it may not be used."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from provider.aws.stores import secrets_manager_batch
from provider.aws.stores.secrets_manager_batch import DENIED_SECONDS, SecretsManagerBatch
from provider.engine.model import Retries, SecretRef, SecretValue
from provider.errors import (
    AccessDenied,
    AwsThrottled,
    AwsUnavailable,
    ProviderError,
    SecretNotFound,
)
from provider.runtime.transport import Reply, Request
from testbed import faults
from testbed.aws import allow
from testbed.aws.errors import throttled
from tests.aws.oracle import EMPTY, Answer, StubTransport, access, client
from tests.aws.reading import Reading
from tests.fakes.engine import Clock

ONLY_SINGLE = list(allow("*", "secretsmanager:GetSecretValue"))


def refs_of(*names: str) -> list[SecretRef]:
    return [SecretRef("secretsmanager", name) for name in names]


async def test_fifty_secrets_cost_three_calls(reading: Reading) -> None:
    names = [f"s{number}" for number in range(50)]
    for name in names:
        reading.aws.cloud.put_secret(name, name.upper())
    assert await reading.texts(refs_of(*names), reading.user()) == [name.upper() for name in names]
    assert reading.calls() == {"BatchGetSecretValue": 3}


async def test_one_secret_needs_no_right_to_batch(reading: Reading) -> None:
    reading.aws.cloud.put_secret("a", "x")
    assert await reading.texts(refs_of("a"), reading.user(ONLY_SINGLE)) == ["x"]
    assert reading.calls() == {"GetSecretValue": 1}


async def test_names_arns_and_bytes(reading: Reading) -> None:
    first = reading.aws.cloud.put_secret("team/a", b"\x00\xff")
    second = reading.aws.cloud.put_secret("b", "x")
    refs = refs_of("team/a", first.arn, first.arn[:-7], second.arn)
    outcomes = await reading.read(refs, reading.user())
    contents = [one.content for one in outcomes if isinstance(one, SecretValue)]
    assert contents == [b"\x00\xff"] * 3 + [b"x"]
    assert reading.calls() == {"BatchGetSecretValue": 1}


async def test_other_versions_are_read_beside_the_batch(reading: Reading) -> None:
    old = reading.aws.cloud.put_secret("a", "old").at("AWSCURRENT")
    reading.aws.cloud.put_secret("a", "new")
    reading.aws.cloud.put_secret("b", "other")
    assert old is not None
    refs = [
        SecretRef("secretsmanager", "a"),
        SecretRef("secretsmanager", "a", label="AWSPREVIOUS"),
        SecretRef("secretsmanager", "a", version=old.id),
        SecretRef("secretsmanager", "b", label="AWSCURRENT"),
    ]
    assert await reading.texts(refs, reading.user()) == ["new", "old", "old", "other"]
    assert reading.calls() == {"BatchGetSecretValue": 1, "GetSecretValue": 2}


async def test_each_secret_has_its_own_error(reading: Reading) -> None:
    cloud = reading.aws.cloud
    cloud.put_secret("good", "x")
    cloud.put_secret("gone", "x").deleted_at = time.time()
    cloud.put_secret("locked", "x").kms_denied = True
    cloud.put_secret("theirs", "x")
    user = reading.user(
        [
            *allow("*", "secretsmanager:BatchGetSecretValue"),
            *(
                right
                for name in ("good", "gone", "locked")
                for right in allow(f"*:secret:{name}-*", "secretsmanager:GetSecretValue")
            ),
            *allow("no", "secretsmanager:GetSecretValue"),
        ]
    )
    good, gone, locked, theirs, no = await reading.read(
        refs_of("good", "gone", "locked", "theirs", "no"), user
    )
    assert isinstance(good, SecretValue)
    assert isinstance(gone, SecretNotFound)
    assert "marked for deletion" in str(gone)
    assert isinstance(locked, AccessDenied)
    assert "kms:Decrypt" in str(locked)
    assert isinstance(theirs, AccessDenied)
    assert (
        "Allow secretsmanager:GetSecretValue on this resource to access keys of shop/keys."
        in str(theirs)
    )
    assert isinstance(no, SecretNotFound)
    assert reading.calls() == {"BatchGetSecretValue": 1}


async def test_a_deleted_secret_is_missing_when_it_is_read_alone(reading: Reading) -> None:
    reading.aws.cloud.put_secret("gone", "x").deleted_at = time.time()
    (gone,) = await reading.read(refs_of("gone"), reading.user())
    assert isinstance(gone, SecretNotFound)


async def test_a_denied_batch_costs_one_call_an_hour(reading: Reading) -> None:
    for name in ("a", "b", "c"):
        reading.aws.cloud.put_secret(name, name)
    user = reading.user(ONLY_SINGLE)
    for expected in ({"BatchGetSecretValue": 1, "GetSecretValue": 3}, {"GetSecretValue": 3}):
        assert await reading.texts(refs_of("a", "b", "c"), user) == ["a", "b", "c"]
        assert reading.calls() == expected
    await reading.texts(refs_of("a", "b"), reading.user(name="other"))
    assert reading.calls() == {"BatchGetSecretValue": 1}


async def test_batches_at_the_same_time_find_out_once(reading: Reading) -> None:
    for number in range(100):
        reading.aws.cloud.put_secret(f"s{number}", "x")
    refs = refs_of(*(f"s{number}" for number in range(100)))
    for may, expected in (
        (ONLY_SINGLE, {"BatchGetSecretValue": 1, "GetSecretValue": 100}),
        (None, {"BatchGetSecretValue": 5}),
    ):
        assert await reading.texts(refs, reading.user(may)) == ["x"] * 100
        assert reading.calls() == expected


async def test_a_first_batch_that_fails_holds_up_no_other(reading: Reading) -> None:
    for number in range(60):
        reading.aws.cloud.put_secret(f"s{number}", "x")
    refs = refs_of(*(f"s{number}" for number in range(60)))
    user = replace(reading.user(), retries=Retries(1))
    reading.aws.faults.inject(faults.failing(500), times=1)
    outcomes = await reading.texts(refs, user)
    assert sorted(set(outcomes)) == ["AwsUnavailable", "x"]
    assert outcomes.count("x") == 40


def value(name: str) -> dict[str, str]:
    arn = f"arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-AbCdEf"
    return {"ARN": arn, "Name": name, "SecretString": name, "VersionId": "v"}


def batch(*names: str, **more: object) -> Answer:
    return 200, json.dumps({"SecretValues": [value(name) for name in names], **more}).encode()


def failed(name: str, code: str, message: str = "") -> dict[str, str]:
    return {"SecretId": name, "ErrorCode": code, "Message": message}


def single(name: str) -> Answer:
    return 200, json.dumps(value(name)).encode()


DENIED: Answer = (400, b'{"__type": "AccessDeniedException", "Message": "no"}')


async def read(
    answers: Sequence[Answer], *names: str, clock: Clock | None = None
) -> tuple[list[SecretValue | ProviderError], list[str]]:
    """The outcomes, and the operations that were called."""
    transport = StubTransport(list(answers))
    store = SecretsManagerBatch(client(transport), clock or Clock())
    outcomes = await store.read(refs_of(*names), access())
    operations = [sent.headers["X-Amz-Target"].partition(".")[2] for sent in transport.sent]
    return [outcomes[ref] for ref in refs_of(*names)], operations


async def test_a_denial_is_forgotten_after_an_hour() -> None:
    clock = Clock()
    transport = StubTransport([DENIED, single("a"), single("b")] * 3)
    store = SecretsManagerBatch(client(transport), clock)
    sent = []
    for seconds in (0, DENIED_SECONDS - 1, 1):
        clock.now += seconds
        await store.read(refs_of("a", "b"), access())
        sent.append(len(transport.sent))
    assert sent == [3, 5, 8]


async def test_a_denial_concerns_one_region() -> None:
    transport = StubTransport([DENIED, single("a"), single("b"), batch("a", "b")])
    store = SecretsManagerBatch(client(transport), Clock())
    await store.read(refs_of("a", "b"), access())
    await store.read(refs_of("a", "b"), access("eu-west-2"))
    assert len(transport.sent) == 4


async def test_pages_are_put_together() -> None:
    answers = [batch("a", NextToken="more"), batch("b")]
    outcomes, operations = await read(answers, "a", "b")
    assert [one.content for one in outcomes if isinstance(one, SecretValue)] == [b"a", b"b"]
    assert operations == ["BatchGetSecretValue"] * 2


async def test_pages_end() -> None:
    """The last answer is repeated for ever."""
    outcomes, operations = await read([batch("a", "b", NextToken="more")], "a", "b")
    assert len(operations) == secrets_manager_batch.MAX_PAGES
    assert all(isinstance(one, SecretValue) for one in outcomes)


async def test_a_name_is_asked_for_once() -> None:
    transport = StubTransport([batch("a", "b")])
    refs = [*refs_of("a", "b"), SecretRef("secretsmanager", "a", optional=True)]
    outcomes = await SecretsManagerBatch(client(transport), Clock()).read(refs, access())
    assert len(outcomes) == 3
    assert json.loads(transport.sent[0].body) == {"SecretIdList": ["a", "b"]}


async def test_single_calls_in_flight_are_bounded_for_each_namespace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(secrets_manager_batch, "SINGLE_CALLS", 3)
    in_flight: list[int] = [0]

    async def transport(request: Request) -> Reply:
        if "Batch" in request.headers["X-Amz-Target"]:
            return Reply(DENIED[0], {}, DENIED[1])
        in_flight.append(in_flight.pop() + 1)
        most.append(in_flight[-1])
        for _ in range(5):
            await asyncio.sleep(0)
        in_flight.append(in_flight.pop() - 1)
        return Reply(200, {}, single(json.loads(request.body)["SecretId"])[1])

    most: list[int] = []
    store = SecretsManagerBatch(client(transport), Clock())
    refs = refs_of(*(f"s{number}" for number in range(20)))
    assert len(await store.read(refs, access())) == 20
    assert max(most) == 3
    both = [store.read(refs, replace(access(), tenant=tenant)) for tenant in ("shop", "bank")]
    assert [len(found) for found in await asyncio.gather(*both)] == [20, 20]
    assert max(most) == 6


async def test_a_message_is_one_bounded_line() -> None:
    failures = [failed("b", "ResourceNotFoundException", "no\nsuch " + "x" * 5000)]
    outcomes, _ = await read([batch("a", Errors=failures)], "a", "b")
    assert "\n" not in str(outcomes[1])
    assert len(str(outcomes[1])) < 1000


@pytest.mark.parametrize(
    "answer",
    [
        batch("a"),
        batch("a", Errors=[failed("b", "InternalServiceError")]),
        batch("a", Errors=[failed("b", "ThrottlingException")]),
    ],
    ids=["left out", "AWS fails", "throttled"],
)
async def test_what_a_batch_leaves_open_is_read_alone(answer: Answer) -> None:
    outcomes, operations = await read([answer, single("b")], "a", "b")
    assert all(isinstance(one, SecretValue) for one in outcomes)
    assert operations == ["BatchGetSecretValue", "GetSecretValue"]


async def test_a_refused_batch_is_read_one_by_one() -> None:
    refused = (400, b'{"__type": "InvalidParameterException", "Message": "Invalid name"}')
    outcomes, operations = await read([refused, single("a"), single("b")], "a", "b")
    assert all(isinstance(one, SecretValue) for one in outcomes)
    assert operations[0] == "BatchGetSecretValue"
    assert operations[1:] == ["GetSecretValue"] * 2


async def test_a_refusal_that_is_no_denial_is_not_remembered() -> None:
    refused = (400, b'{"__type": "InvalidParameterException", "Message": "Invalid name"}')
    transport = StubTransport([refused, single("a"), single("b"), batch("a", "b")])
    store = SecretsManagerBatch(client(transport), Clock())
    for _ in range(2):
        await store.read(refs_of("a", "b"), access())
    assert len(transport.sent) == 4


@pytest.mark.parametrize("code", ["InvalidRequestException", "InvalidParameterException"])
async def test_marked_for_deletion_in_either_error(code: str) -> None:
    text = "You can't perform this operation on the secret because it was marked for deletion."
    outcomes, _ = await read([batch("a", Errors=[failed("b", code, text)])], "a", "b")
    assert isinstance(outcomes[1], SecretNotFound)


@pytest.mark.parametrize(
    "document",
    [
        {"SecretValues": 7},
        {"SecretValues": [7]},
        {"SecretValues": [], "Errors": {"a": 1}},
    ],
)
async def test_garbage_is_aws_failing(document: object) -> None:
    with pytest.raises(AwsUnavailable):
        await read([(200, json.dumps(document).encode())], "a", "b")


async def test_a_value_that_cannot_be_decoded_quotes_nothing() -> None:
    broken = {**value("b"), "SecretString": "c4nary\ud800"}
    document = {"SecretValues": [value("a"), broken]}
    outcomes, _ = await read([(200, json.dumps(document).encode())], "a", "b")
    assert isinstance(outcomes[0], SecretValue)
    assert isinstance(outcomes[1], AwsUnavailable)
    assert "c4nary" not in str(outcomes[1])


async def test_an_empty_answer_is_read_alone() -> None:
    outcomes, operations = await read([EMPTY, single("a"), single("b")], "a", "b")
    assert all(isinstance(one, SecretValue) for one in outcomes)
    assert operations == ["BatchGetSecretValue", "GetSecretValue", "GetSecretValue"]


async def test_throttling_that_lasts_concerns_all(reading: Reading) -> None:
    reading.aws.faults.inject(throttled(), operation="BatchGetSecretValue")
    outcomes = await reading.read(refs_of("a", "b"), reading.user())
    assert [type(one) for one in outcomes] == [AwsThrottled] * 2
    assert reading.calls() == {"BatchGetSecretValue": 3}


async def test_one_hanging_secret_does_not_fail_the_others(reading: Reading) -> None:
    reading.aws.cloud.put_secret("a", "x")
    reading.aws.cloud.put_secret("b", "y")
    reading.aws.faults.inject(faults.failing(500), operation="GetSecretValue", target="b")
    outcomes = await reading.texts(refs_of("a", "b"), reading.user(ONLY_SINGLE))
    assert outcomes == ["x", "AwsUnavailable"]


async def test_expired_credentials_are_renewed_once(reading: Reading) -> None:
    reading.aws.cloud.put_secret("a", "x")
    user = reading.user()
    reading.aws.cloud.expire_sessions()
    outcomes = await reading.texts(refs_of("a", "b"), user)
    assert outcomes == ["CredentialsExpired"] * 2
    assert reading.calls() == {"BatchGetSecretValue": 2}
