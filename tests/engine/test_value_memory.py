"""The memory of values: bounded for each request, and fair among tenants."""

from contextlib import ExitStack
from sys import getrefcount

import pytest

from provider.engine.model import SecretValue
from provider.engine.value_memory import REQUESTS, RequestMemory, ValueMemory
from provider.errors import AnswerTooLarge, Overloaded, ProviderError, SecretNotFound


def value(size: int) -> SecretValue:
    return SecretValue(bytes(size), "1")


def fill(request: RequestMemory, size: int) -> type[ProviderError] | None:
    """Take one value; the kind of refusal, if there is one."""
    answer = request.take(value(size))
    return type(answer) if isinstance(answer, ProviderError) else None


def test_a_request_holds_no_more_than_its_limit() -> None:
    memory = ValueMemory(100)
    with memory.request("shop") as request:
        assert [fill(request, 60), fill(request, 60), fill(request, 40)] == [
            None,
            AnswerTooLarge,
            None,
        ]
        assert memory.held == 100
    assert memory.held == 0


def test_what_is_refused_stays_what_it_is() -> None:
    missing = SecretNotFound("gone")
    with ValueMemory(100).request("shop") as request:
        assert request.take(missing) is missing


def test_a_value_that_requests_share_counts_once() -> None:
    memory, shared = ValueMemory(100), value(90)
    with memory.request("shop") as first:
        first.take(shared)
        with memory.request("shop") as second:
            second.take(shared)
            assert memory.held == 90
        assert memory.held == 90
    assert memory.held == 0


def test_a_released_request_keeps_no_value() -> None:
    one = value(50)
    before = getrefcount(one.content)
    with ValueMemory(100).request("shop") as request:
        request.take(one)
    after = getrefcount(one.content)
    assert after == before


@pytest.mark.parametrize("hostile", [1, 5])
def test_tenants_that_hold_more_than_their_share_are_refused_and_no_others(hostile: int) -> None:
    memory = ValueMemory(100)
    with ExitStack() as stack:
        names = [f"hostile-{number % hostile}" for number in range(100)]
        refused = [fill(stack.enter_context(memory.request(name)), 50) for name in names]
        assert set(refused) == {None, Overloaded}
        assert memory.held < 2 * REQUESTS * 100
        with memory.request("shop") as request:
            assert fill(request, 50) is None
    assert memory.held == 0
