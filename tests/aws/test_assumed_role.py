"""A role that is assumed with a pod's own credentials: what STS is told, and which step failed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest

from provider.aws.credentials.assumed_role import AssumedRole, Assumption
from provider.aws.sts import Sts
from provider.aws.transport import Transport
from provider.credentials import Credentials, Identity
from provider.csi.request.model import AssumeRole
from provider.deadline import Deadline
from provider.errors import (
    AwsUnavailable,
    CredentialsExpired,
    ProviderError,
    RoleNotAssumable,
    TokenRejected,
)
from provider.lanes import Lanes
from testbed.aws import FakeAws
from testbed.aws.iam import Role
from tests.aws.oracle import StubTransport, client

OTHER = "arn:aws:iam::444455556666:role/other"
IRSA = Identity("irsa", "shop", "web", "aws", role="arn:aws:iam::111122223333:role/web")
POD = Identity("pod-identity", "shop", "web", "aws", pod_uid="uid-0")
HERE, THERE = "eu-west-1", "eu-west-2"


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    lanes = Lanes(2)
    yield lanes
    lanes.close()


@dataclass
class Own:
    """A pod's own credentials, numbered; dropped ones are replaced."""

    error: ProviderError | None = None
    dropped: list[Credentials] = field(default_factory=list)

    def get(self, deadline: Deadline) -> Credentials:
        if self.error:
            raise self.error
        return Credentials(f"own{len(self.dropped)}", "c4nary", "c4nary-token", 4e9)

    def drop(self, credentials: Credentials) -> None:
        self.dropped.append(credentials)


@dataclass
class FakeSts:
    """Refuses as told: by region, and by the id of the credentials."""

    refusals: dict[str, ProviderError] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def assume_role(
        self, assumption: Assumption, own: Credentials, *, region: str, deadline: Deadline
    ) -> Credentials:
        self.asked.append((region, own.access_key_id))
        for reason in (region, own.access_key_id):
            if reason in self.refusals:
                raise self.refusals[reason]
        return Credentials("other", "c4nary-secret", "c4nary-session", 4e9)


def source(
    sts: FakeSts, lanes: Lanes, own: Own | None = None, regions: tuple[str, ...] = (HERE,)
) -> AssumedRole:
    return AssumedRole(
        sts, lanes.submit, own or Own(), Assumption(AssumeRole(OTHER), IRSA), regions, 0.2
    )


def refusal(asked: AssumedRole) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        asked.fetch(Deadline.after(5))
    assert "c4nary" not in str(caught.value)
    return caught.value


def test_the_role_is_assumed_with_the_pods_own_credentials(lanes: Lanes) -> None:
    sts = FakeSts()
    assert source(sts, lanes).fetch(Deadline.after(5)).access_key_id == "other"
    assert sts.asked == [(HERE, "own0")]


def test_another_region_covers_for_the_first(lanes: Lanes) -> None:
    sts = FakeSts({HERE: AwsUnavailable("503")})
    assert source(sts, lanes, regions=(HERE, THERE)).fetch(Deadline.after(5))
    assert [region for region, _ in sts.asked] == [HERE, THERE]


def test_expired_credentials_are_renewed_once(lanes: Lanes) -> None:
    sts, own = FakeSts({"own0": CredentialsExpired("ExpiredToken")}), Own()
    assert source(sts, lanes, own).fetch(Deadline.after(5))
    assert [credentials.access_key_id for credentials in own.dropped] == ["own0"]
    sts.refusals["own1"] = sts.refusals["own0"]
    assert isinstance(refusal(source(sts, lanes, Own())), CredentialsExpired)


def test_a_failure_of_the_first_step_says_so(lanes: Lanes) -> None:
    error = refusal(source(FakeSts(), lanes, Own(TokenRejected("no such provider"))))
    assert isinstance(error, TokenRejected)
    assert str(error) == (
        f"role {OTHER} (assumeRoleArn) cannot be assumed without the pod's own credentials: "
        "no such provider"
    )


def test_a_failure_of_the_second_step_says_so(lanes: Lanes) -> None:
    error = refusal(source(FakeSts({HERE: RoleNotAssumable("AccessDenied")}), lanes))
    assert isinstance(error, RoleNotAssumable)
    assert str(error) == (
        f"role {OTHER} (assumeRoleArn) cannot be assumed by {IRSA}, whose own credentials are "
        f"there: STS in {HERE}: AccessDenied"
    )


def form(role: AssumeRole, by: Identity) -> dict[str, str]:
    transport = StubTransport()
    with pytest.raises(ProviderError):
        Sts(client(transport)).assume_role(
            Assumption(role, by),
            Credentials("own", "c4nary", "c4nary-token", 4e9),
            region=HERE,
            deadline=Deadline.after(5),
        )
    sent = transport.sent[0]
    assert sent.url.startswith(f"https://sts.{HERE}.amazonaws.com")
    assert f"/{HERE}/sts/aws4_request" in sent.headers["Authorization"]
    return {
        name: texts[0]
        for name, texts in parse_qs(
            str(sent.body, "utf-8") if isinstance(sent.body, bytes) else sent.body
        ).items()
    }


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


@pytest.mark.parametrize(
    ("role", "by", "expected"),
    [
        (AssumeRole(OTHER), IRSA, PLAIN),
        (
            AssumeRole(OTHER, "x:1", 900),
            IRSA,
            PLAIN | {"ExternalId": "x:1", "DurationSeconds": "900"},
        ),
        (AssumeRole(OTHER, session_tags=True), IRSA, PLAIN | TAGS),
        (AssumeRole(OTHER, session_tags=True), POD, PLAIN),
    ],
    ids=["plain", "all that there is", "tags", "tags that pass on by themselves"],
)
def test_what_sts_is_told(role: AssumeRole, by: Identity, expected: dict[str, str]) -> None:
    assert form(role, by) == expected


def test_each_way_of_assuming_is_an_identity_of_its_own() -> None:
    roles = [
        None,
        AssumeRole(OTHER),
        AssumeRole(OTHER, "x"),
        AssumeRole(OTHER, duration=900),
        AssumeRole(OTHER, session_tags=True),
        AssumeRole(IRSA.role),
    ]
    assert len({by._replace(assumes=role) for role in roles for by in (IRSA, POD)}) == 12
    assert str(IRSA._replace(assumes=AssumeRole(OTHER))) == f"role {OTHER} assumed by {IRSA}"


# ---- against the fake AWS, which checks signatures, policies and external ids ------


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        yield aws


@dataclass
class Chain:
    """A role of the pod's, and one that it assumes."""

    aws: FakeAws
    transport: Transport
    own: Role
    other: Role

    def assume(self, external_id: str | None = None, *, tags: bool = False) -> Credentials:
        session = self.aws.cloud.open_session(self.own, "web@shop")
        keys = session.access_key_id, session.secret_access_key, session.token
        return self.sts().assume_role(
            Assumption(AssumeRole(self.other.arn, external_id, 900, tags), IRSA),
            Credentials(*keys, session.expires_at),
            region=HERE,
            deadline=Deadline.after(5),
        )

    def sts(self) -> Sts:
        return Sts(client(self.transport, {"AWS_ENDPOINT_URL": self.aws.url}))

    def refusal(self, external_id: str | None = None, *, tags: bool = False) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            self.assume(external_id, tags=tags)
        return caught.value


@pytest.fixture
def chain(aws: FakeAws) -> Iterator[Chain]:
    other = aws.cloud.put_role("other")
    own = aws.cloud.put_role("web", allow=[("sts:AssumeRole", other.arn)])
    transport = Transport.from_environment({}, 2)
    yield Chain(aws, transport, own, other)
    transport.close()


def test_the_session_is_named_and_tagged_as_asked(chain: Chain) -> None:
    chain.own.allow.append(("sts:TagSession", chain.other.arn))
    key_id = chain.assume(tags=True).access_key_id
    session = chain.aws.cloud.sessions[key_id]
    assert session.arn.endswith(":assumed-role/other/web@shop")
    assert session.tags == {
        "kubernetes-namespace": "shop",
        "kubernetes-service-account": "web",
    }


def test_an_external_id_has_to_be_right(chain: Chain) -> None:
    chain.other.external_id = "right"
    assert isinstance(chain.refusal("wrong"), RoleNotAssumable)
    assert isinstance(chain.refusal(), RoleNotAssumable)
    assert chain.assume("right")


def test_a_refusal_names_what_to_allow_and_to_whom(chain: Chain) -> None:
    chain.own.allow.clear()
    text = str(chain.refusal())
    assert "is not authorized to perform: sts:AssumeRole on resource" in text
    assert f"Allow sts:AssumeRole on this role to {IRSA} (and sts:TagSession" in text


def test_tags_without_the_right_to_tag_are_a_refusal_too(chain: Chain) -> None:
    assert "sts:TagSession" in str(chain.refusal(tags=True))


def test_sessions_that_are_over_are_expired_credentials(chain: Chain) -> None:
    session = chain.aws.cloud.open_session(chain.own, "x", lifetime=-1)
    keys = session.access_key_id, session.secret_access_key, session.token
    with pytest.raises(CredentialsExpired):
        chain.sts().assume_role(
            Assumption(AssumeRole(chain.other.arn), IRSA),
            Credentials(*keys, 4e9),
            region=HERE,
            deadline=Deadline.after(5),
        )
