"""AWS STS: exchanges a Kubernetes token, or the credentials of a role, for those of a role.

STS may be asked in two regions: credentials are valid in every region of the partition, no matter
which one issued them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from provider.aws.client import AwsClient, Caller, Operation
from provider.aws.credentials.lifetime import expires_at, issued_credentials
from provider.aws.faults import token_parts
from provider.aws.protocols import unexpected
from provider.engine.model import Access, AssumeRole, Credentials
from provider.errors import AwsUnavailable, NotAuthenticated, Unavailable

PATIENCE = 3.0
"""Seconds after which the other region is asked as well."""

Call = Callable[[str], Awaitable[Credentials]]
"""Asks one region."""

ASSUME_WITH_TOKEN = Operation("sts", "AssumeRoleWithWebIdentity")
ASSUME = Operation("sts", "AssumeRole")
SESSION = Operation("sts", "GetSessionToken")
WHO = Operation("sts", "GetCallerIdentity")


class Mfa(NamedTuple):
    """A multi-factor device: its serial number or ARN, and the code that it shows."""

    serial_number: str
    token_code: str


class SessionToken(NamedTuple):
    """Temporary keys, and when they expire in seconds of Unix time."""

    credentials: Credentials
    expires_at: int


class Sts:
    """The regional endpoints of STS."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    async def assume_role_with_web_identity(
        self, *, role_arn: str, session_name: str, token: str, region: str
    ) -> Credentials:
        """Credentials for a service account token; raises `NotAuthenticated` or `Unavailable`.

        The request carries no signature: no other credentials are involved.
        """
        form = {"RoleArn": role_arn, "RoleSessionName": session_name, "WebIdentityToken": token}
        caller = Caller(region, role_arn, None, token_parts(token))
        return await self._client.ask(ASSUME_WITH_TOKEN, form, caller, _credentials)

    async def assume_role(self, role: AssumeRole, session_name: str, access: Access) -> Credentials:
        """Credentials of `role`, asked for with those of `access`.

        Raises `NotAuthenticated` (`CredentialsExpired` where AWS rejects them) or `Unavailable`.
        """
        form = _assume_role_form(role, session_name)
        return await self._client.ask(ASSUME, form, Caller.of(access), _credentials)

    async def session_token(
        self, access: Access, *, duration: int | None = None, mfa: Mfa | None = None
    ) -> SessionToken:
        """Temporary keys for the long-term keys of `access`; `duration` in seconds.

        Raises `NotAuthenticated`, `AccessDenied`, `InvalidRequest` or `Unavailable`.
        """
        form = {} if duration is None else {"DurationSeconds": str(duration)}
        if mfa is not None:
            form |= {"SerialNumber": mfa.serial_number, "TokenCode": mfa.token_code}
        return await self._client.ask(SESSION, form, Caller.of(access), _session_token)

    async def caller_arn(self, credentials: Credentials, region: str) -> str:
        """ARN of whom the credentials belong to; raises as `assume_role` does."""
        caller = Caller(region, "these credentials", credentials)
        return await self._client.ask(WHO, {}, caller, lambda answer: str(answer.get("Arn", "")))


async def ask_regions(
    regions: Sequence[str], call: Call, patience: float = PATIENCE
) -> Credentials:
    """The credentials that one of the regions gives, the first one preferred.

    Raises the `NotAuthenticated` of the first region that refuses, or `Unavailable` if none
    answers; both name the region. Has no time limit of its own if all hang.
    """
    if len(regions) == 1:
        return await _ask(call, regions[0])
    tasks: list[asyncio.Task[Credentials]] = []
    try:
        for region in regions:
            tasks.append(asyncio.create_task(_ask(call, region)))
            is_last = len(tasks) == len(regions)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if is_last else patience):
                    if credentials := await _first_of(tasks):
                        return credentials
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    raise AwsUnavailable(" ".join(str(task.exception()) for task in tasks))


async def _ask(call: Call, region: str) -> Credentials:
    try:
        return await call(region)
    except (NotAuthenticated, Unavailable) as error:
        raise error.in_context(f"STS in {region}") from error


async def _first_of(tasks: Sequence[asyncio.Task[Credentials]]) -> Credentials | None:
    """The first success; None when all have failed. A refusal is final."""
    for finished in asyncio.as_completed(tasks):
        with suppress(Unavailable):
            return await finished
    return None


def _assume_role_form(role: AssumeRole, session_name: str) -> Mapping[str, str]:
    form = {"RoleArn": role.arn, "RoleSessionName": session_name}
    if role.external_id is not None:
        form["ExternalId"] = role.external_id
    if role.duration is not None:
        form["DurationSeconds"] = str(role.duration)
    for number, (key, value) in enumerate(role.session_tags, 1):
        form[f"Tags.member.{number}.Key"] = key
        form[f"Tags.member.{number}.Value"] = value
    for number, key in enumerate(role.transitive_tag_keys, 1):
        form[f"TransitiveTagKeys.member.{number}"] = key
    return form


def _credentials(answer: Mapping[str, Any]) -> Credentials:
    """The credentials in an answer; raises `Fault` where there are none."""
    try:
        return issued_credentials(answer, "SessionToken", answer["Date"])
    except ValueError as error:
        raise unexpected(str(error)) from None


def _session_token(answer: Mapping[str, Any]) -> SessionToken:
    return SessionToken(_credentials(answer), int(expires_at(answer["Expiration"])))
