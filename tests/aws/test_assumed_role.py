"""A role that is assumed with a pod's own credentials: the request, and which step failed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest

from provider.aws.credentials.ambient import caller_arn
from provider.aws.credentials.assumed_role import AssumedRole
from provider.aws.sts import Sts
from provider.engine.credentials import CredentialCache
from provider.engine.model import Access, AssumeRole, Credentials, Identity
from provider.engine.ports import Principal
from provider.errors import (
    AwsUnavailable,
    CredentialsExpired,
    ProviderError,
    RoleNotAssumable,
    TokenRejected,
)
from provider.runtime.http import HttpClient
from testbed.aws import FakeAws
from testbed.aws.iam import Role
from tests.aws.oracle import StubTransport, client
from tests.aws.reading import keys_of
from tests.fakes.engine import FakeSource

OTHER = "arn:aws:iam::444455556666:role/other"
IRSA = Identity("irsa", "shop/web", "aws", role="arn:aws:iam::111122223333:role/web")
HERE, THERE = "eu-west-1", "eu-west-2"


@dataclass
class FakeSts(Sts):
    """Refuses what is in `refusals`: by region, and by the id of the credentials."""

    refusals: dict[str, ProviderError] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def assume_role(self, role: AssumeRole, session_name: str, access: Access) -> Credentials:
        assert (role.arn, session_name, access.identity) == (OTHER, "web@shop", IRSA)
        assert access.credentials is not None
        asked = access.region, access.credentials.access_key_id
        self.asked.append(asked)
        for reason in asked:
            if reason in self.refusals:
                raise self.refusals[reason]
        return Credentials("other", "c4nary-secret", "c4nary-session")


def source(
    sts: FakeSts, own: FakeSource | None = None, regions: tuple[str, ...] = (HERE,)
) -> AssumedRole:
    principal = Principal(IRSA, own or FakeSource("own"))
    return AssumedRole(sts, CredentialCache(), principal, AssumeRole(OTHER), "web@shop", regions)


async def refusal(asked: AssumedRole) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await asked.fetch()
    assert "c4nary" not in str(caught.value)
    return caught.value


async def test_the_role_is_assumed_with_the_pods_own_credentials() -> None:
    sts = FakeSts()
    assert (await source(sts).fetch()).access_key_id == "other"
    assert sts.asked == [(HERE, "own1")]


async def test_another_region_covers_for_the_first() -> None:
    sts = FakeSts({HERE: AwsUnavailable("503")})
    assert await source(sts, regions=(HERE, THERE)).fetch()
    assert [region for region, _ in sts.asked] == [HERE, THERE]


async def test_expired_credentials_are_renewed_once() -> None:
    sts = FakeSts({"own1": CredentialsExpired("ExpiredToken")})
    assert await source(sts).fetch()
    assert sts.asked == [(HERE, "own1"), (HERE, "own2")]
    sts.refusals["own2"] = sts.refusals["own1"]
    assert isinstance(await refusal(source(sts)), CredentialsExpired)


async def test_a_failure_of_the_first_step_says_so() -> None:
    error = await refusal(source(FakeSts(), FakeSource(error=TokenRejected("no such provider"))))
    assert isinstance(error, TokenRejected)
    assert str(error) == (
        f"role {OTHER} cannot be assumed without credentials of {IRSA}: no such provider"
    )


async def test_a_failure_of_the_second_step_says_so() -> None:
    error = await refusal(source(FakeSts({HERE: RoleNotAssumable("AccessDenied")})))
    assert isinstance(error, RoleNotAssumable)
    assert str(error) == (
        f"role {OTHER} cannot be assumed with the credentials of {IRSA}: STS in {HERE}: "
        "AccessDenied"
    )


async def form(role: AssumeRole) -> dict[str, str]:
    transport = StubTransport()
    own = Access(HERE, IRSA, Credentials("own", "c4nary", "c4nary-token"))
    with pytest.raises(ProviderError):
        await Sts(client(transport)).assume_role(role, "web@shop", own)
    sent = transport.sent[0]
    assert sent.url.startswith(f"https://sts.{HERE}.amazonaws.com")
    assert f"/{HERE}/sts/aws4_request" in sent.headers["Authorization"]
    assert isinstance(sent.body, bytes)
    return {name: texts[0] for name, texts in parse_qs(sent.body.decode()).items()}


PLAIN = {
    "Action": "AssumeRole",
    "Version": "2011-06-15",
    "RoleArn": OTHER,
    "RoleSessionName": "web@shop",
}
TAGS = {
    "Tags.member.1.Key": "kubernetes-namespace",
    "Tags.member.1.Value": "shop",
    "Tags.member.2.Key": "kubernetes-service-account",
    "Tags.member.2.Value": "web",
}


SESSION_TAGS = (("kubernetes-namespace", "shop"), ("kubernetes-service-account", "web"))


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (AssumeRole(OTHER), PLAIN),
        (AssumeRole(OTHER, "x:1", 900), PLAIN | {"ExternalId": "x:1", "DurationSeconds": "900"}),
        (AssumeRole(OTHER, session_tags=SESSION_TAGS), PLAIN | TAGS),
        (
            AssumeRole(OTHER, transitive_tag_keys=("a", "b")),
            PLAIN | {"TransitiveTagKeys.member.1": "a", "TransitiveTagKeys.member.2": "b"},
        ),
    ],
    ids=["plain", "all that there is", "tags", "transitive"],
)
async def test_the_request_to_sts(role: AssumeRole, expected: dict[str, str]) -> None:
    assert await form(role) == expected


# ---- against the fake AWS, which checks signatures, policies and external ids ------


@dataclass
class Chain:
    """A role, and one that it assumes."""

    aws: FakeAws
    http: HttpClient
    own: Role
    other: Role

    async def assume(
        self, external_id: str | None = None, *, tags: bool = False, lifetime: float = 3600
    ) -> Credentials:
        session = self.aws.cloud.open_session(self.own, "web@shop", lifetime=lifetime)
        sts = Sts(client(self.http.send, {"AWS_ENDPOINT_URL": self.aws.url}))
        return await sts.assume_role(
            AssumeRole(self.other.arn, external_id, 900, SESSION_TAGS if tags else ()),
            "web@shop",
            Access(HERE, IRSA, keys_of(session)),
        )

    async def refusal(self, external_id: str | None = None, *, tags: bool = False) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            await self.assume(external_id, tags=tags)
        return caught.value


@pytest.fixture
async def chain(aws: FakeAws) -> AsyncIterator[Chain]:
    other = aws.cloud.put_role("other")
    own = aws.cloud.put_role("web", allow=[("sts:AssumeRole", other.arn)])
    http = HttpClient()
    yield Chain(aws, http, own, other)
    await http.close()


async def test_the_session_is_named_and_tagged_as_asked(chain: Chain) -> None:
    chain.own.allow.append(("sts:TagSession", chain.other.arn))
    key_id = (await chain.assume(tags=True)).access_key_id
    session = chain.aws.cloud.sessions[key_id]
    assert session.arn.endswith(":assumed-role/other/web@shop")
    assert session.own_tags == {
        "kubernetes-namespace": "shop",
        "kubernetes-service-account": "web",
    }


async def test_an_external_id_has_to_be_right(chain: Chain) -> None:
    chain.other.external_id = "right"
    assert isinstance(await chain.refusal("wrong"), RoleNotAssumable)
    assert isinstance(await chain.refusal(), RoleNotAssumable)
    assert await chain.assume("right")


async def test_a_refusal_names_what_to_allow_and_to_whom(chain: Chain) -> None:
    chain.own.allow.clear()
    text = str(await chain.refusal())
    assert "is not authorized to perform: sts:AssumeRole on resource" in text
    assert f"Allow sts:AssumeRole on this role to {IRSA} (and sts:TagSession" in text


async def test_tags_without_the_right_to_tag_are_a_refusal_too(chain: Chain) -> None:
    assert "sts:TagSession" in str(await chain.refusal(tags=True))


async def test_sessions_that_are_over_are_expired_credentials(chain: Chain) -> None:
    with pytest.raises(CredentialsExpired):
        await chain.assume(lifetime=-1)


async def test_the_duration_is_the_lifetime(chain: Chain) -> None:
    assert (await chain.assume()).lifetime == pytest.approx(900, abs=5)


async def test_whose_credentials_they_are(chain: Chain) -> None:
    credentials = await chain.assume()
    aws = client(chain.http.send, {"AWS_ENDPOINT_URL": chain.aws.url})
    arn = await caller_arn(aws, credentials, HERE)
    assert arn.endswith(":assumed-role/other/web@shop")
    chain.aws.cloud.expire_sessions()
    with pytest.raises(CredentialsExpired, match="check the clock of this machine"):
        await caller_arn(aws, credentials, HERE)
