"""What the store controller says of a store."""

from time import monotonic
from typing import Any

import pytest

from provider import errors
from provider.controller.reconcile.store_check import check_store
from provider.controller.resources.objects import Store
from testbed import faults
from tests.controller.values.world import World, jwt, secret_ref


async def check(world: World, store: Store, seconds: float = 10.0) -> bool:
    return await check_store(
        store, world.identities, world.engine.credentials, deadline=monotonic() + seconds
    )


async def failure(world: World, store: Store, seconds: float = 10.0) -> str:
    with pytest.raises(errors.ProviderError) as raised:
        await check(world, store, seconds)
    return str(raised.value)


async def test_access_keys_that_are_there(world: World) -> None:
    assert await check(world, world.put_store())
    assert world.calls() == {}


async def test_access_keys_that_are_not_there(world: World) -> None:
    store = world.put_store(auth={"secretRef": secret_ref("gone")})
    assert (await failure(world, store)).startswith(
        "unable to create client: unable to create session: could not fetch SecretAccessKey secret"
    )


async def test_a_role_is_assumed_once(world: World) -> None:
    role = world.put_role("app", "shop:app")
    world.cluster.put_account("shop", "app", role_arn=role.arn)
    store = world.put_store(auth=jwt())
    assert await check(world, store)
    assert await check(world, store)
    assert world.calls() == {"AssumeRoleWithWebIdentity": 1}
    assert len(world.cluster.tokens) == 1


async def test_a_role_that_may_not_be_assumed(world: World) -> None:
    role = world.put_role("app", "shop:other")
    world.cluster.put_account("shop", "app", role_arn=role.arn)
    why = await failure(world, world.put_store(auth=jwt()))
    assert why.startswith(f"unable to validate store: no credentials of role {role.arn}")
    assert "STS in us-east-1" in why


async def test_a_spec_with_mistakes(world: World) -> None:
    why = await failure(world, world.put_store(region="us_east_1"))
    assert why.startswith(
        "unable to create client: spec.provider.aws.region: region not found: us_east_1"
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"auth": {"secretRef": secret_ref()}},
        {"auth": jwt()},
        {
            "auth": {"secretRef": secret_ref(namespace="shop")},
            "role": "arn:aws:iam::111122223333:role/app",
            "sessionTagsPolicy": "Simple",
        },
    ],
    ids=["keys", "service account", "session tags"],
)
async def test_a_cluster_store_that_depends_on_the_namespace_is_not_checked(
    world: World, settings: dict[str, Any]
) -> None:
    store = world.put_store("common", kind="ClusterSecretStore", **settings)
    assert not await check(world, store)
    assert world.cluster.reads == []


async def test_a_region_that_hangs(world: World) -> None:
    role = world.put_role("app", "shop:app")
    world.cluster.put_account("shop", "app", role_arn=role.arn)
    world.aws.faults.inject(faults.hang(), service="sts")
    why = await failure(world, world.put_store(auth=jwt()), seconds=0.2)
    assert why == "unable to validate store: no credentials for us-east-1 came in time"
