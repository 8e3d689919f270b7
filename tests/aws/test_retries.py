"""Pauses and quota of retries."""

import pytest

from provider.aws import retries
from provider.aws.faults import Fault
from provider.aws.protocols import decode
from provider.runtime.transport import Reply

BROKEN = Fault("answer", "HTTP 500", status=500)
UNKNOWN_PROVIDER = Fault("answer", "InvalidIdentityToken", status=400)
THROTTLED = Fault("answer", "ThrottlingException", status=400)


@pytest.mark.parametrize(
    ("fault", "attempt", "longest"),
    [
        (BROKEN, 1, 0.05),
        (BROKEN, 2, 0.1),
        (THROTTLED, 1, 1.0),
        (THROTTLED, 2, 2.0),
        (BROKEN, 20, 20),
        (UNKNOWN_PROVIDER, 1, 1.0),
        (UNKNOWN_PROVIDER, 2, 2.0),
    ],
)
def test_waits_grow_and_are_jittered(fault: Fault, attempt: int, longest: float) -> None:
    assert retries.delay(fault, attempt, lambda: 1.0) == longest
    assert retries.delay(fault, attempt, lambda: 0.0) == 0


@pytest.mark.parametrize(("asked", "wait"), [(0.01, 0.05), (2.0, 2.0), (3600.0, 5.05)])
def test_the_delay_that_aws_asks_for_is_bounded(asked: float, wait: float) -> None:
    fault = Fault("answer", "HTTP 500", status=500, retry_after=asked)
    assert retries.delay(fault, 1, lambda: 1.0) == wait


@pytest.mark.parametrize(("header", "seconds"), [("1500", 1.5), ("9" * 5000, None), ("-1", None)])
def test_an_invalid_delay_is_ignored(header: str, seconds: float | None) -> None:
    with pytest.raises(Fault) as caught:
        decode("ssm", Reply(500, {"x-amz-retry-after": header}, b""))
    assert caught.value.retry_after == seconds


def test_what_a_retry_costs() -> None:
    costs = [retries.cost(fault) for fault in (BROKEN, THROTTLED, UNKNOWN_PROVIDER)]
    assert costs == [14, 5, 0]


def test_success_refills_the_quota_no_further_than_full() -> None:
    quota = retries.Quota()
    quota.give(100)
    assert quota.take(retries.CAPACITY)
    assert not quota.take(1)
    quota.give(2)
    assert quota.take(2)


@pytest.mark.parametrize(("text", "number"), [(None, 3), ("", 3), ("1", 1), ("7", 7)])
def test_aws_max_attempts(text: str | None, number: int) -> None:
    assert retries.max_attempts({} if text is None else {"AWS_MAX_ATTEMPTS": text}) == number


@pytest.mark.parametrize("text", ["0", "-1", "three", "³"])
def test_an_invalid_number_of_attempts_stops_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="AWS_MAX_ATTEMPTS"):
        retries.max_attempts({"AWS_MAX_ATTEMPTS": text})
