"""IRSA: which region is asked, whose answer counts, and under what name."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event

import pytest

from provider.aws.credentials.web_identity import WebIdentity, session_name
from provider.credentials import Credentials
from provider.deadline import Deadline
from provider.errors import (
    AwsThrottled,
    AwsUnavailable,
    OutOfTime,
    ProviderError,
    RoleNotAssumable,
    TokenRejected,
)
from provider.lanes import Lanes

ROLE = "arn:aws:iam::111122223333:role/web"
TOKEN = "c4nary-token"
HERE, THERE = "eu-west-1", "eu-west-2"

Answer = ProviderError | Callable[[], None] | None
"""An error, something to wait for, or credentials at once."""


@dataclass
class FakeSts:
    """Gives credentials whose key id is the region, unless told otherwise."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def assume_role_with_web_identity(
        self, *, role_arn: str, session_name: str, token: str, region: str, deadline: Deadline
    ) -> Credentials:
        assert (role_arn, token) == (ROLE, TOKEN)
        self.asked.append(region)
        self.names.add(session_name)
        answer = self.answers.get(region)
        if isinstance(answer, ProviderError):
            raise answer
        if answer is not None:
            answer()
        return Credentials(region, "c4nary-secret", "c4nary-session", 0)


class Hang:
    """Keeps a call waiting until the test ends, or until it is let go."""

    def __init__(self) -> None:
        self.let_go = Event()

    def __call__(self) -> None:
        assert self.let_go.wait(10)


@pytest.fixture
def hang() -> Iterator[Hang]:
    hang = Hang()
    yield hang
    hang.let_go.set()


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    lanes = Lanes(width=2)
    yield lanes
    lanes.close()


def source(sts: FakeSts, lanes: Lanes, *regions: str, role: str = ROLE) -> WebIdentity:
    """Patient enough for a slow machine, but not for one that hangs."""
    hangs = any(isinstance(answer, Hang) for answer in sts.answers.values())
    regions = regions or (HERE, THERE)
    patience = 0.05 if hangs else 10
    return WebIdentity(sts, lanes.submit, "shop", "web", role, TOKEN, regions, patience)


def fetch(sts: FakeSts, lanes: Lanes, *regions: str, seconds: float = 10) -> str:
    """The region that the credentials are from."""
    return source(sts, lanes, *regions).fetch(Deadline.after(seconds)).access_key_id


def test_the_mounts_region_is_asked_and_no_other(lanes: Lanes) -> None:
    sts = FakeSts()
    assert fetch(sts, lanes) == HERE
    assert sts.asked == [HERE]


def test_without_a_failover_region_no_thread_is_needed() -> None:
    sts = FakeSts()
    lanes = Lanes(width=1)
    lanes.submit(HERE, lanes.close).result()
    assert fetch(sts, lanes, HERE) == HERE


@pytest.mark.parametrize("error", [AwsUnavailable("503."), AwsThrottled("429.")], ids=repr)
def test_a_region_that_fails_is_covered_by_the_other(lanes: Lanes, error: ProviderError) -> None:
    sts = FakeSts({HERE: error})
    assert fetch(sts, lanes) == THERE
    assert sts.asked == [HERE, THERE]


def test_a_region_that_hangs_is_covered_by_the_other(lanes: Lanes, hang: Hang) -> None:
    assert fetch(FakeSts({HERE: hang}), lanes) == THERE


def test_a_region_that_hangs_for_many_holds_up_nobody(lanes: Lanes, hang: Hang) -> None:
    sts = FakeSts({HERE: hang})
    assert [fetch(sts, lanes) for _ in range(6)] == [THERE] * 6
    assert sts.asked.count(HERE) <= 2


def test_a_region_that_was_only_slow_still_wins_over_one_that_hangs(
    lanes: Lanes, hang: Hang
) -> None:
    slow = Hang()

    def hang_too() -> None:
        slow.let_go.set()
        hang()

    assert fetch(FakeSts({HERE: slow, THERE: hang_too}), lanes) == HERE


def test_a_slow_region_may_be_waited_for_when_the_other_fails(lanes: Lanes) -> None:
    slow = Hang()

    def fail() -> None:
        slow.let_go.set()
        raise AwsUnavailable("503.")

    assert fetch(FakeSts({HERE: slow, THERE: fail}), lanes) == HERE


@pytest.mark.parametrize("error", [RoleNotAssumable("no"), TokenRejected("bad")], ids=repr)
def test_a_refusal_is_final(lanes: Lanes, error: ProviderError) -> None:
    sts = FakeSts({HERE: error})
    with pytest.raises(type(error)):
        fetch(sts, lanes)
    assert sts.asked == [HERE]


def test_a_refusal_of_the_other_region_is_final_too(lanes: Lanes, hang: Hang) -> None:
    with pytest.raises(RoleNotAssumable):
        fetch(FakeSts({HERE: hang, THERE: RoleNotAssumable("no")}), lanes)


def test_when_both_fail_both_are_told(lanes: Lanes) -> None:
    sts = FakeSts({HERE: AwsUnavailable("503."), THERE: AwsThrottled("429.")})
    with pytest.raises(AwsUnavailable, match=rf"{HERE}: 503\. STS in {THERE}: 429\."):
        fetch(sts, lanes)


def test_when_both_hang_the_deadline_ends_it(lanes: Lanes, hang: Hang) -> None:
    with pytest.raises(OutOfTime, match="STS did not answer in time"):
        fetch(FakeSts({HERE: hang, THERE: hang}), lanes, seconds=0.2)


def test_a_failure_names_service_account_and_role(lanes: Lanes) -> None:
    with pytest.raises(
        RoleNotAssumable, match=rf"{ROLE}.*shop/web: STS in {HERE}: AccessDenied: no"
    ):
        fetch(FakeSts({HERE: RoleNotAssumable("AccessDenied: no.")}), lanes)


@pytest.mark.parametrize(
    ("role", "region", "told"),
    [
        (ROLE, "cn-north-1", True),
        (ROLE.replace("aws:", "aws-cn:"), "cn-north-1", False),
        (ROLE, "eu-west-1", False),
    ],
    ids=["other partition", "same", "same aws"],
)
def test_a_refused_role_of_another_partition_is_pointed_out(
    lanes: Lanes, role: str, region: str, told: bool
) -> None:
    class Refusing(FakeSts):
        def assume_role_with_web_identity(self, **asked: object) -> Credentials:
            raise RoleNotAssumable("AccessDenied: no.")

    with pytest.raises(RoleNotAssumable) as caught:
        source(Refusing(), lanes, region, role=role).fetch(Deadline.after(1))
    assert ("partition" in str(caught.value)) == told


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
    assert session_name(namespace, service_account) == name


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
    names = [session_name(*one) for one in LONG]
    assert all(re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII) for name in names)
    assert len(set(names)) == len(LONG)
    assert names == [session_name(*one) for one in LONG]


def test_a_shortened_session_name_keeps_the_start_of_both() -> None:
    name = session_name("n" * 63, "s" * 253)
    assert re.fullmatch(r"s{27}@n{27}-[0-9a-f]{8}", name)
    assert re.fullmatch(r"web@n{51}-[0-9a-f]{8}", session_name("n" * 63, "web"))


def test_neither_token_nor_keys_are_printed(lanes: Lanes) -> None:
    sts = FakeSts({HERE: TokenRejected("InvalidIdentityToken: no.")})
    with pytest.raises(TokenRejected) as caught:
        fetch(sts, lanes)
    credentials = source(FakeSts(), lanes).fetch(Deadline.after(1))
    printed = f"{caught.value!r} {source(sts, lanes)!r} {credentials!r} {sts.names}"
    assert "c4nary" not in printed
