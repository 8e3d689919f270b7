"""What is remembered about associations, and for how long."""

from provider.csi.associations import HOLDS_SECONDS, Associations
from tests.fakes.engine import Clock

WEB = ("shop", "web")


def test_nothing_is_known_at_first() -> None:
    associations = Associations()
    assert not associations.has_none(WEB)
    assert not associations.had_one(WEB)


def test_that_there_is_none_holds_for_a_minute(clock: Clock) -> None:
    associations = Associations(clock=clock)
    associations.note(WEB, has_one=False)
    assert associations.has_none(WEB)
    assert not associations.has_none(("bank", "web"))
    clock.now += HOLDS_SECONDS
    assert not associations.has_none(WEB)


def test_the_last_answer_counts(clock: Clock) -> None:
    associations = Associations(clock=clock)
    associations.note(WEB, has_one=False)
    associations.note(WEB, has_one=True)
    clock.now += 10 * HOLDS_SECONDS
    assert associations.had_one(WEB)
    associations.note(WEB, has_one=False)
    assert not associations.had_one(WEB)


def test_what_is_remembered_is_bounded(clock: Clock) -> None:
    associations = Associations(capacity=2, clock=clock)
    for name in ("a", "b", "c"):
        associations.note(("shop", name), has_one=False)
    assert [associations.has_none(("shop", name)) for name in ("a", "b", "c")] == [
        False,
        True,
        True,
    ]


def test_a_namespace_with_many_accounts_does_not_displace_those_of_others() -> None:
    associations = Associations(capacity=3)
    associations.note(WEB, has_one=True)
    for number in range(5):
        associations.note(("evil", str(number)), has_one=True)
    assert associations.had_one(WEB)
