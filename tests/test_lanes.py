"""A region that hangs holds up nobody but itself, and the number of threads is bounded."""

from threading import active_count

from provider.lanes import MAX_LANES, Lanes
from tests.fakes import Gate


def test_a_full_lane_does_not_hold_up_another() -> None:
    lanes, gate = Lanes(width=2), Gate()
    for _ in range(5):
        lanes.submit("eu-west-1", gate)
    assert lanes.submit("eu-west-2", lambda: "answer").result(5) == "answer"
    gate.open()
    lanes.close()


def test_many_regions_share_a_bounded_number_of_threads() -> None:
    lanes, gate = Lanes(width=2), Gate()
    before = active_count()
    for number in range(50):
        lanes.submit(f"xx-made-up-{number}", gate)
        lanes.submit(f"xx-made-up-{number}", gate)
    assert active_count() - before <= 2 * (MAX_LANES + 1)
    gate.open()
    lanes.close()
