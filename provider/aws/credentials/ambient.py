"""The credentials of the person who runs a tool, from everywhere that the AWS CLI looks:
environment, profiles, SSO and so on.

For tools alone. The daemon never imports this: a pod gets its own credentials or none.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from provider.aws.client import AwsClient
from provider.aws.operations import REJECTED_CREDENTIALS, Meaning, Operation
from provider.aws.regions import partition_of
from provider.engine.model import Access, Credentials, Identity
from provider.errors import NotAuthenticated

T = TypeVar("T")

WHO = Operation(
    "sts",
    "GetCallerIdentity",
    REJECTED_CREDENTIALS,
    other=Meaning(NotAuthenticated, "Check your AWS credentials"),
)

_LIFETIME = 900.0
"""Seconds after which to ask botocore again, which renews what expires."""


@dataclass(frozen=True, slots=True)
class Ambient:
    """A `CredentialSource`: one profile of the AWS command line; the default one without a name."""

    profile: str | None = None
    asked_in: str | None = None
    """The region whose STS is asked for the role of a profile; None: that of the profile."""

    async def fetch(self) -> Credentials:
        """The credentials as they are now; raises `NotAuthenticated` if there are none."""
        return await asyncio.to_thread(self._read, _credentials)

    async def region(self) -> str | None:
        """The region of environment or profile; raises `NotAuthenticated` for no such profile."""
        return await asyncio.to_thread(self._read, _region)

    def _read(self, read: Callable[[Any], T]) -> T:
        import boto3  # noqa: PLC0415 - heavy, and for tools only
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            return read(boto3.Session(profile_name=self.profile, region_name=self.asked_in))
        except (BotoCoreError, ClientError) as error:
            raise NotAuthenticated(f"cannot get AWS credentials: {error}") from error


async def caller_arn(client: AwsClient, credentials: Credentials, region: str) -> str:
    """The ARN of whom the credentials belong to; raises `NotAuthenticated` or `Unavailable`."""
    access = Access(region, Identity("ambient", "", partition_of(region)), credentials)
    return await client.ask(WHO, {}, access, lambda answer: str(answer.get("Arn", "")))


def _region(session: Any) -> str | None:
    return session.region_name or None


def _credentials(session: Any) -> Credentials:
    credentials = session.get_credentials()
    if credentials is None:
        raise NotAuthenticated("no AWS credentials were found in environment and profiles")
    keys = credentials.get_frozen_credentials()
    return Credentials(keys.access_key, keys.secret_key, keys.token, _LIFETIME)
