"""A short soak in the suite; `make soak` runs long ones."""

from tests.soak.run import Pace, soak

QUICK = Pace(interval=0.5, timeout=2.0, storm=1.5, lull=3.5, pause=0.03)


def test_a_short_soak_finds_nothing() -> None:
    report = soak(seed=1, seconds=QUICK.storm + QUICK.lull, pace=QUICK)
    assert report.complaints == []
    assert report.outcomes["mounted"] > 10
    assert report.calls > 0
