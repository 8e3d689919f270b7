"""Who a pod is to AWS: what its token proves, and what Kubernetes says of its service account."""

from typing import Protocol

from provider.aws.irsa import Start, Sts, WebIdentity
from provider.aws.pod_identity import Agent, PodIdentity
from provider.credentials import Identity, Principal
from provider.deadline import Deadline
from provider.errors import TokenMissing
from provider.spec.arn import partition_of
from provider.spec.models import IdentityKind, MountSpec

AUDIENCES: dict[IdentityKind, str] = {
    "irsa": "sts.amazonaws.com",  # in China too, where STS's own name is another
    "pod-identity": "pods.eks.amazonaws.com",
}


class FindsRoles(Protocol):
    """Knows the roles of service accounts."""

    def role_arn(self, namespace: str, service_account: str, deadline: Deadline) -> str:
        """The role's ARN, or `RoleMissing` or what keeps it from being looked up."""
        ...


class Identifier:
    """Thread-safe; one for the process. `start` runs calls to STS (see `aws.irsa.Start`)."""

    def __init__(self, *, roles: FindsRoles, sts: Sts, start: Start, agent: Agent) -> None:
        self._roles = roles
        self._sts = sts
        self._start = start
        self._agent = agent

    def identify(self, spec: MountSpec, region: str, deadline: Deadline) -> Principal:
        """The pod's identity, for IRSA by a look-up, and its source of credentials."""
        token = require_token(spec)
        if spec.klass.identity_kind == "pod-identity":
            return self._by_agent(spec, token, region)
        return self._by_sts(spec, token, region, deadline)

    def require_token(self, spec: MountSpec) -> None:
        """Raise `TokenMissing` unless the request proves the pod's identity; no look-up."""
        require_token(spec)

    def _by_agent(self, spec: MountSpec, token: str, region: str) -> Principal:
        pod = spec.pod
        identity = Identity(
            "pod-identity",
            pod.namespace,
            pod.service_account,
            partition_of(region),
            pod_uid=pod.uid,
        )
        source = PodIdentity(
            self._agent, spec.klass.address_type, pod.namespace, pod.service_account, token
        )
        return Principal(identity, source)

    def _by_sts(self, spec: MountSpec, token: str, region: str, deadline: Deadline) -> Principal:
        namespace, service_account = spec.pod.namespace, spec.pod.service_account
        role = self._roles.role_arn(namespace, service_account, deadline)
        partition = partition_of(region)
        other = spec.klass.failover_region
        # Credentials of another partition would be of no use in this one.
        covers = other is not None and other != region and partition_of(other) == partition
        source = WebIdentity(
            self._sts,
            self._start,
            namespace,
            service_account,
            role,
            token,
            (region, other) if other is not None and covers else (region,),
        )
        identity = Identity("irsa", namespace, service_account, partition, role=role)
        return Principal(identity, source)


def require_token(spec: MountSpec) -> str:
    """The token that the class's kind of identity needs; `TokenMissing` if none came."""
    audience = AUDIENCES[spec.klass.identity_kind]
    if token := spec.tokens.get(audience):
        return token
    came = ", ".join(sorted(spec.tokens)) or "none"
    raise TokenMissing(
        f'no service account token of audience "{audience}" came with the request (audiences '
        f"that came: {came}). Add it to spec.tokenRequests of the CSIDriver "
        f'secrets-store.csi.k8s.io ("- audience: {audience}"); in the values of the driver\'s Helm '
        f"chart: tokenRequests: [{{audience: {audience}}}], beside those that are there already."
    )
