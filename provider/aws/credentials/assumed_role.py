"""Role chaining: the credentials of a role, requested with the credentials of another identity."""

from dataclasses import dataclass
from typing import Protocol

from provider.aws.credentials.sts_regions import PATIENCE, ask_regions
from provider.engine.credentials import CredentialCache
from provider.engine.model import AssumeRole, Credentials, Identity
from provider.engine.ports import Principal
from provider.errors import CredentialsExpired, NotAuthenticated, Unavailable


class Sts(Protocol):
    """AWS STS."""

    async def assume_role(
        self, role: AssumeRole, *, session_name: str, by: str, own: Credentials, region: str
    ) -> Credentials:
        """Credentials; raises `NotAuthenticated` or `Unavailable`."""
        ...


class OwnCredentials(Protocol):
    """The credentials of the identity that assumes the role; others may share them."""

    async def get(self) -> Credentials:
        """Valid credentials; raises `NotAuthenticated` or `Unavailable`."""
        ...

    def drop(self, credentials: Credentials) -> None:
        """Forget credentials that AWS rejects."""
        ...


@dataclass(frozen=True, slots=True)
class CachedCredentials:
    """The credentials of a principal, as the credential cache has them."""

    cache: CredentialCache
    principal: Principal

    async def get(self) -> Credentials:
        """Credentials that are valid for a while."""
        return await self.cache.get(self.principal)

    def drop(self, credentials: Credentials) -> None:
        """Forget credentials that AWS rejected."""
        self.cache.drop(self.principal.identity, credentials)


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A `CredentialSource`: `role`, assumed by the identity `by` with its own credentials."""

    sts: Sts
    own: OwnCredentials
    role: AssumeRole
    by: Identity
    session_name: str
    regions: tuple[str, ...]
    """The first is preferred; at most one more."""
    patience: float = PATIENCE

    async def fetch(self) -> Credentials:
        """New credentials from STS, which is asked once more if it calls `own` expired.

        Raises `NotAuthenticated` or `Unavailable`.
        """
        own = await self._own()
        try:
            return await self._assume(own)
        except CredentialsExpired:
            self.own.drop(own)
            return await self._assume(await self._own())

    async def _own(self) -> Credentials:
        try:
            return await self.own.get()
        except (NotAuthenticated, Unavailable) as error:
            context = f"role {self.role.arn} cannot be assumed without credentials of {self.by}"
            raise error.in_context(context) from error

    async def _assume(self, own: Credentials) -> Credentials:
        async def ask(region: str) -> Credentials:
            return await self.sts.assume_role(
                self.role,
                session_name=self.session_name,
                by=str(self.by),
                own=own,
                region=region,
            )

        try:
            return await ask_regions(self.regions, ask, self.patience)
        except (NotAuthenticated, Unavailable) as error:
            context = f"role {self.role.arn} cannot be assumed with the credentials of {self.by}"
            raise error.in_context(context) from error
