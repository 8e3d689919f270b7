"""Limits: fair among tenants, however long they keep what they have."""

import asyncio
import gc
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from provider.engine.limits import CallLimits, FairLimit
from provider.engine.model import Access, SecretValue
from provider.engine.ports import Principal
from provider.engine.values import Answer
from tests.fakes.engine import REGION, FakeEngine, FakeSource, Gate, identity, secret
from tests.waiting import turns


async def hold(limit: FairLimit, stack: AsyncExitStack, tenant: str, size: int = 1) -> None:
    async with asyncio.timeout(5):
        await stack.enter_async_context(limit.slot(tenant, size))


def test_a_tenant_holds_no_more_than_it_leaves_free_and_one() -> None:
    limit = FairLimit(64)
    got = {tenant: sum(limit.take(tenant) for _ in range(99)) for tenant in "abcdefgh"}
    assert list(got.values()) == [32, 16, 8, 4, 2, 1, 1, 0]
    assert FairLimit(1).take("a")


async def test_tenants_take_turns_where_there_is_no_room() -> None:
    limit, order = FairLimit(1), list[str]()

    async def work(name: str) -> None:
        async with limit.slot(name[0]):
            order.append(name)
            await asyncio.sleep(0)

    names = ["a1", "a2", "a3", "b1", "b2", "c1"]
    await asyncio.gather(*map(work, names))
    assert order == ["a1", "a2", "b1", "c1", "a3", "b2"]
    assert not limit.in_use + len(limit._waiting)


async def test_who_wants_less_does_not_wait_for_another_tenant_who_wants_more() -> None:
    limit = FairLimit(10)
    async with AsyncExitStack() as stack, AsyncExitStack() as first:
        await hold(limit, first, "a", 5)
        large = asyncio.create_task(hold(limit, stack, "b", 4))
        await asyncio.sleep(0)
        await hold(limit, stack, "c", 2)
        assert not large.done()
        await first.aclose()
        await large
        assert (limit.held("b"), limit.in_use) == (4, 6)


@pytest.mark.parametrize("at", ["before", "after"])
async def test_a_waiter_that_is_cancelled_takes_nothing(at: str) -> None:
    limit = FairLimit(1)
    async with AsyncExitStack() as stack, AsyncExitStack() as first:
        await hold(limit, first, "a")
        waiting = asyncio.create_task(hold(limit, stack, "b"))
        behind = asyncio.create_task(hold(limit, stack, "b"))
        await turns()
        if at == "after":  # it has its turn, but does not know it yet
            await first.aclose()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await first.aclose()
        await behind
    assert not limit.in_use + len(limit._waiting)


async def test_a_smaller_waiter_goes_on_once_a_larger_one_before_it_has_left() -> None:
    limit = FairLimit(4)
    async with AsyncExitStack() as stack:
        await hold(limit, stack, "a")
        large = asyncio.create_task(hold(limit, stack, "b", 3))
        small = asyncio.create_task(hold(limit, stack, "b"))
        await asyncio.sleep(0)
        assert limit.in_use == 1
        large.cancel()
        await small
        assert limit.in_use == 2


async def test_calls_that_hang_leave_slots_of_the_region_to_other_namespaces() -> None:
    limits = CallLimits(16)

    async def hang(subject: str, region: str) -> None:
        async with limits.slot(identity(subject=subject), region, subject.partition("/")[0]):
            await asyncio.Event().wait()

    hanging = [
        asyncio.create_task(hang(f"evil-{namespace}/web-{account}", f"eu-west-{region}"))
        for namespace in range(4)
        for account in range(4)
        for region in range(12)
        for _ in range(4)
    ]
    await asyncio.sleep(0)
    for region in ("eu-west-1", "eu-north-1"):
        async with asyncio.timeout(5), limits.slot(identity(subject="shop/web"), region, "shop"):
            pass
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    del task, hanging  # their errors keep what they waited for
    await asyncio.sleep(0)
    gc.collect()
    assert not limits._regions


async def test_tenants_that_share_an_identity_take_turns() -> None:
    """As those of a ClusterSecretStore with access keys do: one sends hundreds of calls."""
    calls, order = FakeEngine(max_calls=16).values.calls, list[str]()

    async def send(access: Access) -> None:
        await asyncio.sleep(0)
        order.append(access.tenant)

    async def call(tenant: str) -> None:
        principal = Principal(identity(), FakeSource(), asks_for=tenant)
        await calls.make(principal, "eu-west-1", send, lambda: None)

    await call("the first one, which gets the credentials")
    async with asyncio.TaskGroup() as tasks:
        for _ in range(100):
            tasks.create_task(call("hostile"))
        await asyncio.sleep(0)
        tasks.create_task(call("honest"))
    assert order.index("honest") < 3 * 16


@pytest.mark.parametrize("hanging", [("own", "second", "shared"), ("shared",)])
async def test_calls_that_hang_leave_a_shared_identity_to_other_namespaces(
    hanging: tuple[str, ...],
) -> None:
    """Also calls that wait for the share of their namespace must not hold what others need."""
    limits, end = CallLimits(16), asyncio.Event()

    async def call(name: str, tenant: str) -> None:
        async with limits.slot(identity(subject=f"{name}/web"), "eu-west-1", tenant):
            if tenant == "hostile":
                await end.wait()

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for name in hanging:
            for _ in range(16):
                tasks.create_task(call(name, "hostile"))
        await asyncio.sleep(0)
        await call("shared", "honest")
        end.set()


async def test_nobody_joins_a_call_that_waits_in_the_share_of_another_namespace() -> None:
    """Once it is sent, all may join it."""
    engine, ref = FakeEngine(max_calls=2), secret("shop/db")
    engine.secrets.put(ref.name, b"one")
    await engine.credentials.get(Principal(identity(), engine.source))
    gate = engine.secrets.faults["read", REGION] = Gate()
    limits, query = engine.values.calls.limits, engine.query()

    def reading(tenant: str) -> asyncio.Task[list[Answer]]:
        principal = replace(query.principal, asks_for=tenant)
        return asyncio.create_task(engine.answers([ref], replace(query, principal=principal)))

    async with asyncio.timeout(5), AsyncExitStack() as stack:
        slot = limits.slot(identity(subject="hostile/web"), REGION, "hostile")
        await stack.enter_async_context(slot)
        hostile = reading("hostile")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        honest = reading("honest")
        await gate.reached.wait()
        other = reading("other")
        await asyncio.sleep(0)
        gate.open()
        assert await honest == await other == [SecretValue(b"one", "1")]
        assert engine.secrets.count("read") == 1
        await stack.aclose()
        assert await hostile == await honest
    assert engine.secrets.count("read") == 2
