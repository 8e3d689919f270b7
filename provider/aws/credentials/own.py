"""The identity of this process itself, from where the SDKs look for it in a pod.

In this order, as botocore does: access keys in the environment, IRSA
(`AWS_WEB_IDENTITY_TOKEN_FILE`), EKS Pod Identity (`AWS_CONTAINER_CREDENTIALS_FULL_URI`), and the
role of the node where that is allowed. The first that is configured counts, also when it fails.
There are no profiles. For the controller alone: a pod that mounts gets its own credentials or none.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from time import time
from urllib.parse import urlsplit

from provider.aws.credentials.lifetime import expires_at
from provider.aws.credentials.node_role import NodeRole, metadata_endpoint
from provider.aws.credentials.pod_identity import Agent, PodIdentity
from provider.aws.credentials.static import access_keys
from provider.aws.credentials.web_identity import ServiceAccountRole
from provider.aws.regions import partition_of
from provider.aws.sts import Sts
from provider.engine.model import Credentials, Identity
from provider.engine.ports import CredentialSource, Principal
from provider.errors import InvalidRequest, NotAuthenticated, TokenMissing
from provider.runtime.transport import Transport

_AGENT_HOSTS = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"})
"""The only hosts beside loopback addresses that get the token without TLS."""
_MAX_TOKEN = 64 * 1024


@dataclass(frozen=True, slots=True)
class Own:
    """Where the credentials of this process come from; one for the process.

    `send` must use no proxy, `subject` names the process in messages as `namespace/name` of its
    service account, `session` is the name of its sessions.
    """

    environment: Mapping[str, str] = field(repr=False)
    sts: Sts
    send: Transport
    subject: str
    session: str
    allow_node_role: bool = False

    def principal(self, region: str) -> Principal:
        """The process as a caller of AWS. Mistakes are reported when credentials are fetched."""
        role = self._get("AWS_ROLE_ARN") if self._get("AWS_WEB_IDENTITY_TOKEN_FILE") else ""
        identity = Identity("ambient", self.subject, partition_of(region), role)
        return Principal(identity, self._source(region))

    def _source(self, region: str) -> CredentialSource:
        if self._get("AWS_ACCESS_KEY_ID"):
            return EnvironmentKeys(self.environment)
        if self._get("AWS_WEB_IDENTITY_TOKEN_FILE"):
            return self._web_identity(region)
        if url := self._get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            agent = Agent(self.send, url, url)
            return ContainerCredentials(agent, url, self.subject, self.environment)
        if self._get("AWS_EC2_METADATA_DISABLED").lower() != "true" and self.allow_node_role:
            return NodeRole(self.send, metadata_endpoint(self.environment))
        return NoSource()

    def _web_identity(self, region: str) -> CredentialSource:
        role = self._get("AWS_ROLE_ARN")
        if not role:
            return NoSource("AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not.")
        token = TokenFile(Path(self._get("AWS_WEB_IDENTITY_TOKEN_FILE")))
        session = self._get("AWS_ROLE_SESSION_NAME") or self.session
        return ServiceAccountRole(self.sts, self.subject, role, token, (region,), session)

    def _get(self, variable: str) -> str:
        return self.environment.get(variable, "")


@dataclass(frozen=True, slots=True)
class NoSource:
    """A `CredentialSource` that has none, and says why."""

    why: str = (
        "none of AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE and "
        "AWS_CONTAINER_CREDENTIALS_FULL_URI is set, and the role of the node may not be used."
    )

    async def fetch(self) -> Credentials:
        """Raises `NotAuthenticated`."""
        raise NotAuthenticated(f"this process has no AWS credentials of its own: {self.why}")


@dataclass(frozen=True, slots=True)
class EnvironmentKeys:
    """A `CredentialSource`: access keys in the environment."""

    environment: Mapping[str, str] = field(repr=False)

    async def fetch(self) -> Credentials:
        """The keys; raises `NotAuthenticated` if they are incomplete or expired."""
        key_id, secret, old_token, token, expiration = (
            self.environment.get(variable, "")
            for variable in (
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_SECURITY_TOKEN",
                "AWS_SESSION_TOKEN",
                "AWS_CREDENTIAL_EXPIRATION",
            )
        )
        try:
            keys = access_keys(key_id, secret, old_token or token)
            left = expires_at(expiration) - time() if expiration else None
        except (InvalidRequest, ValueError) as error:
            raise NotAuthenticated(f"access keys in the environment: {error}") from None
        if left is not None and left <= 0:
            raise NotAuthenticated("the access keys in the environment have expired.")
        return Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token, left)


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A token file that the kubelet renews; it is read each time."""

    path: Path

    async def __call__(self) -> str:
        """The token; raises `TokenMissing`."""
        try:
            text = await asyncio.to_thread(self._read)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not a text"
            raise TokenMissing(f"cannot read the token in {self.path}: {why}.") from None
        if not text or not text.isascii() or not text.isprintable():
            raise TokenMissing(f"there is no token in {self.path}.")
        return text

    def _read(self) -> str:
        with self.path.open() as file:
            return file.read(_MAX_TOKEN)


@dataclass(frozen=True, slots=True)
class ContainerCredentials:
    """A `CredentialSource`: the EKS Pod Identity agent, with this pod's own token."""

    agent: Agent
    url: str
    subject: str
    environment: Mapping[str, str] = field(repr=False)

    async def fetch(self) -> Credentials:
        """Credentials of the association; raises `NotAuthenticated` or `AgentUnavailable`."""
        if not _may_have_token(self.url):
            raise NotAuthenticated(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI: only https and the addresses of an agent on "
                "this node are allowed."
            )
        return await PodIdentity(self.agent, "ipv4", self.subject, await self._token()).fetch()

    async def _token(self) -> str:
        file = self.environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        if file:
            return await TokenFile(Path(file))()
        token = self.environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        if not token or not token.isascii() or not token.isprintable():
            raise TokenMissing("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is not set.")
        return token


def _may_have_token(url: str) -> bool:
    """Whether the token may be sent there, by the rule of the SDKs."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "https" or host in _AGENT_HOSTS:
            return bool(host) and parts.scheme in ("http", "https")
        return parts.scheme == "http" and ip_address(host).is_loopback
    except ValueError:
        return False
