"""One read of an object for all who need the same; a change is seen at once where it is watched."""

import asyncio
from typing import cast

import pytest

from provider import errors
from provider.controller.watch.named_reads import MOST_SECONDS, NamedReads
from provider.controller.watch.named_watches import NamedObject
from provider.kube.kinds import SECRETS, Document
from tests.controller.values.world import FakeCluster
from tests.fakes.engine import Clock

NAMED = NamedObject(SECRETS, "shop", "keys")


def uid(document: Document) -> str:
    return cast("str", document["metadata"]["uid"])


def version(document: Document) -> str:
    return cast("str", document["metadata"]["resourceVersion"])


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster.put_secret("shop", "keys", a="b")
    return cluster


@pytest.fixture
def reads(cluster: FakeCluster, clock: Clock) -> NamedReads:
    return NamedReads(cluster, cluster.watch, clock=clock)


async def test_what_is_new_enough_is_not_read_again(
    reads: NamedReads, cluster: FakeCluster, clock: Clock
) -> None:
    assert await reads.read(NAMED, "uid", uid, since=clock.now) == "uid-of-shop-keys"
    clock.now += 10
    await reads.read(NAMED, "uid", uid, since=clock.now - 10)
    assert len(cluster.reads) == 1
    await reads.read(NAMED, "uid", uid, since=clock.now - 9)
    assert len(cluster.reads) == 2


async def test_other_parts_of_an_object_are_read_for_themselves(
    reads: NamedReads, cluster: FakeCluster, clock: Clock
) -> None:
    assert await reads.read(NAMED, "uid", uid, since=clock.now) == "uid-of-shop-keys"
    assert await reads.read(NAMED, "version", version, since=clock.now) == "1"
    assert len(cluster.reads) == 2


async def test_readers_at_the_same_time_share_a_request(
    reads: NamedReads, cluster: FakeCluster, clock: Clock
) -> None:
    reading = (reads.read(NAMED, "uid", uid, since=clock.now) for _ in range(5))
    assert set(await asyncio.gather(*reading)) == {"uid-of-shop-keys"}
    assert len(cluster.reads) == 1


async def test_a_watched_object_is_read_once_until_it_changes(
    reads: NamedReads, cluster: FakeCluster, clock: Clock
) -> None:
    cluster.watched.add("keys")
    for _ in range(3):
        clock.now += 60
        assert await reads.read(NAMED, "version", version, since=clock.now) == "1"
    assert len(cluster.reads) == 1
    cluster.put_secret("shop", "keys", a="c")
    reads.changed(NAMED)
    assert await reads.read(NAMED, "version", version, since=clock.now) == "2"


async def test_a_watched_object_is_read_again_after_some_minutes(
    reads: NamedReads, cluster: FakeCluster, clock: Clock
) -> None:
    cluster.watched.add("keys")
    await reads.read(NAMED, "version", version, since=clock.now)
    clock.now += MOST_SECONDS
    await reads.read(NAMED, "version", version, since=0)
    assert len(cluster.reads) == 1 + 1


async def test_what_changes_while_it_is_read_is_not_kept(
    reads: NamedReads, cluster: FakeCluster, clock: Clock
) -> None:
    cluster.watched.add("keys")

    def changing(document: Document) -> str:
        reads.changed(NAMED)
        return version(document)

    assert await reads.read(NAMED, "version", changing, since=clock.now) == "1"
    assert len(reads) == 0


async def test_a_watch_that_knows_a_new_version_makes_it_be_read(
    cluster: FakeCluster, clock: Clock
) -> None:
    """`use` reports a version that it knows already at once."""
    known = {"version": "1"}

    def watch(named: NamedObject, used: str) -> bool:
        if used != known["version"]:
            own.changed(named)
        return True

    own = NamedReads(cluster, watch, clock=clock)
    await own.read(NAMED, "version", version, since=clock.now)
    cluster.put_secret("shop", "keys", a="c")
    known["version"] = "2"
    assert await own.read(NAMED, "version", version, since=0) == "2"


async def test_a_request_in_flight_is_too_old_for_who_wants_newer(
    reads: NamedReads, cluster: FakeCluster, clock: Clock
) -> None:
    first = asyncio.ensure_future(reads.read(NAMED, "version", version, since=clock.now))
    await asyncio.sleep(0)
    clock.now += 1
    second = reads.read(NAMED, "version", version, since=clock.now)
    assert set(await asyncio.gather(first, second)) == {"1"}
    assert len(cluster.reads) == 2


async def test_failures_are_not_remembered_and_what_is_missing_is_watched(
    cluster: FakeCluster, clock: Clock
) -> None:
    used: list[tuple[NamedObject, str]] = []

    def watch(named: NamedObject, used_version: str) -> bool:
        used.append((named, used_version))
        return True

    reads = NamedReads(cluster, watch, clock=clock)
    gone = NamedObject(SECRETS, "shop", "gone")
    with pytest.raises(errors.ObjectNotFound):
        await reads.read(gone, "uid", uid, since=0)
    assert used == [(gone, "")]
    cluster.put_secret("shop", "gone", a="b")
    assert await reads.read(gone, "uid", uid, since=0) == "uid-of-shop-gone"
