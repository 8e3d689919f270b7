"""Temporary keys for the long-term keys of an IAM user, from STS."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from provider.aws.client import AwsClient
from provider.aws.credentials.lifetime import expires_at
from provider.aws.operations import REJECTED_CREDENTIALS, Meaning, Operation
from provider.aws.sts import REGION_DISABLED, read_credentials
from provider.engine.model import Access, Credentials
from provider.errors import AccessDenied, InvalidRequest

SESSION = Operation(
    "sts",
    "GetSessionToken",
    {
        **REJECTED_CREDENTIALS,
        "RegionDisabledException": REGION_DISABLED,
        "ValidationError": Meaning(InvalidRequest, "Check the duration and the MFA device"),
    },
    other=Meaning(
        AccessDenied,
        "Use long-term access keys of an IAM user, and check number and code of the MFA device",
    ),
)


class Mfa(NamedTuple):
    """A multi-factor device: its serial number or ARN, and the code that it shows."""

    serial_number: str
    token_code: str


class SessionToken(NamedTuple):
    """Temporary keys, and when they expire in seconds of Unix time."""

    credentials: Credentials
    expires_at: int


async def session_token(
    client: AwsClient, access: Access, *, duration: int | None = None, mfa: Mfa | None = None
) -> SessionToken:
    """Temporary keys for the long-term keys of `access`; `duration` in seconds.

    Raises `NotAuthenticated`, `AccessDenied`, `InvalidRequest` or `Unavailable`.
    """
    form = {} if duration is None else {"DurationSeconds": str(duration)}
    if mfa is not None:
        form |= {"SerialNumber": mfa.serial_number, "TokenCode": mfa.token_code}
    return await client.ask(SESSION, form, access, _session_token)


def _session_token(answer: Mapping[str, Any]) -> SessionToken:
    return SessionToken(read_credentials(answer), int(expires_at(answer["Expiration"])))
