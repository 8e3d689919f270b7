"""Leader election: of all replicas one works, the one that holds the Lease.

Times are those of client-go: a Lease lasts 15 s, its holder renews it every 2 s and gives up after
10 s without success; those of another Lease are in proportion. All is measured by the local
monotonic clock, from before a renewal is sent: other replicas start to count later. So the work has
ended some seconds before another may begin.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from logging import INFO, WARNING
from random import random
from time import monotonic
from typing import Any

from provider.errors import ObjectConflict, ObjectNotFound, ProviderError
from provider.kube.kinds import LEASES
from provider.kube.leases import Lease, read_lease
from provider.kube.objects import Objects
from provider.runtime.log import fields, logger

LEASE_SECONDS = 15
RENEW_DEADLINE = 10 / 15
RETRY = 2 / 15
"""Parts of the Lease."""
RELEASE_SECONDS = 3.0
"""Seconds that giving back the Lease may take at the end."""


class Leader:
    """One replica. `identity` is unique to its pod: a restarted container gets its Lease back.

    `leases` must write without being the leader.
    """

    def __init__(  # noqa: PLR0913 (all by name)
        self,
        leases: Objects,
        *,
        namespace: str,
        identity: str,
        name: str,
        seconds: int = LEASE_SECONDS,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._leases = leases
        self._namespace = namespace
        self._name = name
        self._seconds = seconds
        self._identity = identity
        self._clock = clock
        self._sleep = sleep
        self._held: Lease | None = None
        self._renewed_at = 0.0
        self._seen = Lease(namespace, name)
        self._seen_at = 0.0
        self._problem = ""
        self.failure = ""
        """Why this replica cannot become the leader; empty while nothing hinders it."""

    @property
    def seen_holder(self) -> str:
        """The holder of the Lease at the last look; empty without one."""
        return self._seen.holder

    def is_leading(self) -> bool:
        """Whether this replica may write: it holds the Lease for some seconds more."""
        return self._held is not None and self._remaining() > 0

    async def run(self, lead: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for the Lease, then run `lead()`; cancel it when the Lease is lost, and wait again.

        Ends when `lead()` ends, with its error. The Lease is given back at the end.
        """
        try:
            while True:
                await self._acquire()
                logger.info("this replica is the leader", extra=fields(identity=self._identity))
                if await self._ended_by_itself(lead()):
                    return
                self._held = None
                logger.warning("this replica is no longer the leader: the Lease was not renewed")
        finally:
            await self._release()

    async def _ended_by_itself(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run the work while the Lease is held; False if it was lost. The work has ended then."""
        working = asyncio.create_task(work)
        renewing = asyncio.create_task(self._renew_until_lost())
        try:
            await asyncio.wait((working, renewing), return_when=asyncio.FIRST_COMPLETED)
            has_ended = working.done()
        finally:
            await _cancelled(working)
            await _cancelled(renewing)
        if has_ended:
            working.result()
        elif not renewing.cancelled():
            renewing.result()
        return has_ended

    async def _acquire(self) -> None:
        while True:
            try:
                is_held = await self._try_to_acquire()
                self.failure = ""
                if is_held:
                    self._problem = ""
                    return
            except ProviderError as error:
                self.failure = f"cannot become the leader: {error}"
                self._note(self.failure, WARNING)
            await self._sleep(self._retry * (1 + random() / 5))  # noqa: S311 (no secret)

    async def _try_to_acquire(self) -> bool:
        try:
            found = read_lease(await self._leases.get(LEASES, self._namespace, self._name))
        except ObjectNotFound:
            found = Lease(self._namespace, self._name)
        if (found.holder, found.renewed, found.version) != (
            self._seen.holder,
            self._seen.renewed,
            self._seen.version,
        ):
            self._seen, self._seen_at = found, self._clock()
        is_over = self._clock() >= self._seen_at + found.seconds
        if found.holder not in ("", self._identity) and not is_over:
            self._note(f"another replica is the leader: {found.holder}")
            return False
        try:
            await self._write(found.taken(self._identity, self._seconds))
        except ObjectConflict:
            return False  # another replica was faster
        return True

    async def _renew_until_lost(self) -> None:
        while (remaining := self._remaining()) > 0:
            await self._sleep(min(self._retry, remaining))
            try:
                async with asyncio.timeout(max(self._remaining(), 0)):
                    await self._renew()
            except (ObjectConflict, ObjectNotFound):
                if not await self._is_still_ours():
                    return
            except TimeoutError:
                return
            except ProviderError as error:
                self._note(f"cannot renew the Lease: {error}", WARNING)

    async def _renew(self) -> None:
        if self._held is not None:
            await self._write(self._held.taken(self._identity, self._seconds))
            self._problem = ""

    async def _is_still_ours(self) -> bool:
        """Whether the Lease still names this replica: then its new version is renewed next."""
        try:
            async with asyncio.timeout(max(self._remaining(), 0)):
                found = read_lease(await self._leases.get(LEASES, self._namespace, self._name))
        except ObjectNotFound:
            return False
        except (ProviderError, TimeoutError):
            return True  # not known: the deadline decides
        if found.holder != self._identity:
            return False
        self._held = found
        return True

    async def _write(self, lease: Lease) -> None:
        began = self._clock()
        write = self._leases.replace if lease.version else self._leases.create
        self._held = read_lease(await write(LEASES, lease.document()))
        self._renewed_at = began

    async def _release(self) -> None:
        if self._held is None or not self.is_leading():
            return
        held, self._held = self._held, None
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._leases.replace(LEASES, held.released().document())
        except (ProviderError, TimeoutError) as error:
            logger.warning("cannot give back the Lease", extra=fields(error=str(error)))

    def _remaining(self) -> float:
        """Seconds until the Lease counts as lost unless it is renewed."""
        return self._renewed_at + RENEW_DEADLINE * self._seconds - self._clock()

    @property
    def _retry(self) -> float:
        """Seconds between attempts."""
        return RETRY * self._seconds

    def _note(self, problem: str, level: int = INFO) -> None:
        """Log what keeps this replica from leading, when it changes."""
        if problem != self._problem:
            logger.log(level, problem, extra=fields(lease=f"{self._namespace}/{self._name}"))
        self._problem = problem


async def _cancelled(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.wait((task,))
