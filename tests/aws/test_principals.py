"""Principals of stores: which sessions they get, and that no two of them share one."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import combinations

import pytest

from provider.aws.credentials.static import access_keys
from provider.aws.principals import (
    SESSION_NAME,
    ServiceAccount,
    in_roles,
    role_chain,
    session_key,
    static_keys,
)
from provider.engine.model import AssumeRole, Retries, SecretRef
from provider.engine.ports import Principal
from provider.errors import InvalidRequest, KubernetesUnavailable, RoleNotAssumable
from testbed.aws import Role, Session, allow
from testbed.aws.errors import throttled
from testbed.aws.iam import CONTROLLER_ACTIONS
from testbed.tokens import issue_token
from tests.aws.reading import REGION, Reading, keys_of

SECRET = SecretRef("secretsmanager", "a")
ALL = list(allow("*", *CONTROLLER_ACTIONS))


def chained(reading: Reading, principal: Principal, *roles: AssumeRole) -> Principal:
    engine = reading.engine
    return in_roles(principal, roles, sts=engine.sts, credentials=engine.credentials, region=REGION)


async def session_of(reading: Reading, principal: Principal) -> Session:
    """The session of the fake that the credentials belong to."""
    credentials = await reading.engine.credentials.get(principal)
    return reading.aws.cloud.sessions[credentials.access_key_id]


def put_role(reading: Reading, name: str) -> Role:
    return reading.aws.cloud.put_role(name, trust=["shop:web"], allow=ALL)


def account(
    reading: Reading,
    role: Role,
    session: str = "uid",
    request: Callable[[], Awaitable[str]] | None = None,
) -> ServiceAccount:
    async def token() -> str:
        return issue_token("shop", "web")

    sts = reading.engine.sts
    return ServiceAccount("shop/web", session, role.arn, request or token, sts, REGION)


async def test_static_keys_read(reading: Reading) -> None:
    reading.aws.cloud.put_secret("a", "x")
    keys = keys_of(reading.aws.cloud.put_user("me", allow=ALL))
    principal = static_keys("shop/keys", session_key("uid", "7"), keys, REGION)
    assert await reading.texts([SECRET], principal) == ["x"]


async def test_a_service_account_asks_for_a_token_when_credentials_are_needed(
    reading: Reading,
) -> None:
    asked = []

    async def token() -> str:
        asked.append(1)
        return issue_token("shop", "web")

    principal = account(reading, put_role(reading, "web"), request=token).principal
    assert not asked
    for _ in range(2):
        assert (await session_of(reading, principal)).name == SESSION_NAME
    assert len(asked) == 1


async def test_a_token_that_is_not_given_says_why(reading: Reading) -> None:
    async def token() -> str:
        raise KubernetesUnavailable("the API server is away")

    principal = account(reading, put_role(reading, "web"), request=token).principal
    with pytest.raises(KubernetesUnavailable, match="API server is away"):
        await session_of(reading, principal)


async def test_only_the_last_role_has_external_id_and_tags(reading: Reading) -> None:
    first, second, last = (put_role(reading, name) for name in ("first", "second", "last"))
    last.external_id = "7"
    final = AssumeRole(
        last.arn,
        external_id="7",
        session_tags=(("team", "shop"), ("env", "dev")),
        transitive_tag_keys=("team",),
    )
    principal = chained(reading, reading.user(), *role_chain([first.arn, second.arn], final))
    session = await session_of(reading, principal)
    assert (session.role, session.name) == (last, SESSION_NAME)
    assert (session.tags, session.own_tags) == ({"team": "shop"}, {"env": "dev"})
    others = [one for one in reading.aws.cloud.sessions.values() if one.role in (first, second)]
    assert [(one.tags, one.own_tags) for one in others] == [({}, {})] * 2


async def test_roles_without_a_last_one(reading: Reading) -> None:
    first, second = put_role(reading, "first"), put_role(reading, "second")
    principal = chained(reading, reading.user(), *role_chain([first.arn, second.arn], None))
    assert (await session_of(reading, principal)).role is second
    assert role_chain([], None) == ()


async def test_sessions_on_the_way_are_shared(reading: Reading) -> None:
    first, second, third = (put_role(reading, name) for name in ("first", "second", "third"))
    user = reading.user()
    for last in (second, third):
        roles = role_chain([first.arn], AssumeRole(last.arn))
        assert (await session_of(reading, chained(reading, user, *roles))).role is last
    assert reading.calls() == {"AssumeRole": 3}


async def test_a_refusal_names_the_step(reading: Reading) -> None:
    first, last = put_role(reading, "first"), put_role(reading, "last")
    first.allow = []
    roles = role_chain([first.arn], AssumeRole(last.arn))
    with pytest.raises(RoleNotAssumable) as caught:
        await session_of(reading, chained(reading, reading.user(), *roles))
    text = str(caught.value)
    assert text.startswith(f"role {last.arn} cannot be assumed with the credentials of role")
    assert f"Allow sts:AssumeRole on this role to role {first.arn} assumed by access keys" in text


async def test_no_two_principals_share_an_identity(reading: Reading) -> None:
    """Each differs from the first in one part."""
    web, other = put_role(reading, "web"), put_role(reading, "other")
    keys = access_keys("AKIA", "secret")
    base = account(reading, web).principal
    role = AssumeRole(other.arn)
    principals = [
        base,
        account(reading, other).principal,
        account(reading, web, session_key("uid", "audience")).principal,
        replace(account(reading, web), subject="shop/other").principal,
        replace(account(reading, web), region="cn-north-1").principal,
        static_keys("shop/web", "uid", keys, REGION),
        static_keys("shop/web", "other", keys, REGION),
        chained(reading, base, role),
        chained(reading, base, role, role),
        chained(reading, base, role._replace(external_id="7")),
        chained(reading, base, role._replace(session_tags=(("team", "shop"),))),
        chained(reading, base, role._replace(session_tags=(("team", "web"),))),
        chained(reading, base, role._replace(transitive_tag_keys=("team",))),
    ]
    for one, two in combinations(principals, 2):
        assert one.identity != two.identity


def test_parts_of_a_session_do_not_run_together() -> None:
    keys = [session_key("a", "b"), session_key("ab"), session_key("a,b"), session_key('a","b')]
    assert len(set(keys)) == 4


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (("", "s"), "access key id is empty"),
        (("AKIA", ""), "secret access key is empty"),
        (("AKIA\n", "c4nary"), "access key id has white space"),
        (("AKIA", "c4nary\n"), "secret access key has white space"),
        (("AKIA", "c4 nary"), "secret access key has white space"),
        (("AKIA", "s", "c4nary\r"), "session token has white space"),
        (("AKIÄ", "c4nary"), "access key id has"),
    ],
)
def test_keys_that_sign_nothing(keys: tuple[str, ...], text: str) -> None:
    with pytest.raises(InvalidRequest, match=text) as caught:
        access_keys(*keys)
    assert "c4nary" not in str(caught.value)


def test_keys_are_taken_as_they_are() -> None:
    keys = access_keys("AKIA", "c4nary+/=", "")
    assert (keys.access_key_id, keys.secret_access_key, keys.session_token) == (
        "AKIA",
        "c4nary+/=",
        None,
    )
    assert "c4nary" not in repr(keys)


@pytest.mark.parametrize(
    ("retries", "attempts", "delays"),
    [
        (None, 3, None),
        (Retries(1), 1, []),
        (Retries(5, 2.5), 5, [2.5] * 4),
        (Retries(0, 1.0), 7, [1.0] * 6),
    ],
    ids=["the client's", "one", "five", "no limit"],
)
async def test_retries_are_those_of_the_store(
    reading: Reading,
    naps: list[float],
    retries: Retries | None,
    attempts: int,
    delays: list[float] | None,
) -> None:
    """The service fails six times."""
    reading.aws.cloud.put_secret("a", "x")
    reading.aws.faults.inject(throttled(), times=6)
    user = replace(reading.user(), retries=retries)
    assert await reading.texts([SECRET], user) == ["x" if attempts == 7 else "AwsThrottled"]
    assert reading.calls() == {"GetSecretValue": attempts}
    assert delays is None or naps == delays


async def test_retries_are_kept_in_roles(reading: Reading) -> None:
    role = put_role(reading, "web")
    user = replace(reading.user(), retries=Retries(7))
    assert chained(reading, user, AssumeRole(role.arn)).retries == Retries(7)
