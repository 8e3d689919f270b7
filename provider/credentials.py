"""Who a pod is to AWS, and the credentials it has been given."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from provider.deadline import Deadline
from provider.spec.models import AssumeRole, IdentityKind


class Identity(NamedTuple):
    """Everything that decides what AWS lets a pod read; the key of every cache.

    IRSA identities are shared by all pods of a service account (`pod_uid` is empty); Pod Identity
    sessions carry the pod's name in their tags and are never shared between pods (`role` is empty:
    only the agent knows it). Whoever assumes another role with these is yet another identity. An
    ambient identity is that of whoever runs a tool, and no pod's: its `role` is the caller's ARN,
    and no request of the driver ever gets one.
    """

    kind: IdentityKind | Literal["ambient"]
    namespace: str
    service_account: str
    partition: str
    role: str = ""
    pod_uid: str = ""
    assumes: AssumeRole | None = None

    def __str__(self) -> str:
        own = self._own
        return f"role {self.assumes.arn} assumed by {own}" if self.assumes else own

    @property
    def _own(self) -> str:
        if self.kind == "irsa":
            return f"role {self.role} of service account {self.namespace}/{self.service_account}"
        if self.kind == "ambient":
            return self.role
        return f"EKS Pod Identity of service account {self.namespace}/{self.service_account}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One session's keys. `expires_at` is wall-clock time, in seconds since the epoch."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    expires_at: float
    derived: dict[tuple[str, ...], bytes] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Keys that signing derives from these, by what for: they live no longer than these."""


@dataclass(frozen=True, slots=True)
class Access:
    """With what right, where and until when a store may be asked."""

    region: str
    identity: Identity
    credentials: Credentials = field(repr=False)
    deadline: Deadline


class CredentialSource(Protocol):
    """Gets new credentials for one pod: IRSA or EKS Pod Identity."""

    def fetch(self, deadline: Deadline) -> Credentials:
        """Ask for new credentials; raise `NotAuthenticated` or `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and where its credentials come from."""

    identity: Identity
    source: CredentialSource
