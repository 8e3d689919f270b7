"""Credentials of each identity, in memory. Concurrent requests for one identity share one fetch.

Only success is remembered. Credentials are renewed in the background before they expire; where that
fails for a transient reason they are used until they expire. All times are monotonic: a wall clock
that is wrong or jumps costs no credentials.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from random import random
from time import monotonic
from typing import Any, Literal

from provider.engine.limits import FairLimit
from provider.engine.model import Credentials, Identity
from provider.engine.ports import CredentialSource, Principal
from provider.engine.single_flight import SharedTask
from provider.errors import OutOfTime, ProviderError, TokenRejected
from provider.runtime.log import fields, logger
from provider.runtime.lru import FairLru, Lru

Event = Literal["hit", "miss", "joined", "failed"]

CAPACITY = 1000
"""Identities that are remembered, some 3 KiB each."""
FAILING_SECONDS = 900.0
"""Older failures leave the gauge of failing identities."""
FETCH_SECONDS = 60.0
"""The most time that one fetch may take, retries included."""
OTHERS_SECONDS = 1.0
"""How long to wait for a fetch with another token of the same identity, before our own is tried."""
OTHERS_STEPS = 20
"""Steps of that time, each a turn of the event loop at least: on a node that is short of CPU turns
are long, and fetches slow though nothing is wrong with the token."""
UNLIMITED = 3600.0
"""Seconds after which credentials without an expiry are fetched again."""
LEAST_MARGIN = 60.0
"""Seconds before expiry at which credentials are renewed, at least."""
LAST_MARGIN = 15.0
"""Seconds before expiry from which credentials are not used any more."""
PAUSE_SECONDS = 30.0
"""Time between attempts at a renewal."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Credentials, and until when they need no renewal and may be used (`time.monotonic`)."""

    credentials: Credentials = field(repr=False)
    renew_at: float
    good_until: float


class _Fetch(SharedTask[Credentials]):
    """A fetch in flight and the source that it asks."""

    def __init__(self, work: Coroutine[Any, Any, Credentials], source: CredentialSource) -> None:
        super().__init__(work)
        self.source = source


class CredentialCache:
    """One for the process.

    `most` bounds the fetches in flight, in fair shares of the namespaces, which may have any number
    of identities. `chance` returns numbers from 0 to 1; `observe` gets each event.
    """

    def __init__(
        self,
        *,
        most: int = 128,
        capacity: int = CAPACITY,
        clock: Callable[[], float] = monotonic,
        chance: Callable[[], float] = random,
        observe: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._observe = observe
        self._limit = FairLimit(most)
        self._kept: FairLru[Identity, _Kept] = FairLru(capacity, lambda one: one.namespace)
        self._failed: Lru[Identity, float] = Lru(capacity)
        self._fetches: dict[Identity, _Fetch] = {}
        self._renewals: set[asyncio.Future[Credentials]] = set()

    async def get(self, principal: Principal) -> Credentials:
        """Credentials that are valid for a while; raises what the source raises."""
        kept = self._kept.get(principal.identity)
        now = self._clock()
        if kept is None or now >= kept.good_until:
            return await self._join(principal)
        self._kept.move_to_end(principal.identity)
        self._observe("hit")
        if now >= kept.renew_at and principal.identity not in self._fetches:
            renewal = self._start(principal).join()  # in the background: nobody waits for it
            self._renewals.add(renewal)
            renewal.add_done_callback(self._renewals.discard)
        return kept.credentials

    async def require(self, principal: Principal, deadline: float) -> None:
        """Wait until there are credentials; raises as `get` does.

        Raises `OutOfTime` at the deadline, a time of `time.monotonic`.
        """
        kept = self._kept.get(principal.identity)
        if kept is not None and self._clock() < kept.good_until:
            return
        try:
            async with asyncio.timeout(deadline - monotonic()):
                await self.get(principal)
        except TimeoutError:
            raise _out_of_time(principal.identity) from None

    def drop(self, identity: Identity, credentials: Credentials) -> None:
        """Forget these credentials, which AWS rejected; newer ones stay."""
        kept = self._kept.get(identity)
        if kept is not None and kept.credentials == credentials:
            del self._kept[identity]

    def failing(self) -> int:
        """Identities whose last fetch failed in the last quarter of an hour."""
        since = self._clock() - FAILING_SECONDS
        return sum(at >= since for at in self._failed.values())

    def __len__(self) -> int:
        """Identities that have credentials, expired ones included."""
        return len(self._kept)

    async def close(self) -> None:
        for renewal in list(self._renewals):
            renewal.cancel()
        await asyncio.gather(*self._renewals, return_exceptions=True)

    async def _join(self, principal: Principal) -> Credentials:
        """The result of the fetch in flight, or of a new one."""
        while True:
            fetch = self._fetches.get(principal.identity)
            if fetch is None or not fetch.is_open:
                self._observe("miss")
                fetch = self._start(principal)
                return await fetch.join()
            self._observe("joined")
            if fetch.source == principal.source:
                return await fetch.join()
            # Another token of the same identity: that it is rejected, or retried for long, says
            # nothing about ours.
            try:
                return await _result_soon(fetch)
            except (TimeoutError, TokenRejected):
                if self._fetches.get(principal.identity) is fetch:
                    del self._fetches[principal.identity]

    def _start(self, principal: Principal) -> _Fetch:
        fetch = _Fetch(self._fetch(principal), principal.source)
        return fetch.kept_in(self._fetches, [principal.identity])

    async def _fetch(self, principal: Principal) -> Credentials:
        identity = principal.identity
        # A role that is assumed waits for credentials of its own identity, which need a slot.
        slot = nullcontext() if identity.chain else self._limit.slot(identity.namespace)
        try:
            async with asyncio.timeout(FETCH_SECONDS), slot:
                credentials = await principal.source.fetch()
        except TimeoutError:
            late = _out_of_time(identity)
            self._note_failure(identity, late)
            raise late from None
        except ProviderError as error:
            self._note_failure(identity, error)
            raise
        self._keep(identity, credentials)
        return credentials

    def _note_failure(self, identity: Identity, error: ProviderError) -> None:
        """A refusal ends what was granted before; after anything else it is used on."""
        self._observe("failed")
        now = self._clock()
        self._failed.put(identity, now)
        kept = self._kept.get(identity)
        if kept is None:
            return
        if now < kept.good_until:
            about = fields(identity=str(identity), reason=error.reason)
            logger.warning("credentials were not renewed", extra=about)
        if error.retryable or isinstance(error, TokenRejected):
            self._kept[identity] = replace(kept, renew_at=now + PAUSE_SECONDS)
        else:
            del self._kept[identity]

    def _keep(self, identity: Identity, credentials: Credentials) -> None:
        now = self._clock()
        lifetime = UNLIMITED if credentials.lifetime is None else credentials.lifetime
        # 5 to 10 % before expiry, at random, so that the identities of a node, which all started
        # together, are not all renewed together. Of a life shorter than the margins, half.
        margin = max(LEAST_MARGIN, lifetime * (0.05 + 0.05 * self._chance()))
        usable = max(lifetime - margin, lifetime / 2)
        good = max(usable, lifetime - LAST_MARGIN)
        self._failed.pop(identity, None)
        self._kept.put(identity, _Kept(credentials, now + usable, now + good))


def _out_of_time(identity: Identity) -> OutOfTime:
    return OutOfTime(f"no credentials of {identity} came in time. Try again later.")


async def _result_soon(fetch: _Fetch) -> Credentials:
    """What the fetch returns or raises; raises `TimeoutError` if it takes long."""
    future = fetch.join()
    try:
        for _ in range(OTHERS_STEPS):
            await asyncio.wait([future], timeout=OTHERS_SECONDS / OTHERS_STEPS)
            if future.done():
                return future.result()
        raise TimeoutError
    finally:
        future.cancel()
