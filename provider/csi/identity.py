"""Who a pod is to AWS: from its token and service account to a `Principal`.

The daemon's own AWS credentials are never used here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from provider.aws.credentials.assumed_role import AssumedRole
from provider.aws.credentials.pod_identity import Agent, AgentAbsent, NoAssociation, PodIdentity
from provider.aws.credentials.web_identity import WebIdentity, session_name
from provider.aws.regions import partition_of
from provider.aws.sts import Sts
from provider.csi.associations import Associations
from provider.csi.request.model import Auth, MountSpec, Pod
from provider.engine.credentials import CredentialCache
from provider.engine.model import Identity
from provider.engine.ports import Principal
from provider.errors import RoleMissing, TokenMissing
from provider.manifests.problems import quote

PodKind = Literal["irsa", "pod-identity"]

AUDIENCES: dict[PodKind, str] = {
    "irsa": "sts.amazonaws.com",  # also in China, where the host name of STS differs
    "pod-identity": "pods.eks.amazonaws.com",
}

_SHOWN_AUDIENCES = 5
"""The author of a class can name any number of audiences."""


def audiences_of(auth: Auth) -> tuple[str, ...]:
    """The audiences of the tokens that a class can use; any one is enough."""
    return tuple(AUDIENCES.values()) if auth == "auto" else (AUDIENCES[auth],)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """Makes the principal of a mount; one for the process."""

    role_arn: Callable[[str, str], Awaitable[str]]
    """The ARN of the role of a service account, by its namespace and name. Raises `RoleMissing`, or
    the error of the look-up."""
    sts: Sts
    agent: Agent
    credentials: CredentialCache
    associations: Associations = field(default_factory=Associations)

    async def identify(self, spec: MountSpec, region: str) -> Principal:
        """The pod's identity and the source of its credentials.

        Raises `TokenMissing`, `RoleMissing`, or the error of the look-up of the role. IRSA needs
        the role of the service account; `auth: auto` may ask the agent for credentials, and keeps
        them.
        """
        auth = spec.klass.identity_kind
        if auth == "auto":
            own = await self._by_either(spec, region)
        elif auth == "pod-identity":
            own = self._by_agent(spec, region)
        else:
            own = await self._by_sts(spec, region)
        return self._in_role(own, spec, region)

    async def _by_either(self, spec: MountSpec, region: str) -> Principal:
        """By the agent if it has an association for the token, else by STS.

        A failure of the agent decides nothing, because there may be an association. Where there was
        one, an absent agent must not change the role of the service account either.
        """
        account = (spec.pod.namespace, spec.pod.service_account)
        has_token = AUDIENCES["pod-identity"] in spec.tokens
        if not has_token or self.associations.has_none(account):
            return await self._by_sts(spec, region)
        principal = self._by_agent(spec, region, probing=True)
        try:
            await self.credentials.get(principal)
        except (NoAssociation, AgentAbsent) as answer:
            if isinstance(answer, AgentAbsent) and self.associations.had_one(account):
                raise
            self.associations.note(account, has_one=False)
            return await self._by_sts(spec, region)
        self.associations.note(account, has_one=True)
        return principal

    def _by_agent(self, spec: MountSpec, region: str, *, probing: bool = False) -> Principal:
        subject = _subject(spec.pod)
        identity = Identity("pod-identity", subject, partition_of(region), session=spec.pod.uid)
        token = _token(spec, "pod-identity")
        source = PodIdentity(self.agent, spec.klass.address_type, subject, token, probing)
        return Principal(identity, source)

    async def _by_sts(self, spec: MountSpec, region: str) -> Principal:
        token = _token(spec, "irsa")
        role = spec.klass.role_arn or await self._role_of(spec.pod)
        identity = Identity("irsa", _subject(spec.pod), partition_of(region), role=role)
        source = WebIdentity(self.sts, identity, token, _sts_regions(spec, region))
        return Principal(identity, source)

    async def _role_of(self, pod: Pod) -> str:
        try:
            return await self.role_arn(pod.namespace, pod.service_account)
        except RoleMissing as error:
            advice = 'or set usePodIdentity: "true" in the SecretProviderClass for EKS Pod Identity'
            raise RoleMissing(f"{error}, {advice}") from error

    def _in_role(self, own: Principal, spec: MountSpec, region: str) -> Principal:
        """The principal in the role that the class wants the pod to assume, if there is one."""
        role = spec.klass.assume_role
        if role is None:
            return own
        # Sessions of EKS Pod Identity have tags of these names; AWS rejects setting them again.
        if spec.klass.session_tags and own.identity.kind == "irsa":
            namespace = ("kubernetes-namespace", spec.pod.namespace)
            account = ("kubernetes-service-account", spec.pod.service_account)
            role = role._replace(session_tags=(namespace, account))
        session, regions = session_name(own.identity.subject), _sts_regions(spec, region)
        return AssumedRole(self.sts, self.credentials, own, role, session, regions).principal


def _subject(pod: Pod) -> str:
    return f"{pod.namespace}/{pod.service_account}"


def _sts_regions(spec: MountSpec, region: str) -> tuple[str, ...]:
    """Where STS may be asked: credentials of another partition are not valid in this one."""
    failover = spec.klass.failover_region
    if failover is None or failover == region or partition_of(failover) != partition_of(region):
        return (region,)
    return (region, failover)


def require_token(spec: MountSpec) -> None:
    """Raises `TokenMissing` unless the request has a token that the class can use."""
    _token(spec, spec.klass.identity_kind)


def _token(spec: MountSpec, auth: Auth) -> str:
    """A token for this way of authentication; raises `TokenMissing`."""
    audiences = audiences_of(auth)
    for audience in audiences:
        if token := spec.tokens.get(audience):
            return token
    sent = ", ".join(map(quote, sorted(spec.tokens)[:_SHOWN_AUDIENCES])) or "none"
    wanted = " or ".join(f'"{audience}"' for audience in audiences)
    entries = ", ".join(f"- audience: {audience}" for audience in audiences)
    values = ", ".join(f"{{audience: {audience}}}" for audience in audiences)
    raise TokenMissing(
        f"the request has no service account token of audience {wanted} (audiences that it has: "
        f"{sent}). Add it to spec.tokenRequests of the CSIDriver secrets-store.csi.k8s.io "
        f'("{entries}"); in the values of the driver\'s Helm chart: tokenRequests: [{values}], '
        "beside those that are there already."
    )
