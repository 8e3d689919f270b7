"""How many calls may be in flight: for each identity in a region, for each region, and in all.

First come, first served. Nothing is kept for a region or an identity that has no call in flight.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

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

    async def acquire(self, key: K) -> None:
        """Wait for a free slot of `key`, and take it."""
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = _Gate(asyncio.Semaphore(self._most))
        gate.users += 1
        try:
            await gate.semaphore.acquire()
        except BaseException:
            self._leave(key, gate)
            raise

    def release(self, key: K) -> None:
        """Give back a slot."""
        gate = self._gates[key]
        gate.semaphore.release()
        self._leave(key, gate)

    def _leave(self, key: K, gate: _Gate) -> None:
        gate.users -= 1
        if not gate.users:
            del self._gates[key]

    def __len__(self) -> int:
        """Keys in use."""
        return len(self._gates)


class CallLimits:
    """`most` calls in flight for each region, three eighths of them for one identity there."""

    def __init__(self, most: int) -> None:
        self._identities: KeyedLimit[tuple[Identity, str]] = KeyedLimit(max(1, most * 3 // 8))
        self._regions: KeyedLimit[str] = KeyedLimit(most)
        self._all: KeyedLimit[None] = KeyedLimit(most * REGIONS)

    def slot(self, identity: Identity, region: str) -> "Slot":
        """A block in which one more call may be sent, once there is room for it."""
        # The narrowest limit first: who waits there holds no slot that others could use.
        return Slot(
            (self._identities, (identity, region)), (self._regions, region), (self._all, None)
        )


class Slot:
    """Holds a slot of each limit while the block lasts."""

    __slots__ = ("_held", "_wanted")

    def __init__(self, *wanted: tuple[KeyedLimit[Any], Any]) -> None:
        self._wanted = wanted
        self._held = 0

    async def __aenter__(self) -> None:
        try:
            for limit, key in self._wanted:
                await limit.acquire(key)
                self._held += 1
        except BaseException:
            self._release()
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._release()

    def _release(self) -> None:
        for limit, key in self._wanted[: self._held]:
            limit.release(key)
