"""Which mounts are accepted, and in which order they are worked on.

gRPC's own limit answers RESOURCE_EXHAUSTED, which driver 1.6 turns into an empty volume. So mounts
are counted here. Namespaces share everything that is bounded, so that none can fill the node's
queue or memory. Mounts of one service account that hang delay no other service account.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from time import monotonic

from provider.engine.limits import FairLimit, KeyedLimit
from provider.engine.single_flight import SingleFlight
from provider.errors import Overloaded

Account = tuple[str, str]
"""Namespace and name of a service account."""

LARGE = 8 * 1024
"""Bytes above which a request is counted by its size. Most requests are smaller. The number of
mounts bounds the memory of small requests well enough."""
MOST_LARGE = 16 * 2**20
"""Bytes of all large requests that are accepted at a time. What is decoded of them takes about
twice that."""

MOST_MEMORY = 32 * 2**20
"""Bytes that the mounts which are worked on may take, without the values of secrets."""
_LEAST_OF_MOUNT = 64 * 1024
_MOST_OF_MOUNT = 4 * 2**20
_OF_CHARACTER = 96
"""Bytes that a mount takes for each character of its class, about: parsed objects and expressions,
and calls under way."""

QUIET_TURNS = 4
"""Turns of the event loop without another arrival that end a crowd: gRPC needs two or three from
one request to the next."""
TURN_SECONDS = 0.001
"""The length of such a turn, at least: time for gRPC's own threads."""
CROWD_SECONDS = 0.5
"""The longest time that mounts wait for others to arrive."""


class Admission:
    """Counts mounts. `most` bounds all that are accepted, `at_a_time` those of one service account
    that are worked on."""

    def __init__(self, most: int, at_a_time: int) -> None:
        self._accepted = FairLimit(most)
        self._large = FairLimit(MOST_LARGE)
        self._arrivals = 0
        self._crowd: SingleFlight[None, None] = SingleFlight()
        self._start = FairLimit(1)
        self._accounts: KeyedLimit[Account] = KeyedLimit(at_a_time)
        self._memory = FairLimit(MOST_MEMORY)
        self.at_work = 0
        """Number of mounts that are worked on."""
        self._idle_since = monotonic()

    @property
    def waiting(self) -> int:
        """Number of accepted mounts that are not worked on yet."""
        return self._accepted.in_use - self.at_work

    def idle_seconds(self) -> float:
        """How long there has been no mount; 0 while there is one."""
        return 0.0 if self._accepted.in_use else monotonic() - self._idle_since

    @contextmanager
    def accepted(self, namespace: str, size: int = 0) -> Iterator[None]:
        """Counts one mount while it is there; raises `Overloaded` if there are too many.

        `size` is what its request takes in memory, in bytes.
        """
        mount = _taken(self._accepted, namespace, 1, "mounts (--max-waiting-mounts)")
        large = _taken(self._large, namespace, size, "bytes of large requests")
        with mount, large if size > LARGE else nullcontext():
            self._arrivals += 1
            try:
                yield
            finally:
                self._idle_since = monotonic()

    async def crowd(self, namespace: str) -> None:
        """Waits until no more mounts arrive, if the mount is not the only one.

        gRPC hands over one request in a turn of the loop. Work on the first mounts of a crowd makes
        turns long: the last mounts would arrive so late that they could not share calls.
        """
        if self._accepted.in_use > 1:
            await self._crowd.run(None, self._no_more_arrive)
            async with self._start.slot(namespace):  # one mount a turn, so that turns stay short
                await asyncio.sleep(0)

    async def _no_more_arrive(self) -> None:
        before, until = -1, monotonic() + CROWD_SECONDS
        while before != self._arrivals and monotonic() < until:
            before = self._arrivals
            for _ in range(QUIET_TURNS):
                await asyncio.sleep(TURN_SECONDS)

    @asynccontextmanager
    async def turn(self, account: Account, characters: int = 0) -> AsyncIterator[None]:
        """Waits until a mount of the service account may be worked on.

        Its mounts are served in the order in which they came. `characters` is the length of the
        class.
        """
        memory = min(max(characters * _OF_CHARACTER, _LEAST_OF_MOUNT), _MOST_OF_MOUNT)
        async with self._accounts.slot(account), self._memory.slot(account[0], memory):
            self.at_work += 1
            try:
                yield
            finally:
                self.at_work -= 1


@contextmanager
def _taken(limit: FairLimit, namespace: str, size: int, what: str) -> Iterator[None]:
    """Takes without waiting; raises `Overloaded` where there is no room."""
    if not limit.take(namespace, size):
        raise Overloaded(
            f"{limit.in_use} {what} are waiting on this node, {limit.held(namespace)} of them of "
            f"namespace {namespace}; the kubelet tries again"
        )
    try:
        yield
    finally:
        limit.give(namespace, size)
