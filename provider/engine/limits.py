"""How much of something may be used at a time: for each key, and in all, in fair shares of tenants.

Nothing is kept for what is not in use.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from provider.engine.model import Identity

K = TypeVar("K", bound=Hashable)

REGIONS = 8
"""Regions whose calls may all hang at a time before calls to others have to wait."""


class KeyedLimit(Generic[K]):
    """At most `most` at a time for each key, first come, first served.

    The blocks that hold or await a slot of a key keep its semaphore alive, and nothing else does.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._keys: WeakValueDictionary[K, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def slot(self, key: K) -> AsyncIterator[None]:
        """Waits for a free slot of `key`, and holds it until the end of the block."""
        async with self._keys.setdefault(key, asyncio.Semaphore(self._most)):
            yield


_Waiter = tuple[int, asyncio.Future[None]]


class FairLimit:
    """At most `most` at a time in all, shared by tenants.

    A tenant gets at most one more than it leaves free: half if it is alone, a quarter beside
    another one, and so on. So there is room for a tenant that comes later, however long the others
    hold what they have. Where there is none, tenants take turns.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[_Waiter]] = OrderedDict()

    @asynccontextmanager
    async def slot(self, tenant: str, size: int = 1) -> AsyncIterator[None]:
        """Waits until the tenant may hold `size` more, and holds it until the end of the block."""
        if tenant in self._waiting or not self.take(tenant, size):
            await self._turn(tenant, size)
        try:
            yield
        finally:
            self.give(tenant, size)

    def take(self, tenant: str, size: int = 1) -> bool:
        """Whether the tenant may hold `size` more; it does so then, until `give`."""
        free, held = self._free - size, self._held[tenant] + size
        if free < 0 or held > free + 1:
            return False
        self._free, self._held[tenant] = free, held
        return True

    def give(self, tenant: str, size: int = 1) -> None:
        """The tenant holds `size` less."""
        self._free += size
        self._held[tenant] -= size
        if not self._held[tenant]:
            del self._held[tenant]
        self._serve()

    def held(self, tenant: str) -> int:
        """How much the tenant holds."""
        return self._held[tenant]

    @property
    def in_use(self) -> int:
        """How much all tenants hold."""
        return self._held.total()

    async def _turn(self, tenant: str, size: int) -> None:
        waiter = size, asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(waiter)
        try:
            await waiter[1]
        except asyncio.CancelledError:
            if waiter[1].cancelled():
                self._leave(tenant, waiter)
            else:
                self.give(tenant, size)
            raise

    def _leave(self, tenant: str, waiter: _Waiter) -> None:
        queue = self._waiting[tenant]
        queue.remove(waiter)
        if not queue:
            del self._waiting[tenant]
        self._serve()  # the next one may be smaller

    def _serve(self) -> None:
        """Let those go on for whom there is room, one of each tenant in turn."""
        turns = deque(self._waiting)
        while turns and self._free > 0:
            tenant = turns.popleft()
            queue = self._waiting[tenant]
            size, future = queue[0]
            if future.done() or not self.take(tenant, size):
                continue
            future.set_result(None)
            queue.popleft()
            self._waiting.move_to_end(tenant)
            if queue:
                turns.append(tenant)
            else:
                del self._waiting[tenant]


class CallLimits:
    """`most` calls in flight for each region, and `REGIONS` times as many in all, in fair shares of
    the namespaces, which may have any number of identities; three eighths for one identity that a
    namespace uses."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._identities: KeyedLimit[tuple[Identity, str, str]] = KeyedLimit(max(1, most * 3 // 8))
        self._regions: WeakValueDictionary[str, FairLimit] = WeakValueDictionary()
        self._all = FairLimit(most * REGIONS)

    @asynccontextmanager
    async def slot(self, identity: Identity, region: str, tenant: str) -> AsyncIterator[None]:
        """Waits until one more call may be sent; it counts until the end of the block.

        `tenant` is the namespace that asks: several may use one identity.
        """
        of_region = self._regions.setdefault(region, FairLimit(self._most))
        # The narrowest limit first: a call that waits there holds nothing that others could use.
        async with (
            self._identities.slot((identity, region, tenant)),
            of_region.slot(tenant),
            self._all.slot(tenant),
        ):
            yield
