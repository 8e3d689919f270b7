"""What is read ahead: only what fits into calls that are made anyway."""

import pytest

from provider.controller.values.secret_reads import fill
from provider.engine.model import SecretRef


def secrets(*names: str) -> list[SecretRef]:
    return [SecretRef("secretsmanager", name) for name in names]


def numbered(store: str, count: int) -> list[SecretRef]:
    return [SecretRef(store, f"n{number}") for number in range(count)]  # type: ignore[arg-type]  # one of StoreName


@pytest.mark.parametrize(
    ("store", "own", "filled"),
    [
        ("secretsmanager", 1, 19),
        ("secretsmanager", 20, 0),
        ("secretsmanager", 21, 19),
        ("ssmparameter", 1, 9),
        ("ssmparameter", 10, 0),
        ("secretsmanager", 0, 0),
    ],
)
def test_the_last_batch_is_filled_up(store: str, own: int, filled: int) -> None:
    both = numbered(store, own + 50)
    assert fill(both[:own], both[own:]) == both[own : own + filled]


def test_what_is_asked_for_already_takes_no_room() -> None:
    own, other = secrets("a"), secrets("a", "b", "b")
    assert fill(own, other) == secrets("b")


def test_versions_of_secrets_are_neither_batched_nor_read_ahead() -> None:
    staged = [SecretRef("secretsmanager", "a", label="AWSPREVIOUS")]
    assert fill(staged, secrets("b")) == []
    assert fill(secrets("b"), staged) == []


def test_another_service_is_no_reason_to_read_ahead() -> None:
    assert fill(secrets("a"), numbered("ssmparameter", 5)) == []
