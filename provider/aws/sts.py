"""AWS STS: exchanges a Kubernetes token, or the credentials of a role, for those of a role.

STS may be asked in two regions: credentials are valid in every region of the partition, no matter
which one issued them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from provider.aws.client import AwsClient
from provider.aws.credentials.lifetime import issued_credentials
from provider.aws.operations import REJECTED_CREDENTIALS, Meaning, Operation
from provider.aws.protocols import unexpected
from provider.engine.model import Access, AssumeRole, Credentials, Identity
from provider.errors import (
    AwsUnavailable,
    NotAuthenticated,
    RoleNotAssumable,
    TokenRejected,
    Unavailable,
)

PATIENCE = 3.0
"""Seconds after which the other region is asked as well."""

Call = Callable[[str], Awaitable[Credentials]]
"""Asks one region."""

REGION_DISABLED = Meaning(
    RoleNotAssumable, "Activate STS for this region in the account's settings"
)
_PROVIDER = Meaning(
    TokenRejected,
    "Check that the cluster's OIDC provider exists in IAM, with the audience sts.amazonaws.com",
)
ASSUME_WITH_TOKEN = Operation(
    "sts",
    "AssumeRoleWithWebIdentity",
    {
        "ExpiredTokenException": Meaning(
            TokenRejected, "Check the clocks of node and API server; a new token is needed"
        ),
        "InvalidIdentityToken": _PROVIDER,
        "IDPRejectedClaim": _PROVIDER,
        "IDPCommunicationError": Meaning(AwsUnavailable, "AWS does not reach the OIDC provider"),
        "RegionDisabledException": REGION_DISABLED,
        "ValidationError": Meaning(RoleNotAssumable, "Check the ARN of the role"),
    },
    other=Meaning(
        RoleNotAssumable,
        "Check that the role exists and that its trust policy lets this service account assume it",
    ),
)
ASSUME = Operation(
    "sts",
    "AssumeRole",
    {
        **REJECTED_CREDENTIALS,
        "RegionDisabledException": REGION_DISABLED,
        "ValidationError": Meaning(
            RoleNotAssumable, "Check the ARN of the role and the duration of the session"
        ),
    },
    other=Meaning(
        RoleNotAssumable,
        "Allow sts:AssumeRole on this role to {who} (and sts:TagSession where there are session "
        "tags), and let the role's own trust policy allow the same, with the external id if it "
        "asks for one",
    ),
)


class Sts:
    """The regional endpoints of STS."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    async def assume_role_with_web_identity(
        self, *, identity: Identity, session_name: str, token: str, region: str
    ) -> Credentials:
        """Credentials of the identity's role for a service account token.

        Raises `NotAuthenticated` or `Unavailable`.
        """
        form = {
            "RoleArn": identity.role,
            "RoleSessionName": session_name,
            "WebIdentityToken": token,
        }
        unsigned = Access(region, identity, None)
        return await self._client.ask(ASSUME_WITH_TOKEN, form, unsigned, read_credentials)

    async def assume_role(self, role: AssumeRole, session_name: str, access: Access) -> Credentials:
        """Credentials of `role`, asked for with those of `access`.

        Raises `NotAuthenticated` (`CredentialsExpired` where AWS rejects them) or `Unavailable`.
        """
        form = _assume_role_form(role, session_name)
        return await self._client.ask(ASSUME, form, access, read_credentials)


async def ask_regions(regions: Sequence[str], call: Call) -> Credentials:
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
                async with asyncio.timeout(None if is_last else PATIENCE):
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


def read_credentials(answer: Mapping[str, Any]) -> Credentials:
    """The credentials in an answer; raises `Fault` where there are none."""
    try:
        return issued_credentials(answer, "SessionToken", answer["SentAt"])
    except ValueError as error:
        raise unexpected(str(error)) from None
