"""EKS Pod Identity: a pod's service account token in exchange for credentials, by an agent.

The agent of the node listens on two link-local addresses and answers `GET /v1/credentials` ("How
EKS Pod Identity works", Amazon EKS User Guide). If it has no credentials in memory, it asks EKS,
and it stops when the caller closes the connection. So the time to connect is short, and the time
for an answer is long.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from provider.aws.credentials.lifetime import issued_credentials
from provider.aws.faults import clean, token_parts
from provider.engine.model import Credentials
from provider.errors import AgentUnavailable, NotAuthenticated, RoleNotAssumable, TokenRejected
from provider.runtime.transport import NoAnswer, Reply, Request, Transport

AddressType = Literal["auto", "ipv4", "ipv6"]
"""`auto`: IPv4, then IPv6 if IPv4 gives no credentials."""

CONNECT_TIMEOUT = 1.0
REQUEST_TIMEOUT = 10.0
MAX_BODY = 64 * 1024
PAUSES = (0.2, 0.8)
"""Seconds before each further round."""


class NoAssociation(RoleNotAssumable):
    """The service account has no association: a caller that only probes may go on without."""

    reason = RoleNotAssumable.__name__


class AgentAbsent(AgentUnavailable):
    """Nothing listens where the agent should: perhaps the cluster has none."""

    reason = AgentUnavailable.__name__


_CODE = re.compile(r"\((\w+)\)")

_ASSOCIATE = (
    "Associate a role with the service account: aws eks create-pod-identity-association "
    "--cluster-name CLUSTER --namespace {namespace} --service-account {service_account} "
    "--role-arn ROLE"
)
_TRUST = (
    "Let the role's trust policy allow sts:AssumeRole and sts:TagSession to "
    "pods.eks.amazonaws.com, and the node's role eks-auth:AssumeRoleForPodIdentity"
)
_RUN_IT = "Check that the EKS add-on eks-pod-identity-agent runs on the node, and see its log."
_REFUSALS: Mapping[str, tuple[type[NotAuthenticated], str]] = {
    "ResourceNotFoundException": (NoAssociation, _ASSOCIATE),
    "AccessDeniedException": (RoleNotAssumable, _TRUST),
    "ExpiredTokenException": (
        TokenRejected,
        "Check the clocks of node and API server; a new token is needed",
    ),
    "InvalidTokenException": (
        TokenRejected,
        "Check that the agent belongs to the cluster that the pod runs in",
    ),
}
"""What EKS refuses with (`AssumeRoleForPodIdentity`, EKS Auth API), and what to do about it."""


@dataclass(frozen=True, slots=True)
class Agent:
    """The EKS Pod Identity agent of the node; one for the process. `send` must use no proxy."""

    send: Transport
    ipv4_endpoint: str
    ipv6_endpoint: str
    timeout: float | None = None
    """Seconds for one whole request; None: the default."""

    def endpoints(self, address_type: AddressType) -> Sequence[str]:
        """The URLs to ask, one after the other."""
        by_type = {"ipv4": (self.ipv4_endpoint,), "ipv6": (self.ipv6_endpoint,)}
        return by_type.get(address_type, (self.ipv4_endpoint, self.ipv6_endpoint))


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """A `CredentialSource`: the token of one pod of a service account (`namespace/name`).

    With `probing` the first refusal counts, and an agent that listens at none of its addresses is
    `AgentAbsent` at once: the caller wants to know whether there is an association at all.
    """

    agent: Agent
    address_type: AddressType
    subject: str
    token: str = field(repr=False)
    probing: bool = False

    async def fetch(self) -> Credentials:
        """New credentials from the agent; raises `NotAuthenticated` or `AgentUnavailable`."""
        try:
            return await self._fetch()
        except (AgentUnavailable, NotAuthenticated) as error:
            context = f"no EKS Pod Identity credentials for the service account {self.subject}"
            raise error.in_context(context) from error

    async def _fetch(self) -> Credentials:
        """Only transient failures are tried again: the agent is absent or fails."""
        pauses = iter(PAUSES)
        while True:
            try:
                return await self._round()
            except AgentUnavailable as error:
                pause = next(pauses, None)
                if pause is None or (self.probing and isinstance(error, AgentAbsent)):
                    raise
            await asyncio.sleep(pause)

    async def _round(self) -> Credentials:
        """Credentials, asked for at each address in turn."""
        failures: list[AgentUnavailable] = []
        refusals: list[NotAuthenticated] = []
        for endpoint in self.agent.endpoints(self.address_type):
            try:
                return await self._ask(endpoint)
            except AgentUnavailable as failure:
                failures.append(failure)
            except NotAuthenticated as refusal:
                refusals.append(refusal)
                if self.probing:
                    break
        if refusals:
            raise refusals[0]
        is_absent = all(isinstance(one, AgentAbsent) for one in failures)
        error = AgentAbsent if is_absent else AgentUnavailable
        raise error(f"{'; '.join(map(str, failures))}. {_RUN_IT}")

    async def _ask(self, endpoint: str) -> Credentials:
        """One request; raises `NotAuthenticated` or `AgentUnavailable`."""
        headers = {"Accept": "application/json", "Authorization": self.token}
        timeout = self.agent.timeout or REQUEST_TIMEOUT
        connect_timeout = min(CONNECT_TIMEOUT, timeout)
        request = Request("GET", endpoint, headers, b"", timeout, connect_timeout, MAX_BODY)
        try:
            reply = await self.agent.send(request)
        except NoAnswer as failure:
            error = AgentAbsent if failure.kind == "unreachable" else AgentUnavailable
            raise error(str(failure)) from failure
        if reply.status == 200:
            return _read(endpoint, reply)
        # Credentials may come with another status too.
        body = "" if b"SecretAccessKey" in reply.body else reply.body.decode("utf-8", "replace")
        shown = clean(body, token_parts(self.token)) or "(no text)"
        text = f"{endpoint} answered {reply.status}: {shown}"
        if 400 <= reply.status < 500 and reply.status != 429:
            raise _refusal(reply.status, text, self.subject)
        raise AgentUnavailable(text)


def _read(endpoint: str, reply: Reply) -> Credentials:
    try:
        return issued_credentials(json.loads(reply.body), "Token", reply.sent_at)
    except (ValueError, AttributeError, RecursionError):  # which would quote the answer
        raise AgentUnavailable(
            f"{endpoint} answered something other than credentials "
            "(AccessKeyId, SecretAccessKey, Token, Expiration)"
        ) from None


def _refusal(status: int, text: str, subject: str) -> NotAuthenticated:
    """The error for an answer that there will be no credentials."""
    code = _CODE.search(text)
    named = code[1] if code else "ResourceNotFoundException" if status == 404 else ""
    error, advice = _REFUSALS.get(named, (TokenRejected, "See the agent's log"))
    namespace, _, service_account = subject.partition("/")
    advice = advice.format(namespace=namespace, service_account=service_account)
    return error(f"{text.rstrip('. ')}. {advice}.")
