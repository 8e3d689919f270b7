"""Whether a store can be used: its spec is valid, and there are credentials for it."""

import asyncio
from time import monotonic

from provider.controller.identity.store_identity import Identities
from provider.controller.identity.stores import shown_problems
from provider.controller.resources.objects import Store
from provider.controller.resources.references import needs_namespace
from provider.controller.resources.store import AwsProvider
from provider.controller.values.policy_check import check_identity
from provider.engine.credentials import CredentialCache
from provider.engine.ports import Principal
from provider.errors import InvalidRequest, OutOfTime, ProviderError
from provider.policy.rules import ALLOW_ALL, Policy


async def check_store(
    store: Store,
    identities: Identities,
    credentials: CredentialCache,
    *,
    policy: Policy = ALLOW_ALL,
    deadline: float,
) -> bool:
    """Whether the store was checked; False where it needs the namespace of an ExternalSecret.

    Nothing is read but its credentials; those in use are not asked for again. Raises ProviderError
    with what is wrong, after `unable to create client: ` or `unable to validate store: `.
    `deadline` is a time of `time.monotonic`.
    """
    if store.spec is None or store.spec.provider.aws is None:
        raise InvalidRequest(f"unable to create client: {shown_problems(store.problems)}")
    aws = store.spec.provider.aws
    if _needs_namespace(store, aws):
        return False
    try:
        async with asyncio.timeout(deadline - monotonic()):
            principal = await _principal(store, identities)
            check_identity(policy, store.metadata.namespace or None, principal.identity, aws.region)
            await _fetch(principal, credentials)
    except TimeoutError:
        raise OutOfTime(
            f"unable to validate store: no credentials for {aws.region} came in time"
        ) from None
    return True


def _needs_namespace(store: Store, aws: AwsProvider) -> bool:
    """Whether its session depends on the namespace of an ExternalSecret."""
    if store.kind == "SecretStore":
        return False
    return needs_namespace(aws.auth) or bool(aws.role and aws.session_tags_policy != "None")


async def _principal(store: Store, identities: Identities) -> Principal:
    try:
        return await identities.of_store(store, store.metadata.namespace, monotonic())
    except ProviderError as error:
        raise error.in_context("unable to create client") from error


async def _fetch(principal: Principal, credentials: CredentialCache) -> None:
    try:
        await credentials.get(principal)
    except ProviderError as error:
        raise error.in_context("unable to validate store") from error
