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
    """A service account, its role, and how to get a token for it.

    `subject` is `namespace/name`, `session` differs for accounts of the same name and role: UID and
    audiences. `request_token` raises `ProviderError`.
    """

    subject: str
    session: str
    role: str
    request_token: Callable[[], Awaitable[str]]

    def principal(self, sts: Sts, region: str) -> Principal:
        """The service account in its role; the token is requested when credentials are needed."""
        identity = Identity("irsa", self.subject, partition_of(region), self.role, self.session)
        return Principal(identity, _InItsRole(self, sts, region))


@dataclass(frozen=True, slots=True)
class _InItsRole:
    """A `CredentialSource`: as `WebIdentity`, with a new token each time."""

    account: ServiceAccount
    sts: Sts
    region: str

    async def fetch(self) -> Credentials:
        account = self.account
        token = await account.request_token()
        source = WebIdentity(
            self.sts, account.subject, account.role, token, (self.region,), session=SESSION_NAME
        )
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
