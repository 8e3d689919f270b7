"""How many calls may be in flight: for each identity in a region, each namespace, each region, and
in all.

First come, first served. Nothing is kept for what has no call in flight.
"""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from provider.engine.model import Identity

K = TypeVar("K", bound=Hashable)

REGIONS = 8
"""Regions whose calls may all hang at a time before calls to others have to wait."""


@dataclass(slots=True)
class _Gate:
    semaphore: asyncio.Semaphore
    users: int = 0


class KeyedLimit(Generic[K]):
    """At most `most` at a time for each key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._gates: dict[K, _Gate] = {}

    @asynccontextmanager
    async def slot(self, key: K) -> AsyncIterator[None]:
        """Waits for a free slot of `key`, and holds it until the end of the block."""
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = _Gate(asyncio.Semaphore(self._most))
        gate.users += 1
        try:
            async with gate.semaphore:
                yield
        finally:
            gate.users -= 1
            if not gate.users:
                del self._gates[key]

    def __len__(self) -> int:
        """Keys in use."""
        return len(self._gates)


class CallLimits:
    """`most` calls in flight for each region: three eighths of them for one identity, and seven
    eighths for one namespace, which may have any number of identities."""

    def __init__(self, most: int) -> None:
        in_all = most * REGIONS
        self._identities: KeyedLimit[tuple[Identity, str]] = KeyedLimit(max(1, most * 3 // 8))
        self._namespaces: KeyedLimit[tuple[str, str]] = KeyedLimit(max(1, most * 7 // 8))
        self._regions: KeyedLimit[str] = KeyedLimit(most)
        self._namespaces_in_all: KeyedLimit[str] = KeyedLimit(max(1, in_all * 7 // 8))
        self._all = asyncio.Semaphore(in_all)

    @asynccontextmanager
    async def slot(self, identity: Identity, region: str) -> AsyncIterator[None]:
        """Waits until one more call may be sent; it counts until the end of the block."""
        namespace = identity.namespace
        # The narrowest limit first: who waits there holds no slot that others could use.
        async with (
            self._identities.slot((identity, region)),
            self._namespaces.slot((namespace, region)),
            self._namespaces_in_all.slot(namespace),
            self._regions.slot(region),
            self._all,
        ):
            yield
