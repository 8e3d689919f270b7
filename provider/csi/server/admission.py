"""Which mounts are accepted, and in which order they are worked on.

gRPC's own limit answers RESOURCE_EXHAUSTED, which driver 1.6 turns into an empty volume. So mounts
are counted here. The mounts of one service account wait only for each other: mounts that hang do
not delay those of other service accounts. No namespace can fill the node's whole queue.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic

from provider.engine.limits import KeyedLimit
from provider.engine.single_flight import SingleFlight
from provider.errors import Overloaded

Account = tuple[str, str]
"""Namespace and name of a service account."""

RESERVE = 10
"""One in so many places is not for the namespace with the most mounts."""

LARGE = 64 * 1024
"""Bytes of a request that is counted by its size. Classes of that size are rare."""
MOST_LARGE = 16 * 2**20
"""Bytes of all large requests that are accepted at a time. What is parsed of them takes about three
times that."""

QUIET_TURNS = 4
"""Turns of the event loop without another arrival that end a crowd: gRPC needs two or three from
one request to the next."""
TURN_SECONDS = 0.001
"""The length of such a turn, at least: time for gRPC's own threads."""
CROWD_SECONDS = 1.0
"""The longest time that mounts wait for others to arrive."""


class Admission:
    """Counts mounts. `most` bounds all that are accepted, `at_a_time` those of one service account
    that are worked on."""

    def __init__(self, most: int, at_a_time: int) -> None:
        self._most = most
        self._most_of_namespace = most - most // RESERVE
        self._accepted = 0
        self._large = 0
        self._arrivals = 0
        self._crowd: SingleFlight[None, None] = SingleFlight()
        self._start = asyncio.Lock()
        self._at_work = 0
        self._by_namespace: Counter[str] = Counter()
        self._turns: KeyedLimit[Account] = KeyedLimit(at_a_time)
        self._idle_since = monotonic()

    @property
    def at_work(self) -> int:
        """Number of mounts that are worked on."""
        return self._at_work

    @property
    def waiting(self) -> int:
        """Number of accepted mounts that are not worked on yet."""
        return self._accepted - self._at_work

    def idle_seconds(self) -> float:
        """How long there has been no mount; 0 while there is one."""
        return 0.0 if self._accepted else monotonic() - self._idle_since

    @contextmanager
    def accepted(self, size: int = 0) -> Iterator[None]:
        """Counts one mount while it is there; raises `Overloaded` if there are too many.

        `size` is what its request takes in memory, in bytes.
        """
        if self._accepted >= self._most:
            raise Overloaded(
                f"{self._accepted} mounts are waiting on this node (--max-waiting-mounts); "
                "the kubelet tries again"
            )
        large = size if size > LARGE else 0
        if large and self._large + large > MOST_LARGE:
            raise Overloaded(
                f"requests of {self._large} bytes are waiting on this node, and this one has "
                f"{large}; the kubelet tries again"
            )
        self._accepted += 1
        self._arrivals += 1
        self._large += large
        try:
            yield
        finally:
            self._accepted -= 1
            self._large -= large
            self._idle_since = monotonic()

    async def crowd(self) -> None:
        """Waits until no more mounts arrive, if the mount is not the only one.

        gRPC hands over one request in a turn of the loop. Work on the first mounts of a crowd makes
        turns long: the last mounts would arrive so late that they could not share calls.
        """
        if self._accepted > 1:
            await self._crowd.run(None, self._no_more_arrive)
            async with self._start:  # one mount a turn, so that turns stay short
                await asyncio.sleep(0)

    async def _no_more_arrive(self) -> None:
        before, until = -1, monotonic() + CROWD_SECONDS
        while before != self._arrivals and monotonic() < until:
            before = self._arrivals
            for _ in range(QUIET_TURNS):
                await asyncio.sleep(TURN_SECONDS)

    @asynccontextmanager
    async def turn(self, account: Account) -> AsyncIterator[None]:
        """Waits until a mount of the service account may be worked on, first come, first served.

        Raises `Overloaded` if its namespace has too many mounts already.
        """
        namespace = account[0]
        if self._by_namespace[namespace] >= self._most_of_namespace:
            raise Overloaded(
                f"{self._by_namespace[namespace]} mounts of namespace {namespace} are waiting on "
                "this node (--max-waiting-mounts); the kubelet tries again"
            )
        self._by_namespace[namespace] += 1
        try:
            async with self._turns.slot(account):
                self._at_work += 1
                try:
                    yield
                finally:
                    self._at_work -= 1
        finally:
            self._by_namespace[namespace] -= 1
            if not self._by_namespace[namespace]:
                del self._by_namespace[namespace]
