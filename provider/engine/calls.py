"""One call to a store: with the identity's credentials, within the limits, once more where AWS
rejects the credentials.

A call has no deadline of its own: each attempt of a store is bounded, and a call that nobody waits
for any more is cancelled.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from provider.engine.credentials import CredentialCache
from provider.engine.limits import CallLimits
from provider.engine.model import Access
from provider.engine.ports import Principal
from provider.errors import CredentialsExpired

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Calls:
    """One for the process."""

    credentials: CredentialCache
    limits: CallLimits

    async def make(
        self,
        principal: Principal,
        region: str,
        send: Callable[[Access], Awaitable[T]],
        sending: Callable[[], None],
        waiting: Callable[[], None] = lambda: None,
    ) -> T:
        """The result of `send`; raises its errors, and those of getting credentials.

        `waiting` is called before each attempt waits for the limits, `sending` when it is sent.
        """
        identity = principal.identity

        async def attempt() -> T:
            credentials = await self.credentials.get(principal)
            waiting()
            async with self.limits.slot(identity, region, principal.tenant):
                sending()
                access = Access(region, identity, credentials, principal.retries, principal.tenant)
                try:
                    return await send(access)
                except CredentialsExpired:
                    self.credentials.drop(identity, credentials)
                    raise

        try:
            return await attempt()
        except CredentialsExpired:
            return await attempt()
