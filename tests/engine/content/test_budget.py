"""The budget that all content of one request shares."""

import pytest

from provider.engine.content.budget import Budget, TooCostly
from provider.errors import InvalidRequest, OutOfTime


def test_steps_are_shared_by_all_that_spend() -> None:
    budget = Budget(steps=10)
    budget.spend(6)
    budget.spend(4)
    with pytest.raises(TooCostly):
        budget.spend(1)


def test_bytes_are_bounded_too() -> None:
    budget = Budget(size=100)
    budget.spend(1, 100)
    with pytest.raises(TooCostly):
        budget.spend(1, 1)


def test_bytes_to_parse_cost_steps() -> None:
    budget = Budget(steps=100)
    budget.spend_on_bytes(1024)
    with pytest.raises(TooCostly):
        budget.spend_on_bytes(10 * 1024)


def test_the_deadline_is_checked_whenever_something_is_spent() -> None:
    now = 5.0
    budget = Budget(deadline=7.0, clock=lambda: now)
    budget.spend(1)
    now = 7.0
    with pytest.raises(OutOfTime):
        budget.spend(1)


def test_too_much_work_is_a_fault_of_the_request() -> None:
    assert issubclass(TooCostly, InvalidRequest)
