"""IRSA: the pod's service account token in exchange for credentials of its role."""

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from provider.aws.credentials.sts_regions import PATIENCE, Start, ask_regions
from provider.credentials import Credentials
from provider.deadline import Deadline
from provider.errors import NotAuthenticated, ProviderError, Unavailable
from provider.aws.arn import partition_of

LONGEST_NAME = 64
_FORBIDDEN = re.compile(r"[^\w+=,.@-]", re.ASCII)


class Sts(Protocol):
    """AWS STS."""

    def assume_role_with_web_identity(
        self, *, role_arn: str, session_name: str, token: str, region: str, deadline: Deadline
    ) -> Credentials:
        """Credentials, or `NotAuthenticated` or `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A `CredentialSource`: one service account, its token and its role."""

    sts: Sts
    start: Start
    namespace: str
    service_account: str
    role: str
    token: str = field(repr=False)
    regions: tuple[str, ...]
    """The first is preferred; one more at most."""
    patience: float = PATIENCE

    def fetch(self, deadline: Deadline) -> Credentials:
        """Ask STS; raises `NotAuthenticated` or `Unavailable`."""
        try:
            return ask_regions(self.regions, self.start, self._assume, deadline, self.patience)
        except (NotAuthenticated, Unavailable) as error:
            raise type(error)(
                f"no credentials of role {self.role} for the service account "
                f"{self.namespace}/{self.service_account}: {error}{self._hint(error)}"
            ) from error

    def _assume(self, region: str, deadline: Deadline) -> Credentials:
        return self.sts.assume_role_with_web_identity(
            role_arn=self.role,
            session_name=session_name(self.namespace, self.service_account),
            token=self.token,
            region=region,
            deadline=deadline,
        )

    def _hint(self, error: ProviderError) -> str:
        """STS itself never says so, it just knows neither token nor role."""
        theirs, ours = self.role.split(":")[1], partition_of(self.regions[0])
        if not isinstance(error, NotAuthenticated) or theirs == ours:
            return ""
        return (
            f" Note that the role is one of partition {theirs}, while region {self.regions[0]} is "
            f"in {ours}: no credentials reach from one into the other."
        )


def session_name(namespace: str, service_account: str) -> str:
    """What CloudTrail shows of who it was: `web@shop`, in STS's alphabet and length.

    Where a name had to be cut or changed, a digest of both keeps it apart from its likes.
    """
    full = f"{service_account}@{namespace}"
    name = _FORBIDDEN.sub("_", full)
    if name == full and len(name) <= LONGEST_NAME:
        return name
    digest = sha256(full.encode()).hexdigest()[:8]
    room = LONGEST_NAME - len(f"@-{digest}")
    account, _, space = name.partition("@")
    space = space[: max(room // 2, room - len(account))]
    return f"{account[: room - len(space)]}@{space}-{digest}"
