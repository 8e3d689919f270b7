"""The credentials of whoever runs a tool: environment, profile, SSO, and whatever else the AWS
command line takes them from.

For tools alone. The daemon never imports this: a pod gets its own credentials or none.
"""

from time import time
from typing import Any

from provider.aws.client import AwsClient, Operation, Place
from provider.aws.faults import Fault
from provider.aws.sts import VERSION
from provider.credentials import Credentials
from provider.deadline import Deadline
from provider.errors import NotAuthenticated, OutOfTime

WHO = Operation("sts", "GetCallerIdentity")
_LIFETIME = 900.0
"""Seconds after which to ask botocore again, which renews what expires."""


class Ambient:
    """One profile's credentials; the default one's without a name. A `CredentialSource`."""

    def __init__(self, profile: str | None = None) -> None:
        import boto3  # noqa: PLC0415 - heavy, and for tools only
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        try:
            self._session: Any = boto3.Session(profile_name=profile)
        except BotoCoreError as error:
            raise NotAuthenticated(f"cannot get AWS credentials: {error}") from error

    @property
    def region(self) -> str | None:
        """The region that environment or profile name."""
        return self._read(lambda session: session.region_name) or None

    def fetch(self, deadline: Deadline) -> Credentials:  # noqa: ARG002 - botocore has its own
        """The credentials as they are now; raises `NotAuthenticated` where there are none."""
        credentials = self._read(lambda session: session.get_credentials())
        if credentials is None:
            raise NotAuthenticated("no AWS credentials were found in environment and profiles")
        keys = self._read(lambda _session: credentials.get_frozen_credentials())
        return Credentials(keys.access_key, keys.secret_key, keys.token, time() + _LIFETIME)

    def _read(self, get: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            return get(self._session)
        except (BotoCoreError, ClientError) as error:
            raise NotAuthenticated(f"cannot get AWS credentials: {error}") from error


def caller(client: AwsClient, region: str, credentials: Credentials, deadline: Deadline) -> str:
    """ARN of whom the credentials belong to; raises `NotAuthenticated` if STS will not say."""
    try:
        answer = client.query(WHO, VERSION, {}, Place(region, credentials, deadline))
    except (Fault, OutOfTime) as fault:
        raise NotAuthenticated(f"STS does not tell whose they are: {fault}") from fault
    return answer.findtext(".//Arn", "")
