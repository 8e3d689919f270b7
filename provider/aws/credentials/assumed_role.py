"""Role chaining: the credentials of a role, requested with the credentials of another identity."""

from dataclasses import dataclass

from provider.aws.sts import Sts, ask_regions
from provider.engine.credentials import CredentialCache
from provider.engine.model import Access, AssumeRole, Credentials
from provider.engine.ports import Principal
from provider.errors import CredentialsExpired, NotAuthenticated, Unavailable


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A `CredentialSource`: `role`, assumed by the principal `own` with its cached credentials."""

    sts: Sts
    cache: CredentialCache
    own: Principal
    role: AssumeRole
    session_name: str
    regions: tuple[str, ...]
    """The first is preferred; at most one more."""

    @property
    def principal(self) -> Principal:
        identity = self.own.identity
        chained = identity._replace(chain=(*identity.chain, self.role))
        return Principal(chained, self, self.own.retries)

    async def fetch(self) -> Credentials:
        """New credentials from STS, which is asked once more if it calls those of `own` expired.

        Raises `NotAuthenticated` or `Unavailable`.
        """
        own = await self._own()
        try:
            return await self._assume(own)
        except CredentialsExpired:
            self.cache.drop(self.own.identity, own)
            return await self._assume(await self._own())

    async def _own(self) -> Credentials:
        try:
            return await self.cache.get(self.own)
        except (NotAuthenticated, Unavailable) as error:
            by = self.own.identity
            context = f"role {self.role.arn} cannot be assumed without credentials of {by}"
            raise error.in_context(context) from error

    async def _assume(self, own: Credentials) -> Credentials:
        async def ask(region: str) -> Credentials:
            access = Access(region, self.own.identity, own)
            return await self.sts.assume_role(self.role, self.session_name, access)

        try:
            return await ask_regions(self.regions, ask)
        except (NotAuthenticated, Unavailable) as error:
            by = self.own.identity
            context = f"role {self.role.arn} cannot be assumed with the credentials of {by}"
            raise error.in_context(context) from error
