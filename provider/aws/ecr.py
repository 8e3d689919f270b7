"""Amazon ECR: passwords with which container images are pulled, from private or public registries.

They are valid for twelve hours, in every registry that the identity may read.
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provider.aws.client import AwsClient
from provider.aws.operations import Operation
from provider.aws.protocols import unexpected
from provider.engine.model import Access

PRIVATE = Operation("ecr", "GetAuthorizationToken", has_resource=False)
PUBLIC = Operation("ecr-public", "GetAuthorizationToken", has_resource=False)


@dataclass(frozen=True, slots=True)
class EcrToken:
    """A login to a registry. `expires_at` is in seconds of Unix time."""

    username: str
    password: str = field(repr=False)
    expires_at: int
    proxy_endpoint: str | None
    """The URL of the private registry; None of the public one."""


async def authorization_token(client: AwsClient, access: Access) -> EcrToken:
    """A login to the private registry of the account; raises `ProviderError`."""
    return await client.ask(PRIVATE, {}, access, _token)


async def public_authorization_token(client: AwsClient, access: Access) -> EcrToken:
    """A login to the public registry, whose API is in us-east-1 only; raises `ProviderError`."""
    return await client.ask(PUBLIC, {}, access, _token)


def _token(answer: Mapping[str, Any]) -> EcrToken:
    """The login in an answer, which is a list for private registries; raises `Fault`."""
    data: Any = answer.get("authorizationData")
    if isinstance(data, list) and data:
        data = data[0]
    try:
        login = b64decode(data["authorizationToken"], validate=True).decode()
        username, password = filter(None, login.split(":", 1))  # neither may be empty
        expires_at, endpoint = int(data["expiresAt"]), data.get("proxyEndpoint")
    except (LookupError, TypeError, ValueError, OverflowError):  # it would quote the token
        raise unexpected("no login and time of expiry in the answer") from None
    return EcrToken(username, password, expires_at, endpoint if isinstance(endpoint, str) else None)
