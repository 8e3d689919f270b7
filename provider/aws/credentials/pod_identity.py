"""EKS Pod Identity: the pod's service account token in exchange for credentials, by an agent.

The node's agent listens on two link-local addresses and answers `GET /v1/credentials` ("How EKS
Pod Identity works", Amazon EKS User Guide). Where its memory holds no credentials it asks EKS, and
gives that up when the caller hangs up: hence little time to connect, but enough to answer.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import sleep
from urllib.parse import urlsplit

from provider.aws.faults import clean
from provider.credentials import Credentials
from provider.deadline import Deadline
from provider.errors import (
    AgentUnavailable,
    NotAuthenticated,
    RoleNotAssumable,
    TokenRejected,
)
from provider.http.site import Limits, Site, SiteUnavailable, Unreachable
from provider.csi.request.model import AddressType

CONNECT_TIMEOUT = 1.0
REQUEST_TIMEOUT = 10.0
MAX_BODY = 64 * 1024
PAUSES = (0.2, 0.8)
"""Seconds before each further round."""


class NoAssociation(RoleNotAssumable):
    """The service account has no association: others may take that for an answer."""

    reason = RoleNotAssumable.__name__


class AgentAbsent(AgentUnavailable):
    """Nobody listens where the agent should: perhaps the cluster has none."""

    reason = AgentUnavailable.__name__


_CODE = re.compile(r"\((\w+)\)")
_CREDENTIALS = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")

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
        "Check the clocks of node and API server; the next mount brings a new token",
    ),
    "InvalidTokenException": (
        TokenRejected,
        "Check that the agent belongs to the cluster that the pod runs in",
    ),
}
"""What EKS refuses with (`AssumeRoleForPodIdentity`, EKS Auth API), and what to do about it."""


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """A `CredentialSource`: one pod's token, and the address to show it at."""

    agent: "Agent"
    address_type: AddressType
    namespace: str
    service_account: str
    token: str = field(repr=False)
    probing: bool = False
    """Whether to find out, and soon, whether there is an association at all: see `Agent.fetch`."""

    def fetch(self, deadline: Deadline) -> Credentials:
        """Ask the agent; raises `NotAuthenticated` or `AgentUnavailable`."""
        try:
            return self.agent.fetch(self.token, self.address_type, deadline, probing=self.probing)
        except AgentUnavailable as error:
            raise type(error)(f"{self._start} {error} {_RUN_IT}") from error
        except _Refused as refusal:
            raise self._explained(refusal) from refusal

    @property
    def _start(self) -> str:
        return (
            "no EKS Pod Identity credentials for the service account "
            f"{self.namespace}/{self.service_account}:"
        )

    def _explained(self, refusal: "_Refused") -> NotAuthenticated:
        code = _CODE.search(refusal.text)
        named = code[1] if code else "ResourceNotFoundException" if refusal.status == 404 else ""
        error, advice = _REFUSALS.get(named, (TokenRejected, "See the agent's log"))
        advice = advice.format(namespace=self.namespace, service_account=self.service_account)
        return error(f"{self._start} {refusal}. {advice}.")


class _Refused(Exception):
    """The agent answered that there will be no credentials."""

    def __init__(self, url: str, status: int, text: str) -> None:
        super().__init__(f"{url} answered {status}: {text.rstrip('. ')}")
        self.status = status
        self.text = text


class Agent:
    """The EKS Pod Identity agent of the node. Thread-safe; one for the process.

    `timeout` is for one whole request, in seconds.
    """

    def __init__(
        self,
        ipv4_endpoint: str,
        ipv6_endpoint: str,
        *,
        timeout: float | None = None,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        request = timeout or REQUEST_TIMEOUT
        limits = Limits(min(CONNECT_TIMEOUT, request), request, MAX_BODY)
        self._ipv4 = _Address(ipv4_endpoint, limits)
        self._ipv6 = _Address(ipv6_endpoint, limits)
        self._pauses = pauses

    def fetch(
        self,
        token: str,
        address_type: AddressType,
        deadline: Deadline,
        *,
        probing: bool = False,
    ) -> Credentials:
        """Ask round by round at each address until one answers with credentials.

        Only what may pass is tried again: an agent that is not there or fails, not a refusal. With
        `probing` the first refusal counts, and an agent that is at neither address is `AgentAbsent`
        after one round.
        """
        addresses = self._addresses(address_type)
        pauses = iter(self._pauses)
        while True:
            failures: list[_Refused | AgentUnavailable] = []
            for address in addresses:
                try:
                    return address.ask(token, deadline)
                except (_Refused, AgentUnavailable) as failure:
                    failures.append(failure)
                    if probing and isinstance(failure, _Refused):
                        break
            for refusal in failures:
                if isinstance(refusal, _Refused):
                    raise refusal
            told = "; ".join(map(str, failures)) + "."
            if probing and all(isinstance(one, AgentAbsent) for one in failures):
                raise AgentAbsent(told)
            pause = next(pauses, None)
            if pause is None or pause >= deadline.remaining():
                raise AgentUnavailable(told)
            sleep(pause)

    def _addresses(self, address_type: AddressType) -> Sequence["_Address"]:
        if address_type == "auto":
            return self._ipv4, self._ipv6
        return (self._ipv4,) if address_type == "ipv4" else (self._ipv6,)


class _Address:
    """One of the addresses that the agent listens on."""

    def __init__(self, endpoint: str, limits: Limits) -> None:
        parts = urlsplit(endpoint)
        self._endpoint = endpoint
        self._path = parts.path or "/"
        self._site = Site(f"{parts.scheme}://{parts.netloc}", limits)

    def ask(self, token: str, deadline: Deadline) -> Credentials:
        """One request; raises `_Refused` or `AgentUnavailable`."""
        headers = {"Accept": "application/json", "Authorization": token}
        try:
            reply = self._site.get(self._path, headers, deadline)
        except Unreachable as error:
            raise AgentAbsent(str(error)) from error
        except SiteUnavailable as error:
            raise AgentUnavailable(str(error)) from error
        if reply.status == 200:
            return self._read(reply.body)
        secrets = (token, *(part for part in token.split(".") if len(part) >= 16))
        text = clean(reply.body.decode("utf-8", "replace"), secrets) or "(no text)"
        if 400 <= reply.status < 500 and reply.status != 429:
            raise _Refused(self._endpoint, reply.status, text)
        raise AgentUnavailable(f"{self._endpoint} answered {reply.status}: {text}")

    def _read(self, body: bytes) -> Credentials:
        try:
            document = json.loads(body)
            key_id, secret, token, expiration = (document[name] for name in _CREDENTIALS)
            expires_at = datetime.fromisoformat(expiration)
        except (ValueError, KeyError, TypeError):
            raise self._unexpected() from None  # a ValueError would quote the answer
        if not all(isinstance(one, str) and one for one in (key_id, secret, token)):
            raise self._unexpected()
        # Key id and token become headers of later requests.
        if not (f"{key_id}{token}".isascii() and f"{key_id}{token}".isprintable()):
            raise self._unexpected()
        if expires_at.tzinfo is None:
            expires_at = expires_at.replace(tzinfo=UTC)
        return Credentials(key_id, secret, token, expires_at.timestamp())

    def _unexpected(self) -> AgentUnavailable:
        expected = ", ".join(_CREDENTIALS)
        return AgentUnavailable(
            f"{self._endpoint} answered something other than credentials ({expected})"
        )
