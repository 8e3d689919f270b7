"""The principals of stores: access keys, service accounts, and roles that are assumed from there.

Every part that decides what the credentials allow is a part of the identity, so that no two of them
share credentials or values.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from provider.aws.credentials.assumed_role import AssumedRole
from provider.aws.credentials.static import Static
from provider.aws.credentials.web_identity import WebIdentity
from provider.aws.regions import partition_of
from provider.aws.sts import Sts
from provider.engine.credentials import CredentialCache
from provider.engine.model import AssumeRole, Credentials, Identity
from provider.engine.ports import Principal

SESSION_NAME = "external-secrets-provider-aws"
"""Of all sessions, as CloudTrail shows them; trust policies of users of External Secrets ask for
it."""


def session_key(*parts: str) -> str:
    """A text that is different for different parts."""
    return json.dumps(parts, separators=(",", ":"))


def static_keys(subject: str, session: str, credentials: Credentials, region: str) -> Principal:
    """Access keys of `subject` (`namespace/name`); `session` changes whenever the keys do."""
    identity = Identity("static", subject, partition_of(region), session=session)
    return Principal(identity, Static(credentials))


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A `CredentialSource`: a service account in its role, with a new token each time.

    `subject` is `namespace/name`, `session` differs for accounts of the same name and role: UID and
    audiences. `request_token` raises `ProviderError`. STS is asked in `region`.
    """

    subject: str
    session: str
    role: str
    request_token: Callable[[], Awaitable[str]]
    sts: Sts
    region: str

    @property
    def principal(self) -> Principal:
        return Principal(self._identity, self)

    @property
    def _identity(self) -> Identity:
        partition = partition_of(self.region)
        return Identity("irsa", self.subject, partition, self.role, self.session)

    async def fetch(self) -> Credentials:
        """New credentials from STS; raises as `WebIdentity` and `request_token` do."""
        token, regions = await self.request_token(), (self.region,)
        source = WebIdentity(self.sts, self._identity, token, regions, session=SESSION_NAME)
        return await source.fetch()


def role_chain(additional: Sequence[str], role: AssumeRole | None) -> tuple[AssumeRole, ...]:
    """The roles to assume, one after the other: the additional ones, then `role`.

    Only `role` has an external id and session tags.
    """
    return (*map(AssumeRole, additional), *([role] if role else []))


def in_roles(
    principal: Principal,
    roles: Sequence[AssumeRole],
    *,
    sts: Sts,
    credentials: CredentialCache,
    region: str,
) -> Principal:
    """The principal in the last role. The session of every role is kept in the cache."""
    for role in roles:
        assumed = AssumedRole(sts, credentials, principal, role, SESSION_NAME, (region,))
        principal = assumed.principal
    return principal
