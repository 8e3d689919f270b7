"""One replica works at a time, whatever happens to the others, the API server and the network."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

from provider.controller import replica as replica_state
from provider.controller.leader import LEASE_SECONDS, Leader
from provider.errors import KubernetesUnavailable, ObjectConflict, ObjectExists, ObjectNotFound
from provider.kube.kinds import Document, Kind
from tests.fakes.engine import Clock

RENEW_DEADLINE, RETRY = 10.0, 2.0
"""Seconds, of a Lease of 15 seconds."""


class FakeLeases:
    """One Lease with versions; `down` lists holders whose requests fail."""

    def __init__(self) -> None:
        self.stored: Document | None = None
        self.version = 0
        self.down: set[str] = set()

    @property
    def holder(self) -> str:
        return str(self.stored["spec"]["holderIdentity"]) if self.stored else ""

    def of(self, identity: str) -> "View":
        return View(self, identity)

    def put(self, holder: str, seconds: int = LEASE_SECONDS) -> None:
        self.version += 1
        self.stored = {
            "metadata": {"namespace": "ops", "name": "l", "resourceVersion": str(self.version)},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": seconds,
                "renewTime": str(self.version),
                "leaseTransitions": 3,
            },
        }


class View:
    """What one replica sees of it."""

    def __init__(self, leases: FakeLeases, identity: str) -> None:
        self.leases = leases
        self.identity = identity

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        self._check()
        if self.leases.stored is None:
            raise ObjectNotFound("no lease")
        return self.leases.stored

    async def create(self, kind: Kind, document: Mapping[str, Any]) -> Document:
        self._check()
        if self.leases.stored is not None:
            raise ObjectExists("exists")
        return self._store(document)

    async def replace(self, kind: Kind, document: Mapping[str, Any]) -> Document:
        self._check()
        if document["metadata"]["resourceVersion"] != str(self.leases.version):
            raise ObjectConflict("modified")
        return self._store(document)

    def _check(self) -> None:
        if self.identity in self.leases.down:
            raise KubernetesUnavailable("down")

    def _store(self, document: Mapping[str, Any]) -> Document:
        self.leases.version += 1
        metadata = {**document["metadata"], "resourceVersion": str(self.leases.version)}
        self.leases.stored = {**document, "metadata": metadata}
        return self.leases.stored


class Time:
    """Sleeps end when a test lets time pass."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.sleepers: list[tuple[float, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self.sleepers.append((self.clock.now + seconds, event))
        await event.wait()

    async def passes(self, seconds: float, step: float = 0.5) -> None:
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now = min(self.clock.now + step, until)
            for due, event in list(self.sleepers):
                if due <= self.clock.now:
                    self.sleepers.remove((due, event))
                    event.set()
            for _ in range(20):
                await asyncio.sleep(0)


class Replica:
    """A leader whose work notes when it runs; `slow` keeps it from ending when cancelled."""

    working: list[str] = []  # noqa: RUF012 (shared by all on purpose; emptied by the fixture)

    def __init__(self, name: str, leases: FakeLeases, time: Time) -> None:
        self.name = name
        view: Any = leases.of(name)
        self.leader = Leader(
            view,
            namespace="ops",
            identity=name,
            name="l",
            clock=time.clock,
            sleep=time.sleep,
        )
        self.work: Callable[[], Awaitable[None]] = asyncio.Event().wait  # type: ignore[assignment]
        self.task = asyncio.create_task(self.leader.run(self._lead))

    async def _lead(self) -> None:
        assert not self.working, "two replicas work at the same time"
        self.working.append(self.name)
        try:
            await self.work()
        finally:
            self.working.remove(self.name)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.fixture
def leases() -> FakeLeases:
    return FakeLeases()


@pytest.fixture
def time(clock: Clock) -> Time:
    return Time(clock)


Make = Callable[[str], Replica]


@pytest.fixture
async def make(leases: FakeLeases, time: Time) -> AsyncIterator[Make]:
    Replica.working.clear()
    made: list[Replica] = []

    def make_one(name: str) -> Replica:
        made.append(Replica(name, leases, time))
        return made[-1]

    yield make_one
    for one in made:
        await one.stop()


async def test_the_first_works_and_the_second_waits(make: Make, time: Time) -> None:
    first, second = make("a"), make("b")
    await time.passes(60)
    assert Replica.working == ["a"]
    assert (first.leader.is_leading(), second.leader.is_leading()) == (True, False)


async def test_a_leader_that_ends_gives_the_lease_to_the_next(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    first = make("a")
    await time.passes(3)
    make("b")
    await first.stop()
    assert leases.holder == ""
    await time.passes(RETRY * 1.5)
    assert Replica.working == ["b"]
    assert leases.stored
    assert leases.stored["spec"]["leaseTransitions"] == 1


async def test_the_lease_of_a_killed_leader_is_taken_when_it_is_over(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    leases.put("killed")
    make("b")
    await time.passes(LEASE_SECONDS - 1)
    assert Replica.working == []
    await time.passes(1 + RETRY * 1.5)
    assert Replica.working == ["b"]


async def test_a_restarted_container_takes_its_own_lease_at_once(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    leases.put("a")
    make("a")
    await time.passes(0.5)
    assert Replica.working == ["a"]
    assert leases.stored
    assert leases.stored["spec"]["leaseTransitions"] == 3


async def test_a_leader_that_cannot_renew_stops_before_another_starts(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    first = make("a")
    await time.passes(3)
    make("b")
    leases.down.add("a")
    await time.passes(RENEW_DEADLINE - RETRY - 1)
    assert Replica.working == ["a"]
    await time.passes(RETRY + 1.5)
    assert Replica.working == []
    assert not first.leader.is_leading()
    await time.passes(LEASE_SECONDS - RENEW_DEADLINE + 2 * RETRY)
    assert Replica.working == ["b"]
    leases.down.clear()
    await time.passes(60)
    assert Replica.working == ["b"]


async def test_an_outage_shorter_than_the_deadline_changes_nothing(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    make("a")
    await time.passes(3)
    leases.down.add("a")
    await time.passes(RENEW_DEADLINE - RETRY - 1)
    leases.down.clear()
    await time.passes(60)
    assert Replica.working == ["a"]


async def test_a_leader_whose_lease_was_taken_stops_at_once(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    first = make("a")
    await time.passes(1)
    leases.put("thief")
    await time.passes(RETRY)
    assert Replica.working == []
    assert not first.leader.is_leading()
    assert leases.holder == "thief"


async def test_a_lease_that_another_has_touched_is_kept(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    make("a")
    await time.passes(1)
    leases.put("a")
    await time.passes(60)
    assert Replica.working == ["a"]


async def test_a_process_that_was_stopped_may_not_write_when_it_goes_on(
    make: Make, time: Time, clock: Clock
) -> None:
    first = make("a")
    await time.passes(1)
    clock.now += RENEW_DEADLINE + 0.1
    assert not first.leader.is_leading()
    await time.passes(RETRY)
    assert Replica.working == [] or first.leader.is_leading()


async def test_a_lost_leader_stands_again(make: Make, time: Time, leases: FakeLeases) -> None:
    make("a")
    await time.passes(1)
    leases.down.add("a")
    await time.passes(RENEW_DEADLINE + 1)
    leases.down.clear()
    await time.passes(LEASE_SECONDS)
    assert Replica.working == ["a"]


async def test_an_outage_at_the_start_is_waited_for(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    leases.down.add("a")
    replica = replica_state.Replica("a")
    replica.leader = make("a").leader
    await time.passes(30)
    assert await replica.problem() == "cannot become the leader: down"
    leases.down.clear()
    await time.passes(2 * RETRY)
    assert Replica.working == ["a"]
    assert await replica.problem() is None


async def test_a_replica_that_waits_for_another_leader_is_ready(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    replica = replica_state.Replica("b")
    leases.put("a")
    replica.leader = make("b").leader
    await time.passes(1)
    assert await replica.problem() is None
    assert (replica.is_leading(), replica.holder()) == (False, "a")


async def test_the_error_of_the_work_is_that_of_the_leader(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    first = make("a")

    async def fail() -> None:
        raise ZeroDivisionError

    first.work = fail
    await time.passes(1)
    with pytest.raises(ZeroDivisionError):
        await first.task
    assert leases.holder == ""


async def test_the_lease_is_given_back_only_when_the_work_has_ended(
    make: Make, time: Time, leases: FakeLeases
) -> None:
    first, may_end = make("a"), asyncio.Event()

    async def end_slowly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()

    first.work = end_slowly
    await time.passes(1)
    first.task.cancel()
    await time.passes(1)
    assert (Replica.working, leases.holder) == (["a"], "a")
    may_end.set()
    await asyncio.wait([first.task])
    assert (Replica.working, leases.holder) == ([], "")
