"""The operator's policy: what a namespace may not ask for is refused before AWS is asked."""

from time import monotonic
from typing import Any

import pytest

from provider.controller.reconcile.store_check import check_store
from provider.errors import PolicyViolation
from provider.policy.rules import Policy, Rule
from tests.controller.values.world import World, data, jwt, parsed_spec

ROLE = "arn:aws:iam::111122223333:role/app"


def only(world: World, **allowed: tuple[str, ...]) -> None:
    world.policy.own = (Rule('rule "shop"', ("shop",), **allowed),)


async def refusal(world: World, *entries: Any, **spec: Any) -> str:
    with pytest.raises(PolicyViolation) as raised:
        await world.fetch(*entries, **spec)
    return str(raised.value)


@pytest.mark.parametrize(
    ("allowed", "why"),
    [
        ({"regions": ("eu-*",)}, 'region "us-east-1" is not allowed by rule "shop" (eu-*)'),
        ({"secret_names": ("team/*",)}, 'secret "db" is not allowed by rule "shop" (team/*)'),
    ],
)
async def test_a_rule_is_named_and_nothing_is_read(
    world: World, allowed: dict[str, tuple[str, ...]], why: str
) -> None:
    world.put_store()
    world.aws.cloud.put_secret("db", "value")
    only(world, **allowed)
    assert why in await refusal(world, data("db"))
    assert world.calls() == {}
    world.policy.own = ()
    assert await world.values(data("db")) == {"out": "value"}


async def test_other_namespaces_are_not_limited_by_the_rule(world: World) -> None:
    world.put_user("other")
    world.put_store(namespace="other")
    world.aws.cloud.put_secret("db", "value")
    only(world, regions=("eu-*",))
    assert await world.values(data("db"), namespace="other") == {"out": "value"}


async def test_the_prefix_of_the_store_is_part_of_the_name(world: World) -> None:
    world.put_store(prefix="team/")
    world.aws.cloud.put_secret("team/db", "value")
    only(world, secret_names=("team/*",))
    assert await world.values(data("db")) == {"out": "value"}


@pytest.mark.parametrize(
    "rule", [{"role_arns": ("*:role/other",)}, {"accounts": ("444455556666",)}]
)
@pytest.mark.parametrize("named_by", ["service account", "store"])
async def test_a_role_is_refused_before_it_is_assumed(
    world: World, rule: dict[str, tuple[str, ...]], named_by: str
) -> None:
    if named_by == "store":
        world.put_store(role=ROLE)
    else:
        world.cluster.put_account("shop", "app", role_arn=ROLE)
        world.put_store(auth=jwt())
    only(world, **rule)
    assert "111122223333" in await refusal(world, data("db"))
    assert world.calls() == {}
    assert world.cluster.tokens == []


async def test_what_is_read_ahead_is_allowed_as_well(world: World) -> None:
    world.put_store()
    for name in ("team/a", "db"):
        world.aws.cloud.put_secret(name, "value")
    only(world, secret_names=("team/*",))
    also = [parsed_spec(data("db"))]
    await world.fetch(data("team/a"), also=also)
    assert world.calls() == {"GetSecretValue": 1}


async def test_a_search_leaves_out_what_is_refused(world: World) -> None:
    world.put_store()
    for name in ("team/a", "other/b"):
        world.aws.cloud.put_secret(name, "value")
    only(world, secret_names=("team/*",))
    find = {"find": {"name": {"regexp": "."}}}
    assert list((await world.fetch(dataFrom=[find])).data) == ["team_a"]
    only(world, secret_names=("nothing/*",))
    assert 'rule "shop"' in await refusal(world, dataFrom=[find])
    assert world.calls() == {"ListSecrets": 2, "GetSecretValue": 1}


async def test_a_search_never_reads_parameters_that_are_refused(world: World) -> None:
    world.put_store(service="ParameterStore")
    for name in ("/team/a", "/other/b"):
        world.aws.cloud.put_parameter(name, "value")
    only(world, secret_names=("/team/*",))
    find = {"find": {"name": {"regexp": "."}}}
    assert list((await world.fetch(dataFrom=[find])).data) == ["_team_a"]
    assert world.calls() == {"DescribeParameters": 1, "GetParameters": 1}


async def test_a_generator_is_limited_too(world: World) -> None:
    world.put_generator("ECRAuthorizationToken", region="us-east-1")
    only(world, regions=("eu-*",))
    generator = {
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": "ECRAuthorizationToken",
        "name": "gen",
    }
    why = await refusal(world, dataFrom=[{"sourceRef": {"generatorRef": generator}}])
    assert 'region "us-east-1" is not allowed' in why
    assert world.calls() == {}


async def test_a_store_is_refused_before_its_role_is_assumed(world: World) -> None:
    everybody = Policy((Rule("--allowed-regions", regions=("eu-*",)),))
    cluster_wide = world.put_store(kind="ClusterSecretStore", auth=jwt(namespace="shop"))
    world.cluster.put_account("shop", "app", role_arn=ROLE)
    for store, policy in ((world.put_store(role=ROLE), world.policy), (cluster_wide, everybody)):
        only(world, role_arns=("*:role/other",))
        with pytest.raises(PolicyViolation, match="is not allowed by"):
            await check_store(
                store,
                world.identities,
                world.engine.credentials,
                policy=policy,
                deadline=monotonic() + 10,
            )
    assert world.calls() == {}


async def test_rules_of_namespaces_do_not_concern_a_store_of_none(world: World) -> None:
    world.policy.own = (Rule("rest", ("*",), regions=("eu-*",)),)
    world.cluster.put_account("shop", "app", role_arn=world.put_role("app", "shop:app").arn)
    store = world.put_store(kind="ClusterSecretStore", auth=jwt(namespace="shop"))
    credentials = world.engine.credentials
    deadline = monotonic() + 10
    assert await check_store(
        store, world.identities, credentials, policy=world.policy, deadline=deadline
    )
