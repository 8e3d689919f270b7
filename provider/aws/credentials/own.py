"""The identity of this process itself, from where the SDKs look for it in a pod.

In this order, as botocore does: access keys in the environment, IRSA
(`AWS_WEB_IDENTITY_TOKEN_FILE`), EKS Pod Identity (`AWS_CONTAINER_CREDENTIALS_FULL_URI`), and the
role of the node where that is allowed. The first that is configured counts, also when it fails.
There are no profiles. For the controller alone: a pod that mounts gets its own credentials or none.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from time import time
from urllib.parse import urlsplit

from provider.aws.credentials.lifetime import expires_at
from provider.aws.credentials.node_role import NodeRole, metadata_endpoint
from provider.aws.credentials.pod_identity import Agent, PodIdentity
from provider.aws.credentials.static import access_keys
from provider.aws.credentials.web_identity import WebIdentity
from provider.aws.regions import partition_of
from provider.aws.sts import Sts
from provider.engine.model import Credentials, Identity
from provider.engine.ports import Principal
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
        role = self.get("AWS_ROLE_ARN") if self.get("AWS_WEB_IDENTITY_TOKEN_FILE") else ""
        identity = Identity("ambient", self.subject, partition_of(region), role)
        return Principal(identity, OwnCredentials(self, region))

    def get(self, variable: str) -> str:
        return self.environment.get(variable, "")


@dataclass(frozen=True, slots=True)
class OwnCredentials:
    """A `CredentialSource`: the first one that is configured. STS is asked in `region`."""

    own: Own
    region: str

    async def fetch(self) -> Credentials:
        """The credentials; raises `NotAuthenticated` or `Unavailable`."""
        get = self.own.get
        if get("AWS_ACCESS_KEY_ID"):
            return self._environment_keys()
        if file := get("AWS_WEB_IDENTITY_TOKEN_FILE"):
            return await self._by_sts(Path(file))
        if url := get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            return await self._by_agent(url)
        if self.own.allow_node_role and get("AWS_EC2_METADATA_DISABLED").lower() != "true":
            return await NodeRole(self.own.send, metadata_endpoint(self.own.environment)).fetch()
        raise _none(
            "none of AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE and "
            "AWS_CONTAINER_CREDENTIALS_FULL_URI is set, and the role of the node may not be used."
        )

    def _environment_keys(self) -> Credentials:
        get = self.own.get
        token = get("AWS_SECURITY_TOKEN") or get("AWS_SESSION_TOKEN")
        expiration = get("AWS_CREDENTIAL_EXPIRATION")
        try:
            keys = access_keys(get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY"), token)
            left = expires_at(expiration) - time() if expiration else None
        except (InvalidRequest, ValueError) as error:
            raise NotAuthenticated(f"access keys in the environment: {error}") from None
        if left is not None and left <= 0:
            raise NotAuthenticated("the access keys in the environment have expired.")
        return replace(keys, lifetime=left)

    async def _by_sts(self, file: Path) -> Credentials:
        own, identity = self.own, self.own.principal(self.region).identity
        if not identity.role:
            raise _none("AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not.")
        session = own.get("AWS_ROLE_SESSION_NAME") or own.session
        token = await _token_in(file)
        source = WebIdentity(own.sts, identity, token, (self.region,), session=session)
        return await source.fetch()

    async def _by_agent(self, url: str) -> Credentials:
        if not _may_have_token(url):
            raise NotAuthenticated(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI: only https and the addresses of an agent on "
                "this node are allowed."
            )
        if file := self.own.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            token = await _token_in(Path(file))
        else:
            token = self.own.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
            if not _is_token(token):
                raise TokenMissing("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is not set.")
        agent = Agent(self.own.send, url, url)
        return await PodIdentity(agent, "ipv4", self.own.subject, token).fetch()


def _none(why: str) -> NotAuthenticated:
    return NotAuthenticated(f"this process has no AWS credentials of its own: {why}")


async def _token_in(path: Path) -> str:
    """The token in a file, which the kubelet renews; raises `TokenMissing`."""

    def read() -> str:
        with path.open() as file:
            return file.read(_MAX_TOKEN)

    try:
        text = await asyncio.to_thread(read)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise TokenMissing(f"cannot read the token in {path}: {why}.") from None
    if not _is_token(text):
        raise TokenMissing(f"there is no token in {path}.")
    return text


def _is_token(text: str) -> bool:
    """Whether `text` can be a header of a request."""
    return bool(text) and text.isascii() and text.isprintable()


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
