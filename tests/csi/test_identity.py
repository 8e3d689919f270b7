"""Who a pod is: by its token, its service account and its class."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from provider.aws.credentials import pod_identity
from provider.aws.credentials.assumed_role import AssumedRole
from provider.aws.credentials.pod_identity import Agent, PodIdentity
from provider.aws.credentials.web_identity import WebIdentity
from provider.aws.sts import Sts
from provider.csi.identity import Identifier, require_token
from provider.csi.request.model import AddressType, ClassSpec, MountSpec, Pod
from provider.engine.credentials import CredentialCache
from provider.engine.model import Access, AssumeRole, Credentials, Identity
from provider.errors import AgentUnavailable, RoleMissing, RoleNotAssumable, TokenMissing
from provider.runtime.http import HttpClient
from provider.runtime.transport import NoAnswer, Reply, Request
from testbed import faults
from testbed.agent import FakeAgent, unavailable
from testbed.aws.cloud import Cloud
from testbed.faults import Effect
from testbed.tokens import issue_token

PodKind = Literal["irsa", "pod-identity"]
STS_AUDIENCE, AGENT_AUDIENCE = "sts.amazonaws.com", "pods.eks.amazonaws.com"
TOKENS = {STS_AUDIENCE: "c4nary-sts", AGENT_AUDIENCE: "c4nary-agent"}
ROLE = "arn:aws:iam::111122223333:role/web"
NOWHERE = "http://127.0.0.1:1/v1/credentials"


@dataclass
class Kubernetes:
    """Knows one role, and notes who was asked for."""

    role: str = ROLE
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def role_arn(self, namespace: str, service_account: str) -> str:
        self.asked.append((namespace, service_account))
        if not self.role:
            raise RoleMissing("none")
        return self.role


class NoSts(Sts):
    def __init__(self) -> None:
        """STS that must not be asked: nothing is asked before credentials are needed."""

    async def assume_role_with_web_identity(self, **_asked: object) -> Credentials:
        raise AssertionError("STS is asked")

    async def assume_role(self, *_asked: object, **_more: object) -> Credentials:
        raise AssertionError("STS is asked")


async def no_network(request: Request) -> Reply:
    raise NoAnswer("unreachable", f"{request.url} is not there")


def identifier(kubernetes: Kubernetes) -> Identifier:
    agent = Agent(no_network, NOWHERE, NOWHERE)
    cache = CredentialCache()
    return Identifier(role_arn=kubernetes.role_arn, sts=NoSts(), agent=agent, credentials=cache)


def spec(
    kind: PodKind = "irsa",
    *,
    tokens: dict[str, str] | None = None,
    failover: str | None = None,
    address_type: AddressType = "auto",
) -> MountSpec:
    return MountSpec(
        pod=Pod("shop", "web-0", "uid-0", "web"),
        class_name="db",
        target_path="/pods/uid-0/mount",
        tokens=TOKENS if tokens is None else tokens,
        klass=ClassSpec(None, failover, kind, address_type, ()),
    )


async def test_by_irsa_a_pod_is_its_service_account_and_role() -> None:
    kubernetes = Kubernetes()
    principal = await identifier(kubernetes).identify(spec(), "eu-west-1")
    assert principal.identity == Identity("irsa", "shop/web", "aws", role=ROLE)
    assert kubernetes.asked == [("shop", "web")]
    assert isinstance(principal.source, WebIdentity)
    assert principal.source.token == "c4nary-sts"
    assert principal.source.regions == ("eu-west-1",)


async def test_by_pod_identity_a_pod_is_itself_and_kubernetes_is_not_asked() -> None:
    kubernetes = Kubernetes()
    asked = spec("pod-identity", address_type="ipv6")
    principal = await identifier(kubernetes).identify(asked, "cn-north-1")
    assert principal.identity == Identity("pod-identity", "shop/web", "aws-cn", session="uid-0")
    assert kubernetes.asked == []
    assert isinstance(principal.source, PodIdentity)
    assert principal.source.token == "c4nary-agent"
    assert principal.source.address_type == "ipv6"


@pytest.mark.parametrize(
    ("region", "failover", "regions"),
    [
        ("eu-west-1", "eu-west-2", ("eu-west-1", "eu-west-2")),
        ("eu-west-1", "eu-west-1", ("eu-west-1",)),
        ("eu-west-1", "cn-north-1", ("eu-west-1",)),
        ("cn-north-1", "cn-northwest-1", ("cn-north-1", "cn-northwest-1")),
    ],
    ids=["another", "the same", "of another partition", "of China"],
)
async def test_sts_is_asked_in_the_failover_region_of_the_same_partition(
    region: str, failover: str, regions: tuple[str, ...]
) -> None:
    asked = spec(failover=failover)
    source = (await identifier(Kubernetes()).identify(asked, region)).source
    assert isinstance(source, WebIdentity)
    assert source.regions == regions


async def test_another_token_makes_no_other_identity() -> None:
    who = identifier(Kubernetes())
    one, two = [
        await who.identify(spec(tokens={STS_AUDIENCE: token}), "eu-west-1")
        for token in ("one", "two")
    ]
    assert one.identity == two.identity
    assert hash(one.identity) == hash(two.identity)


@pytest.mark.parametrize(
    ("kind", "tokens", "missing"),
    [
        ("irsa", {}, STS_AUDIENCE),
        ("irsa", {AGENT_AUDIENCE: "c4nary"}, STS_AUDIENCE),
        ("irsa", {STS_AUDIENCE: ""}, STS_AUDIENCE),
        ("pod-identity", {}, AGENT_AUDIENCE),
        ("pod-identity", {STS_AUDIENCE: "c4nary"}, AGENT_AUDIENCE),
    ],
)
async def test_a_missing_token_says_what_to_set_and_nothing_is_looked_up(
    kind: PodKind, tokens: dict[str, str], missing: str
) -> None:
    kubernetes = Kubernetes()
    who = identifier(kubernetes)
    with pytest.raises(TokenMissing) as caught:
        await who.identify(spec(kind, tokens=tokens), "eu-west-1")
    with pytest.raises(TokenMissing):
        require_token(spec(kind, tokens=tokens))
    text = str(caught.value)
    assert f'audience "{missing}"' in text
    assert f"tokenRequests: [{{audience: {missing}}}]" in text
    sent = ", ".join(f'"{audience}"' for audience in tokens)
    assert f"that it has: {sent or 'none'}" in text
    assert "c4nary" not in text
    assert kubernetes.asked == []


async def test_audiences_of_a_hostile_class_are_few_and_printable() -> None:
    tokens = dict.fromkeys(["\n\x1b[2J\u202e" + "x" * 10_000 + str(at) for at in range(100)], "t")
    with pytest.raises(TokenMissing) as caught:
        await identifier(Kubernetes()).identify(spec(tokens=tokens), "eu-west-1")
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1500


async def test_a_missing_role_says_what_to_set() -> None:
    with pytest.raises(RoleMissing, match=r"^none, or set usePodIdentity") as caught:
        await identifier(Kubernetes(role="")).identify(spec(), "eu-west-1")
    assert caught.value.reason == "RoleMissing"


@pytest.mark.parametrize("kind", ["irsa", "pod-identity"])
async def test_a_principal_does_not_print_the_token(kind: PodKind) -> None:
    principal = await identifier(Kubernetes()).identify(spec(kind), "eu-west-1")
    printed = repr(principal) + str(principal.identity)
    assert "web" in printed
    assert "c4nary" not in printed


async def test_a_role_of_the_class_needs_no_look_up() -> None:
    kubernetes, asked = Kubernetes(role=""), spec()
    asked = replace(asked, klass=replace(asked.klass, role_arn=ROLE))
    principal = await identifier(kubernetes).identify(asked, "eu-west-1")
    assert principal.identity == Identity("irsa", "shop/web", "aws", role=ROLE)
    assert kubernetes.asked == []


OTHER_ROLE = AssumeRole("arn:aws:iam::444455556666:role/other")


@pytest.mark.parametrize("kind", ["irsa", "pod-identity"])
async def test_a_role_to_assume_makes_another_identity_of_the_same_pod(kind: PodKind) -> None:
    asked = spec(kind, failover="eu-west-2")
    plain = await identifier(Kubernetes()).identify(asked, "eu-west-1")
    asked = replace(asked, klass=replace(asked.klass, assume_role=OTHER_ROLE))
    principal = await identifier(Kubernetes()).identify(asked, "eu-west-1")
    assert principal.identity == plain.identity._replace(chain=(OTHER_ROLE,))
    assert isinstance(principal.source, AssumedRole)
    assert (principal.source.role, principal.source.own.identity) == (OTHER_ROLE, plain.identity)
    assert principal.source.session_name == "web@shop"
    assert principal.source.regions == ("eu-west-1", "eu-west-2")
    assert "c4nary" not in repr(principal)


@pytest.mark.parametrize("kind", ["irsa", "pod-identity"])
async def test_session_tags_name_the_service_account_and_part_the_identity(kind: PodKind) -> None:
    """Sessions of EKS Pod Identity have them already."""
    asked = spec(kind)
    asked = replace(asked, klass=replace(asked.klass, assume_role=OTHER_ROLE, session_tags=True))
    principal = await identifier(Kubernetes()).identify(asked, "eu-west-1")
    (role,) = principal.identity.chain
    assert isinstance(principal.source, AssumedRole)
    assert principal.source.role == role
    assert dict(role.session_tags) == (
        {"kubernetes-namespace": "shop", "kubernetes-service-account": "web"}
        if kind == "irsa"
        else {}
    )


async def test_the_assumed_role_uses_the_cached_credentials_of_the_pod() -> None:
    cache, given = CredentialCache(), Credentials("AKIA", "secret", "token", 3600)

    class OwnSts(NoSts):
        async def assume_role_with_web_identity(self, **_asked: object) -> Credentials:
            return given

        async def assume_role(self, *asked: object, **_more: object) -> Credentials:
            *_, access = asked
            assert isinstance(access, Access)
            assert access.credentials == given
            return Credentials("ASIA", "secret", "token", 3600)

    who = Identifier(
        role_arn=Kubernetes().role_arn,
        sts=OwnSts(),
        agent=Agent(no_network, NOWHERE, NOWHERE),
        credentials=cache,
    )
    asked = replace(spec(), klass=replace(spec().klass, assume_role=OTHER_ROLE))
    principal = await who.identify(asked, "eu-west-1")
    assert (await cache.get(principal)).access_key_id == "ASIA"
    assert len(cache) == 2


@dataclass
class Node:
    """A node with a real agent over a fake EKS; `tokens` are those of the pod."""

    agent: FakeAgent
    cloud: Cloud
    identifier: Identifier
    tokens: dict[str, str]

    async def kind(self, uid: str = "uid-0") -> str:
        """The kind of the identity that `auto` decides for."""
        asked = spec("irsa", tokens=self.tokens)
        asked = replace(
            asked,
            pod=replace(asked.pod, uid=uid),
            klass=replace(asked.klass, identity_kind="auto"),
        )
        require_token(asked)
        principal = await self.identifier.identify(asked, "eu-west-1")
        expected = uid if principal.identity.kind == "pod-identity" else ""
        assert principal.identity.session == expected
        return principal.identity.kind


@pytest.fixture
async def node(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Node]:
    monkeypatch.setattr(pod_identity, "PAUSES", (0, 0))
    cloud, http = Cloud(), HttpClient()
    with FakeAgent(cloud) as agent:
        identifies = Identifier(
            role_arn=Kubernetes().role_arn,
            sts=NoSts(),
            agent=Agent(http.send, agent.url, NOWHERE),
            credentials=CredentialCache(),
        )
        token = issue_token("shop", "web", audience=AGENT_AUDIENCE, pod_uid="uid-0")
        yield Node(agent, cloud, identifies, {**TOKENS, AGENT_AUDIENCE: token})
    await http.close()


def associate(node: Node) -> None:
    node.cloud.associate("shop", "web", node.cloud.put_role("web"))


async def test_auto_is_pod_identity_where_there_is_an_association(node: Node) -> None:
    associate(node)
    assert [await node.kind(), await node.kind(), await node.kind("uid-1")] == ["pod-identity"] * 3
    assert node.agent.journal.count() == 2  # once for each pod: these are its credentials


async def test_auto_is_irsa_where_there_is_none_and_that_is_asked_once(node: Node) -> None:
    assert [await node.kind(), await node.kind(), await node.kind("uid-1")] == ["irsa"] * 3
    assert node.agent.journal.count() == 1


@pytest.mark.parametrize("audience", [AGENT_AUDIENCE, STS_AUDIENCE])
async def test_auto_needs_only_one_of_the_tokens(node: Node, audience: str) -> None:
    associate(node)
    node.tokens = {audience: node.tokens[audience]}
    assert await node.kind() == ("pod-identity" if audience == AGENT_AUDIENCE else "irsa")


async def test_auto_without_any_token_names_both_audiences(node: Node) -> None:
    node.tokens = {}
    with pytest.raises(TokenMissing) as caught:
        await node.kind()
    assert f'audience "{STS_AUDIENCE}" or "{AGENT_AUDIENCE}"' in str(caught.value)


async def test_auto_without_an_association_needs_the_token_of_irsa(node: Node) -> None:
    del node.tokens[STS_AUDIENCE]
    with pytest.raises(TokenMissing, match=STS_AUDIENCE):
        await node.kind()


async def test_auto_is_irsa_where_there_is_no_agent() -> None:
    who, asked = identifier(Kubernetes()), spec()
    asked = replace(asked, klass=replace(asked.klass, identity_kind="auto"))
    principal = await who.identify(asked, "eu-west-1")
    assert principal.identity.kind == "irsa"


async def test_an_absent_agent_does_not_change_the_role_of_a_service_account(node: Node) -> None:
    associate(node)
    assert await node.kind() == "pod-identity"
    node.agent.__exit__()
    assert await node.kind() == "pod-identity"  # its credentials are still cached
    with pytest.raises(AgentUnavailable):
        await node.kind("uid-1")


@pytest.mark.parametrize("effect", [faults.failing(503), unavailable(), faults.closed()])
async def test_an_agent_that_fails_does_not_say_that_there_is_no_association(
    node: Node, effect: Effect
) -> None:
    node.agent.faults.inject(effect)
    with pytest.raises(AgentUnavailable) as caught:
        await node.kind()
    assert caught.value.reason == "AgentUnavailable"


async def test_an_association_whose_role_does_not_trust_pods_is_one(node: Node) -> None:
    role = node.cloud.put_role("web")
    role.trusts_pods = False
    node.cloud.associate("shop", "web", role)
    with pytest.raises(RoleNotAssumable):
        await node.kind()
