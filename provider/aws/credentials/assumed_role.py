"""`assumeRoleArn`: another role's credentials in exchange for the pod's own ("Role chaining", IAM
User Guide)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from provider.aws.credentials.web_identity import session_name
from provider.aws.credentials.sts_regions import PATIENCE, Start, ask_regions
from provider.credentials import Credentials, Identity
from provider.deadline import Deadline
from provider.errors import CredentialsExpired, NotAuthenticated, Unavailable
from provider.csi.request.model import AssumeRole


@dataclass(frozen=True, slots=True)
class Assumption:
    """Who assumes which role, as it is told to STS."""

    role: AssumeRole
    by: Identity

    @property
    def session_name(self) -> str:
        """What CloudTrail shows, the same as for IRSA."""
        return session_name(self.by.namespace, self.by.service_account)

    @property
    def tags(self) -> Mapping[str, str]:
        """Session tags, named as EKS Pod Identity names them, whose own sessions bring them along:
        AWS refuses to have them set again."""
        if not self.role.session_tags or self.by.kind == "pod-identity":
            return {}
        return {
            "kubernetes-namespace": self.by.namespace,
            "kubernetes-service-account": self.by.service_account,
        }


class Sts(Protocol):
    """AWS STS."""

    def assume_role(
        self, assumption: Assumption, own: Credentials, *, region: str, deadline: Deadline
    ) -> Credentials:
        """Credentials, or `NotAuthenticated` or `Unavailable`."""
        ...


class OwnCredentials(Protocol):
    """The pod's own, which are shared with all that is mounted as them."""

    def get(self, deadline: Deadline) -> Credentials:
        """Some that are good for a while; raises `NotAuthenticated` or `Unavailable`."""
        ...

    def drop(self, credentials: Credentials) -> None:
        """AWS does not take these any more."""
        ...


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A `CredentialSource`: a role that a pod's own credentials may assume."""

    sts: Sts
    start: Start
    own: OwnCredentials
    assumption: Assumption
    regions: tuple[str, ...]
    patience: float = PATIENCE

    def fetch(self, deadline: Deadline) -> Credentials:
        """Ask STS, once more with new credentials of the pod's if it calls them expired."""
        own = self._own(deadline)
        try:
            return self._assume(own, deadline)
        except CredentialsExpired:
            self.own.drop(own)
            return self._assume(self._own(deadline), deadline)

    def _own(self, deadline: Deadline) -> Credentials:
        try:
            return self.own.get(deadline)
        except (NotAuthenticated, Unavailable) as error:
            raise type(error)(
                f"{self._role} cannot be assumed without the pod's own credentials: {error}"
            ) from error

    def _assume(self, own: Credentials, deadline: Deadline) -> Credentials:
        def ask(region: str, limit: Deadline) -> Credentials:
            return self.sts.assume_role(self.assumption, own, region=region, deadline=limit)

        try:
            return ask_regions(self.regions, self.start, ask, deadline, self.patience)
        except (NotAuthenticated, Unavailable) as error:
            raise type(error)(
                f"{self._role} cannot be assumed by {self.assumption.by}, whose own credentials "
                f"are there: {error}"
            ) from error

    @property
    def _role(self) -> str:
        return f"role {self.assumption.role.arn} (assumeRoleArn)"
