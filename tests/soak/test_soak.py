"""A short soak in the suite; `make soak` runs long ones."""

from tests.soak.run import soak


def test_a_short_soak_finds_nothing() -> None:
    report = soak(seed=1, seconds=10)
    assert report.complaints == []
    assert report.outcomes["mounted"] > 100
    assert report.calls > 0
