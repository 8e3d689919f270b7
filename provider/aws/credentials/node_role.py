"""The role of the EC2 instance, from its metadata service (IMDSv2).

It gives a process all rights of the node, so it is asked only if that is allowed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from provider.aws.credentials.lifetime import issued_credentials
from provider.aws.faults import clean
from provider.engine.model import Credentials
from provider.errors import AgentUnavailable, NotAuthenticated
from provider.runtime.transport import Method, NoAnswer, Reply, Request, Transport

IPV4 = "http://169.254.169.254"
IPV6 = "http://[fd00:ec2::254]"
TIMEOUT = 2.0
MAX_BODY = 64 * 1024
_ROLES = "/latest/meta-data/iam/security-credentials/"
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_HOPS = "A pod reaches it only if the instance's metadata options allow two hops"


def metadata_endpoint(environment: Mapping[str, str]) -> str:
    """The URL of the metadata service, by the variables of the SDKs."""
    url = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "").rstrip("/")
    mode = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "").lower()
    return url or (IPV6 if mode == "ipv6" else IPV4)


@dataclass(frozen=True, slots=True)
class NodeRole:
    """A `CredentialSource`: the role of the instance; `send` must use no proxy."""

    send: Transport
    endpoint: str = IPV4

    async def fetch(self) -> Credentials:
        """Credentials of the role; raises `NotAuthenticated` or `AgentUnavailable`."""
        headers = {"x-aws-ec2-metadata-token-ttl-seconds": "21600"}
        token = await self._ask("PUT", "/latest/api/token", headers)
        session = {"x-aws-ec2-metadata-token": _text(token)}
        role = _text(await self._ask("GET", _ROLES, session))
        if not _ROLE_NAME.fullmatch(role):
            raise NotAuthenticated("the instance metadata service names no role of the node.")
        return _credentials(await self._ask("GET", _ROLES + role, session))

    async def _ask(self, method: Method, path: str, headers: Mapping[str, str]) -> Reply:
        url = self.endpoint + path
        request = Request(method, url, headers, b"", TIMEOUT, min(1.0, TIMEOUT), MAX_BODY)
        try:
            reply = await self.send(request)
        except NoAnswer as failure:
            raise AgentUnavailable(f"{failure}. {_HOPS}.") from failure
        if reply.status == 200:
            return reply
        if reply.status == 404:
            raise NotAuthenticated(f"{url} answered 404: the node has no IAM role.")
        if 400 <= reply.status < 500 and reply.status != 429:
            raise NotAuthenticated(
                f"{url} answered {reply.status}: the instance metadata service refuses requests."
            )
        raise AgentUnavailable(f"{url} answered {reply.status}. Try again later.")


def _text(reply: Reply) -> str:
    """The first line of an answer that is plain text, empty for anything else."""
    line = reply.body.decode("ascii", "replace").strip().partition("\n")[0].strip()
    return line if line.isascii() and line.isprintable() else ""


def _credentials(reply: Reply) -> Credentials:
    try:
        document = json.loads(reply.body)
        code = document.get("Code", "Success")
        if code == "Success":
            return issued_credentials(document, "Token", reply.sent_at)
        text = clean(f"{code}: {document.get('Message', '')}")
    except (ValueError, AttributeError, RecursionError):  # the exception would quote the answer
        raise AgentUnavailable(
            "the instance metadata service answered something other than credentials."
        ) from None
    raise NotAuthenticated(f"no credentials of the node's role: {text}")
