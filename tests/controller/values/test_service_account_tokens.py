"""One TokenRequest an hour for each ServiceAccount and its audiences."""

import asyncio
from collections.abc import Sequence
from time import time

import pytest

from provider import errors
from provider.controller.identity.service_account_tokens import Account, Tokens
from tests.controller.values.world import FakeCluster, IssuedToken
from tests.fakes.engine import Clock

ACCOUNT = Account("shop", "app", "uid", ("sts.amazonaws.com",))


async def test_a_token_is_used_for_four_fifths_of_its_life(clock: Clock) -> None:
    cluster = FakeCluster()
    tokens = Tokens(cluster, clock=clock)
    first = await tokens.get(ACCOUNT)
    clock.now += 2870
    assert await tokens.get(ACCOUNT) == first
    clock.now += 20
    await tokens.get(ACCOUNT)
    assert len(cluster.tokens) == 2


@pytest.mark.parametrize(
    "other",
    [
        ACCOUNT._replace(namespace="other"),
        ACCOUNT._replace(uid="new"),
        ACCOUNT._replace(audiences=("other",)),
    ],
    ids=["namespace", "recreated", "audiences"],
)
async def test_another_account_has_a_token_of_its_own(clock: Clock, other: Account) -> None:
    cluster = FakeCluster()
    tokens = Tokens(cluster, clock=clock)
    await tokens.get(ACCOUNT)
    await tokens.get(other)
    assert cluster.tokens[1] == (other.namespace, other.name, other.audiences)


async def test_requests_at_the_same_time_share_a_token(clock: Clock) -> None:
    cluster = FakeCluster()
    tokens = Tokens(cluster, clock=clock)
    assert len(set(await asyncio.gather(*(tokens.get(ACCOUNT) for _ in range(5))))) == 1
    assert len(cluster.tokens) == 1


@pytest.mark.parametrize("lead", [-7200.0, 7200.0], ids=["clock fast", "clock slow"])
async def test_a_wrong_wall_clock_costs_no_more_than_a_token(clock: Clock, lead: float) -> None:
    """A token is never used longer than its hour, whatever the local clock makes of its expiry."""

    class Skewed(FakeCluster):
        async def create_token(
            self,
            namespace: str,
            service_account: str,
            *,
            audiences: Sequence[str],
            seconds: int = 0,
        ) -> IssuedToken:
            self.tokens.append((namespace, service_account, tuple(audiences)))
            return IssuedToken("token", time() + 3600 + lead)

    cluster = Skewed()
    tokens = Tokens(cluster, clock=clock)
    assert await tokens.get(ACCOUNT) == "token"
    clock.now += 2900
    await tokens.get(ACCOUNT)
    assert len(cluster.tokens) == 2


async def test_a_refusal_is_not_remembered(clock: Clock) -> None:
    class Refusing(FakeCluster):
        async def create_token(
            self,
            namespace: str,
            service_account: str,
            *,
            audiences: Sequence[str],
            seconds: int = 0,
        ) -> IssuedToken:
            self.tokens.append((namespace, service_account, tuple(audiences)))
            raise errors.LookupForbidden("cannot create serviceaccounts/token")

    cluster = Refusing()
    tokens = Tokens(cluster, clock=clock)
    for _ in range(2):
        with pytest.raises(errors.LookupForbidden):
            await tokens.get(ACCOUNT)
    assert len(cluster.tokens) == 2


async def test_no_token_is_in_any_repr(clock: Clock) -> None:
    tokens = Tokens(FakeCluster(), clock=clock)
    token = await tokens.get(ACCOUNT)
    assert token not in repr(vars(tokens))
