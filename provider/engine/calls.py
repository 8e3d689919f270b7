"""One call to a store: with the identity's credentials, within the limits, once more where AWS
rejects the credentials.

A call has no deadline of its own: each attempt of a store is bounded, and a call that nobody waits
for any more is cancelled.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from provider.engine.credentials import CredentialCache
from provider.engine.limits import CallLimits
from provider.engine.model import Access
from provider.engine.ports import Principal
from provider.errors import CredentialsExpired

T = TypeVar("T")


class Calls:
    """One for the process."""

    def __init__(self, credentials: CredentialCache, limits: CallLimits) -> None:
        self._credentials = credentials
        self._limits = limits

    async def make(
        self,
        principal: Principal,
        region: str,
        send: Callable[[Access], Awaitable[T]],
        sending: Callable[[], None],
    ) -> T:
        """What `send` returns; raises what it raises, and what getting credentials raises.

        `sending` is called right before each attempt.
        """
        try:
            return await self._attempt(principal, region, send, sending)
        except CredentialsExpired:
            return await self._attempt(principal, region, send, sending)

    async def _attempt(
        self,
        principal: Principal,
        region: str,
        send: Callable[[Access], Awaitable[T]],
        sending: Callable[[], None],
    ) -> T:
        identity = principal.identity
        credentials = await self._credentials.get(principal)
        async with self._limits.slot(identity, region):
            sending()
            try:
                return await send(Access(region, identity, credentials, principal.retries))
            except CredentialsExpired:
                self._credentials.drop(identity, credentials)
                raise
