"""What a search makes of what was found."""

import pytest

from provider import errors
from provider.aws import finding
from provider.aws.finding import Found
from provider.controller.resources.external_secret import Find, FindName
from provider.controller.scheduling.cpu_work import CpuWork
from provider.controller.values.find import Finder
from provider.controller.values.secret_reads import Source
from provider.engine.model import SecretRef
from provider.engine.values import Query
from tests.controller.values.world import World
from tests.loop_watchdog import loop_watchdog

BY_NAME = Find(name=FindName(regexp="."))


class Listed:
    """Lists these names, whether the secrets exist or not."""

    def __init__(self, *names: str) -> None:
        self._found: Found = {SecretRef("secretsmanager", name): None for name in names}

    async def find(self, find: finding.Find, region: str, query: Query) -> Found:
        assert find.matching is not None
        names = await find.matching([ref.name for ref in self._found])
        return {ref: value for ref, value in self._found.items() if ref.name in names}


async def found(world: World, listed: Listed, what: Find = BY_NAME) -> dict[str, bytes]:
    store = world.put_store()
    principal = await world.identities.of_store(store, "shop", 0.0)
    assert store.spec is not None
    assert store.spec.provider.aws is not None
    finder = Finder(listed, listed, world.engine.reader, world.cpu_work)
    source = Source(store.spec.provider.aws, principal)
    return dict(await finder.find(what, source, world.asked()))


async def test_a_secret_that_disappears_meanwhile_is_left_out(world: World) -> None:
    world.aws.cloud.put_secret("b", "x")
    assert await found(world, Listed("gone", "b")) == {"b": b"x"}
    assert await found(world, Listed("gone")) == {}


async def test_a_search_by_name_alone_fails_for_what_may_not_be_read(world: World) -> None:
    user = world.put_user()
    for name in ("a", "b"):
        world.aws.cloud.put_secret(name, name)
    user.role.allow = [("secretsmanager:GetSecretValue", world.aws.cloud.secret("a").arn)]
    with pytest.raises(errors.AccessDenied, match="secret b"):
        await found(world, Listed("a", "b"))
    by_path = Find(path="", name=FindName(regexp="."))
    assert await found(world, Listed("a", "b"), by_path) == {"a": b"a"}


async def test_a_costly_regular_expression_neither_holds_the_loop_nor_a_thread(
    world: World,
) -> None:
    costly = Find(path="", name=FindName(regexp="(a?){600}(a?){600}b"))
    names = [f"{'a' * 2000}{number}" for number in range(1000)]
    world.cpu_work = CpuWork(moment=0.001, most=0.02)
    async with loop_watchdog():
        with pytest.raises(errors.InvalidRequest, match=r"make name.regexp simpler"):
            await found(world, Listed(*names), costly)
    world.cpu_work.close()


async def test_the_values_are_in_order_of_the_names(world: World) -> None:
    for name in ("b", "a", "c"):
        world.aws.cloud.put_secret(name, name)
    assert list(await found(world, Listed("c", "a", "b"))) == ["a", "b", "c"]
