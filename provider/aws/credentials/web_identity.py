"""IRSA: the token of a service account in exchange for credentials of its role."""

import re
from dataclasses import dataclass, field
from hashlib import sha256

from provider.aws.sts import Sts, ask_regions
from provider.engine.model import Credentials, Identity
from provider.errors import NotAuthenticated, ProviderError, Unavailable

LONGEST_NAME = 64
_FORBIDDEN = re.compile(r"[^\w+=,.@-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A `CredentialSource`: one service account in its role, and its token."""

    sts: Sts
    identity: Identity
    token: str = field(repr=False)
    regions: tuple[str, ...]
    """The first is preferred; at most one more."""
    session: str = ""
    """The name of the session; empty: made of the subject."""

    async def fetch(self) -> Credentials:
        """New credentials from STS; raises `NotAuthenticated` or `Unavailable`."""
        try:
            return await ask_regions(self.regions, self._assume)
        except (NotAuthenticated, Unavailable) as error:
            role, account = self.identity.role, self.identity.subject
            context = f"no credentials of role {role} for the service account {account}"
            raise error.in_context(context, after=self._hint(error)) from error

    async def _assume(self, region: str) -> Credentials:
        return await self.sts.assume_role_with_web_identity(
            identity=self.identity,
            session_name=self.session or session_name(self.identity.subject),
            token=self.token,
            region=region,
        )

    def _hint(self, error: ProviderError) -> str:
        """A note for a role of another partition: STS only says that it does not know it."""
        theirs, ours = self.identity.role.split(":")[1:2], self.identity.partition
        if not isinstance(error, NotAuthenticated) or theirs in ([], [ours]):
            return ""
        return (
            f" Note that the role is one of partition {theirs[0]}, while region {self.regions[0]} "
            f"is in {ours}: no credentials of one partition are valid in another."
        )


def session_name(subject: str) -> str:
    """What CloudTrail shows for `shop/web`: `web@shop`, in STS's alphabet and length.

    Where a name is shortened or changed, a digest of the subject keeps it unique.
    """
    namespace, _, account = subject.partition("/")
    full = f"{account}@{namespace}"
    name = _FORBIDDEN.sub("_", full)
    if name == full and len(name) <= LONGEST_NAME:
        return name
    digest = sha256(full.encode()).hexdigest()[:8]
    room = LONGEST_NAME - len(f"@-{digest}")
    account, _, namespace = name.partition("@")
    namespace = namespace[: max(room // 2, room - len(account))]
    return f"{account[: room - len(namespace)]}@{namespace}-{digest}"
