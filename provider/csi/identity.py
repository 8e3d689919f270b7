"""Who a pod is to AWS: what its token proves, what Kubernetes says of its service account, and the
role that it may assume with that."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from provider.csi.associations import Associations
from provider.aws.credentials.assumed_role import AssumedRole, Assumption
from provider.aws.credentials.assumed_role import Sts as AssumesRoles
from provider.aws.credentials.web_identity import Sts as TakesTokens
from provider.aws.credentials.web_identity import WebIdentity
from provider.aws.credentials.pod_identity import Agent, AgentAbsent, NoAssociation, PodIdentity
from provider.aws.credentials.sts_regions import Start
from provider.credential_cache import CredentialCache
from provider.credentials import Credentials, Identity, Principal
from provider.deadline import Deadline
from provider.errors import TokenMissing
from provider.aws.arn import partition_of
from provider.csi.request.model import AssumeRole, Auth, IdentityKind, MountSpec

AUDIENCES: dict[IdentityKind, str] = {
    "irsa": "sts.amazonaws.com",  # in China too, where STS's own name is another
    "pod-identity": "pods.eks.amazonaws.com",
}


def audiences_of(auth: Auth) -> tuple[str, ...]:
    """The audiences of the tokens that a class can do with; any one is enough."""
    return tuple(AUDIENCES.values()) if auth == "auto" else (AUDIENCES[auth],)


class FindsRoles(Protocol):
    """Knows the roles of service accounts."""

    def role_arn(self, namespace: str, service_account: str, deadline: Deadline) -> str:
        """The role's ARN, or `RoleMissing` or what keeps it from being looked up."""
        ...


class Sts(TakesTokens, AssumesRoles, Protocol):
    """AWS STS."""


@dataclass(frozen=True, slots=True)
class _Own:
    """A pod's own credentials, by way of the cache."""

    cache: CredentialCache
    principal: Principal

    def get(self, deadline: Deadline) -> Credentials:
        """See `OwnCredentials.get`."""
        return self.cache.get(self.principal.identity, self.principal.source, deadline)

    def drop(self, credentials: Credentials) -> None:
        """See `OwnCredentials.drop`."""
        self.cache.drop(self.principal.identity, credentials)


class Identifier:
    """Thread-safe; one for the process. `start` runs calls to STS (see `aws.sts_regions.Start`),
    `credentials` is where the credentials of all identities are kept."""

    def __init__(
        self,
        *,
        roles: FindsRoles,
        sts: Sts,
        start: Start,
        agent: Agent,
        credentials: CredentialCache,
    ) -> None:
        self._roles = roles
        self._sts = sts
        self._start = start
        self._agent = agent
        self._credentials = credentials
        self._associations = Associations()

    def identify(self, spec: MountSpec, region: str, deadline: Deadline) -> Principal:
        """The pod's identity, for IRSA by a look-up, and its source of credentials.

        For `auto` the agent may be asked for credentials, which are kept if there are any.
        """
        require_token(spec)
        own = self._own(spec, region, deadline)
        role = spec.klass.assume_role
        return own if role is None else self._assuming(role, own, spec, region)

    def require_token(self, spec: MountSpec) -> None:
        """Raise `TokenMissing` unless the request proves the pod's identity; no look-up."""
        require_token(spec)

    def _own(self, spec: MountSpec, region: str, deadline: Deadline) -> Principal:
        kind = spec.klass.identity_kind
        if kind == "auto":
            return self._by_either(spec, region, deadline)
        if kind == "pod-identity":
            return self._by_agent(spec, region)
        return self._by_sts(spec, region, deadline)

    def _by_either(self, spec: MountSpec, region: str, deadline: Deadline) -> Principal:
        """By the agent where it has an association for the token, else by STS.

        An agent that fails is neither: it may have one. Nor does one that has gone make a service
        account change its role that had an association.
        """
        account = (spec.pod.namespace, spec.pod.service_account)
        has_token = AUDIENCES["pod-identity"] in spec.tokens
        if not has_token or self._associations.has_none(account):
            return self._by_sts(spec, region, deadline)
        principal = self._by_agent(spec, region, probing=True)
        try:
            _Own(self._credentials, principal).get(deadline)
        except (NoAssociation, AgentAbsent) as answer:
            if isinstance(answer, AgentAbsent) and self._associations.had_one(account):
                raise
            self._associations.note(account, has_one=False)
            return self._by_sts(spec, region, deadline)
        self._associations.note(account, has_one=True)
        return principal

    def _by_agent(self, spec: MountSpec, region: str, *, probing: bool = False) -> Principal:
        pod = spec.pod
        identity = Identity(
            "pod-identity",
            pod.namespace,
            pod.service_account,
            partition_of(region),
            pod_uid=pod.uid,
        )
        source = PodIdentity(
            self._agent,
            spec.klass.address_type,
            pod.namespace,
            pod.service_account,
            _token(spec, "pod-identity"),
            probing,
        )
        return Principal(identity, source)

    def _by_sts(self, spec: MountSpec, region: str, deadline: Deadline) -> Principal:
        namespace, service_account = spec.pod.namespace, spec.pod.service_account
        token = _token(spec, "irsa")
        role = spec.klass.role_arn or self._roles.role_arn(namespace, service_account, deadline)
        source = WebIdentity(
            self._sts,
            self._start,
            namespace,
            service_account,
            role,
            token,
            _sts_regions(spec, region),
        )
        identity = Identity("irsa", namespace, service_account, partition_of(region), role=role)
        return Principal(identity, source)

    def _assuming(
        self, role: AssumeRole, own: Principal, spec: MountSpec, region: str
    ) -> Principal:
        source = AssumedRole(
            self._sts,
            self._start,
            _Own(self._credentials, own),
            Assumption(role, own.identity),
            _sts_regions(spec, region),
        )
        return Principal(own.identity._replace(assumes=role), source)


def _sts_regions(spec: MountSpec, region: str) -> tuple[str, ...]:
    """Where STS may be asked: credentials of another partition would be of no use in this one."""
    other = spec.klass.failover_region
    covers = other not in (None, region) and partition_of(other or "") == partition_of(region)
    return (region, other) if other is not None and covers else (region,)


def require_token(spec: MountSpec) -> None:
    """Raise `TokenMissing` unless a token came that the class's kind of identity can do with."""
    audiences = audiences_of(spec.klass.identity_kind)
    if not any(map(spec.tokens.get, audiences)):
        raise _missing(spec, audiences)


def _token(spec: MountSpec, kind: IdentityKind) -> str:
    if token := spec.tokens.get(AUDIENCES[kind]):
        return token
    raise _missing(spec, audiences_of(kind))


def _missing(spec: MountSpec, audiences: Iterable[str]) -> TokenMissing:
    came = ", ".join(sorted(spec.tokens)) or "none"
    wanted = " or ".join(f'"{audience}"' for audience in audiences)
    entries = ", ".join(f"- audience: {audience}" for audience in audiences)
    values = ", ".join(f"{{audience: {audience}}}" for audience in audiences)
    return TokenMissing(
        f"no service account token of audience {wanted} came with the request (audiences "
        f"that came: {came}). Add it to spec.tokenRequests of the CSIDriver "
        f'secrets-store.csi.k8s.io ("{entries}"); in the values of the driver\'s Helm '
        f"chart: tokenRequests: [{values}], beside those that are there already."
    )
