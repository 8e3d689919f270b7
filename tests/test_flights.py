"""Single flight: who leads, who joins, and whose failure is whose."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from time import monotonic

import pytest

from provider.deadline import Deadline
from provider.errors import AccessDenied, AwsUnavailable, OutOfTime
from provider.flights import Flights

WAIT = 10


class Work:
    """Something that takes until it is let go, and counts how often it is done."""

    def __init__(self, outcome: str | BaseException = "cargo") -> None:
        self.outcome = outcome
        self.done = 0
        self.started = Event()
        self.let_go = Event()

    def __call__(self) -> str:
        self.done += 1
        self.started.set()
        assert self.let_go.wait(WAIT)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


class LookedAt(Deadline):
    """A deadline that tells when it is first looked at: who joins does so once aboard."""

    def __init__(self, at: float) -> None:
        super().__init__(at)
        object.__setattr__(self, "looked_at", Event())

    looked_at: Event

    @classmethod
    def after(cls, seconds: float) -> "LookedAt":
        return cls(monotonic() + seconds)

    @property
    def passed(self) -> bool:
        self.looked_at.set()
        return super().passed


class Airport:
    """Callers in threads, and a way to know that they wait."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.flights: Flights[str, str] = Flights("cargo")
        self._threads = threads

    def lead(self, work: Work, seconds: float = WAIT) -> Future[tuple[str, bool]]:
        call = self._threads.submit(self.flights.fly, "key", work, Deadline.after(seconds))
        assert work.started.wait(WAIT)
        return call

    def join(self, work: Work, seconds: float = WAIT) -> Future[tuple[str, bool]]:
        deadline = LookedAt.after(seconds)
        call = self._threads.submit(self.flights.fly, "key", work, deadline)
        assert deadline.looked_at.wait(WAIT)
        return call


@pytest.fixture
def airport() -> Iterator[Airport]:
    with ThreadPoolExecutor(8) as threads:
        yield Airport(threads)


def done(outcome: str | BaseException = "cargo") -> Work:
    work = Work(outcome)
    work.let_go.set()
    return work


def test_those_who_want_the_same_at_once_share_one_call(airport: Airport) -> None:
    work, other = Work(), done("other")
    leader = airport.lead(work)
    joiners = [airport.join(other) for _ in range(5)]
    work.let_go.set()
    assert leader.result() == ("cargo", False)
    assert [joiner.result() for joiner in joiners] == [("cargo", True)] * 5
    assert other.done == 0


def test_nothing_is_remembered(airport: Airport) -> None:
    for expected in ("one", "two"):
        assert airport.flights.fly("key", done(expected), Deadline.after(1)) == (expected, False)
    assert len(airport.flights) == 0


def test_other_keys_do_not_wait(airport: Airport) -> None:
    work = Work()
    leader = airport.lead(work)
    assert airport.flights.fly("else", done("mine"), Deadline.after(1)) == ("mine", False)
    work.let_go.set()
    leader.result()


@pytest.mark.parametrize(
    "error",
    [AccessDenied("no"), AwsUnavailable("503"), TimeoutError("of the work"), ZeroDivisionError()],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_is_shared_by_those_who_joined_and_not_remembered(
    airport: Airport, error: Exception
) -> None:
    work, other = Work(error), done("other")
    calls = [airport.lead(work), airport.join(other)]
    work.let_go.set()
    for call in calls:
        with pytest.raises(type(error)):
            call.result()
    assert other.done == 0
    assert len(airport.flights) == 0
    assert airport.flights.fly("key", done(), Deadline.after(1)) == ("cargo", False)


def test_who_joins_waits_no_longer_than_its_own_deadline(airport: Airport) -> None:
    work = Work()
    leader = airport.lead(work)
    with pytest.raises(OutOfTime, match="cargo"):
        airport.join(done(), seconds=0.05).result(WAIT)
    work.let_go.set()
    assert leader.result() == ("cargo", False)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(OutOfTime("the leader's"), WAIT), (AwsUnavailable("timed out"), 0)],
    ids=["out of time", "failed by its deadline"],
)
def test_a_leader_out_of_time_leaves_the_lead_to_one_who_joined(
    airport: Airport, error: Exception, seconds: float
) -> None:
    work, other = Work(error), done("other")
    leader = airport.lead(work, seconds)
    joiners = [airport.join(other) for _ in range(4)]
    work.let_go.set()
    with pytest.raises(type(error)):
        leader.result()
    assert {joiner.result()[0] for joiner in joiners} == {"other"}
    assert other.done >= 1
    assert len(airport.flights) == 0


def test_a_leader_whose_thread_is_stopped_strands_nobody(airport: Airport) -> None:
    work = Work(KeyboardInterrupt())
    leader = airport.lead(work)
    joiner = airport.join(done("other"))
    work.let_go.set()
    assert joiner.result() == ("other", False)
    with pytest.raises(KeyboardInterrupt):
        leader.result()


def test_many_threads_on_few_keys_leave_nothing_behind() -> None:
    flights: Flights[int, int] = Flights("cargo")

    def call(number: int) -> int:
        return flights.fly(number % 3, lambda: number % 3, Deadline.after(WAIT))[0]

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(call, range(600))) == [number % 3 for number in range(600)]
    assert len(flights) == 0
