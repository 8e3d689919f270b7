"""The memory of values: bounded for each request, and fair among tenants."""

from contextlib import ExitStack
from sys import getrefcount

import pytest

from provider.engine.model import SecretValue
from provider.engine.room import REQUESTS, Room, Rooms
from provider.errors import AnswerTooLarge, Overloaded, ProviderError, SecretNotFound


def value(size: int) -> SecretValue:
    return SecretValue(bytes(size), "1")


def fill(room: Room, size: int) -> type[ProviderError] | None:
    """Take one value; the kind of refusal, if there is one."""
    answer = room.take(value(size))
    return type(answer) if isinstance(answer, ProviderError) else None


def test_a_request_holds_no_more_than_its_limit() -> None:
    rooms = Rooms(100)
    with rooms.room("shop") as room:
        assert [fill(room, 60), fill(room, 60), fill(room, 40)] == [None, AnswerTooLarge, None]
        assert rooms.held == 100
    assert rooms.held == 0


def test_what_is_refused_stays_what_it_is() -> None:
    missing = SecretNotFound("gone")
    with Rooms(100).room("shop") as room:
        assert room.take(missing) is missing


def test_a_value_that_requests_share_counts_once() -> None:
    rooms, shared = Rooms(100), value(90)
    with rooms.room("shop") as first:
        first.take(shared)
        with rooms.room("shop") as second:
            second.take(shared)
            assert rooms.held == 90
        assert rooms.held == 90
    assert rooms.held == 0


def test_a_room_that_was_left_keeps_no_value() -> None:
    one = value(50)
    before = getrefcount(one.content)
    with Rooms(100).room("shop") as room:
        room.take(one)
    after = getrefcount(one.content)
    assert after == before


@pytest.mark.parametrize("hostile", [1, 5])
def test_tenants_that_hold_more_than_their_share_are_refused_and_no_others(hostile: int) -> None:
    rooms = Rooms(100)
    with ExitStack() as stack:
        names = [f"hostile-{number % hostile}" for number in range(100)]
        refused = [fill(stack.enter_context(rooms.room(name)), 50) for name in names]
        assert set(refused) == {None, Overloaded}
        assert rooms.held < 2 * REQUESTS * 100
        with rooms.room("shop") as room:
            assert fill(room, 50) is None
    assert rooms.held == 0
