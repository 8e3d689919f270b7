"""IRSA: which region is asked, which answer counts, and under what name."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from provider.aws import sts as module
from provider.aws.credentials.web_identity import WebIdentity, session_name
from provider.aws.regions import partition_of
from provider.aws.sts import Sts
from provider.engine.model import Credentials, Identity
from provider.errors import (
    AwsThrottled,
    AwsUnavailable,
    ProviderError,
    RoleNotAssumable,
    TokenRejected,
)

ROLE = "arn:aws:iam::111122223333:role/web"
TOKEN = "c4nary-token"
HERE, THERE = "eu-west-1", "eu-west-2"

Answer = ProviderError | Callable[[], Awaitable[object]] | None
"""An error, something to wait for, or credentials at once."""


@dataclass
class FakeSts(Sts):
    """Gives credentials whose key id is the region, unless it is set up otherwise."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    ended: list[str] = field(default_factory=list)

    async def assume_role_with_web_identity(
        self, *, identity: Identity, session_name: str, token: str, region: str
    ) -> Credentials:
        assert (identity.role, token) == (ROLE, TOKEN)
        self.asked.append(region)
        self.names.add(session_name)
        answer = self.answers.get(region)
        try:
            if isinstance(answer, ProviderError):
                raise answer
            if answer is not None:
                await answer()
        finally:
            self.ended.append(region)
        return Credentials(region, "c4nary-secret", "c4nary-session")


async def hang() -> None:
    """Longer than any test."""
    await asyncio.sleep(3600)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a slow machine; `source` has less for a region that hangs."""
    monkeypatch.setattr(module, "PATIENCE", 60)


def source(sts: FakeSts, *regions: str, role: str = ROLE) -> WebIdentity:
    if any(callable(answer) for answer in sts.answers.values()):
        vars(module)["PATIENCE"] = 0.05
    regions = regions or (HERE, THERE)
    identity = Identity("irsa", "shop/web", partition_of(regions[0]), role)
    return WebIdentity(sts, identity, TOKEN, regions)


async def fetch(sts: FakeSts, *regions: str) -> str:
    """The region that the credentials are from."""
    return (await source(sts, *regions).fetch()).access_key_id


@pytest.mark.parametrize("regions", [(HERE,), (HERE, THERE)], ids=["one", "two"])
async def test_the_first_region_is_asked_and_no_other(regions: tuple[str, ...]) -> None:
    sts = FakeSts()
    assert await fetch(sts, *regions) == HERE
    assert sts.asked == [HERE]


@pytest.mark.parametrize("error", [AwsUnavailable("503."), AwsThrottled("429.")], ids=repr)
async def test_a_region_that_fails_is_covered_by_the_other(error: ProviderError) -> None:
    sts = FakeSts({HERE: error})
    assert await fetch(sts) == THERE
    assert sts.asked == [HERE, THERE]


async def test_a_region_that_hangs_is_covered_by_the_other() -> None:
    sts = FakeSts({HERE: hang})
    assert await fetch(sts) == THERE
    assert sts.ended == [THERE, HERE]


async def test_a_region_that_was_only_slow_still_wins_over_one_that_hangs() -> None:
    slow = asyncio.Event()

    async def hang_too() -> None:
        slow.set()
        await hang()

    assert await fetch(FakeSts({HERE: slow.wait, THERE: hang_too})) == HERE


async def test_a_slow_region_is_waited_for_when_the_other_fails() -> None:
    slow = asyncio.Event()

    async def fail() -> None:
        slow.set()
        raise AwsUnavailable("503.")

    assert await fetch(FakeSts({HERE: slow.wait, THERE: fail})) == HERE


async def test_who_gives_up_leaves_no_call_behind() -> None:
    sts = FakeSts({HERE: hang, THERE: hang})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await fetch(sts)
    assert sorted(sts.ended) == sorted(sts.asked) == [HERE, THERE]
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("error", [RoleNotAssumable("no"), TokenRejected("bad")], ids=repr)
async def test_a_refusal_is_final(error: ProviderError) -> None:
    sts = FakeSts({HERE: error})
    with pytest.raises(type(error)):
        await fetch(sts)
    assert sts.asked == [HERE]


async def test_a_refusal_of_the_other_region_is_final_too() -> None:
    with pytest.raises(RoleNotAssumable):
        await fetch(FakeSts({HERE: hang, THERE: RoleNotAssumable("no")}))


async def test_where_one_region_is_asked_its_failure_keeps_its_kind() -> None:
    with pytest.raises(AwsThrottled):
        await fetch(FakeSts({HERE: AwsThrottled("429.")}), HERE)


async def test_when_both_regions_fail_the_error_names_both() -> None:
    sts = FakeSts({HERE: AwsUnavailable("503."), THERE: AwsThrottled("429.")})
    with pytest.raises(AwsUnavailable, match=rf"{HERE}: 503\. STS in {THERE}: 429\."):
        await fetch(sts)


async def test_a_failure_names_service_account_and_role() -> None:
    with pytest.raises(
        RoleNotAssumable, match=rf"{ROLE}.*shop/web: STS in {HERE}: AccessDenied: no"
    ):
        await fetch(FakeSts({HERE: RoleNotAssumable("AccessDenied: no.")}))


@pytest.mark.parametrize(
    ("role", "region", "is_noted"),
    [
        (ROLE, "cn-north-1", True),
        (ROLE.replace("aws:", "aws-cn:"), "cn-north-1", False),
        (ROLE, "eu-west-1", False),
    ],
    ids=["other partition", "same", "same aws"],
)
async def test_a_refused_role_of_another_partition_is_pointed_out(
    role: str, region: str, is_noted: bool
) -> None:
    class Refusing(FakeSts):
        async def assume_role_with_web_identity(self, **asked: object) -> Credentials:
            raise RoleNotAssumable("AccessDenied: no.")

    with pytest.raises(RoleNotAssumable) as caught:
        await source(Refusing(), region, role=role).fetch()
    assert ("partition" in str(caught.value)) == is_noted


@pytest.mark.parametrize(
    ("namespace", "service_account", "name"),
    [
        ("shop", "web", "web@shop"),
        ("kube-system", "a.b.c", "a.b.c@kube-system"),
        ("n" * 31, "s" * 32, "s" * 32 + "@" + "n" * 31),
    ],
)
def test_the_session_name_tells_service_account_and_namespace(
    namespace: str, service_account: str, name: str
) -> None:
    assert session_name(f"{namespace}/{service_account}") == name


LONG = [
    ("n" * 63, "s" * 253),
    ("n" * 63, "s" * 252 + "t"),
    ("n" * 62 + "m", "s" * 253),
    ("n" * 63, "s"),
    ("n", "s" * 253),
    ("n" * 32, "s" * 32),
    ("name space", "web/0"),
    ("näme", "wéb"),
]


def test_session_names_are_what_sts_takes_and_stay_distinct() -> None:
    names = [session_name("/".join(one)) for one in LONG]
    assert all(re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII) for name in names)
    assert len(set(names)) == len(LONG)
    assert names == [session_name("/".join(one)) for one in LONG]


def test_a_shortened_session_name_keeps_the_start_of_both() -> None:
    name = session_name(f"{'n' * 63}/{'s' * 253}")
    assert re.fullmatch(r"s{27}@n{27}-[0-9a-f]{8}", name)
    assert re.fullmatch(r"web@n{51}-[0-9a-f]{8}", session_name(f"{'n' * 63}/web"))


async def test_neither_token_nor_keys_are_printed() -> None:
    sts = FakeSts({HERE: TokenRejected("InvalidIdentityToken: no.")})
    with pytest.raises(TokenRejected) as caught:
        await fetch(sts)
    credentials = await source(FakeSts()).fetch()
    printed = f"{caught.value!r} {source(sts)!r} {credentials!r} {sts.names}"
    assert "c4nary" not in printed
