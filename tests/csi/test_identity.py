"""Who a pod is: by its token, its service account and its class."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from provider.aws.credentials.assumed_role import AssumedRole, Assumption
from provider.aws.credentials.web_identity import WebIdentity
from provider.aws.credentials.pod_identity import Agent, PodIdentity
from provider.credential_cache import CredentialCache
from provider.credentials import Credentials, Identity
from provider.deadline import Deadline
from provider.errors import AgentUnavailable, RoleMissing, RoleNotAssumable, TokenMissing
from provider.csi.identity import Identifier
from provider.lanes import Lanes
from provider.csi.request.model import (
    AddressType,
    AssumeRole,
    ClassSpec,
    IdentityKind,
    MountSpec,
    Pod,
)
from testbed import faults
from testbed.agent import FakeAgent, unavailable
from testbed.aws.cloud import Cloud
from testbed.faults import Effect
from testbed.tokens import issue_token

STS_AUDIENCE, AGENT_AUDIENCE = "sts.amazonaws.com", "pods.eks.amazonaws.com"
TOKENS = {STS_AUDIENCE: "c4nary-sts", AGENT_AUDIENCE: "c4nary-agent"}
ROLE = "arn:aws:iam::111122223333:role/web"
NOWHERE = "http://127.0.0.1:1/v1/credentials"


@dataclass
class Kubernetes:
    """Knows one role, and notes who was asked for."""

    role: str = ROLE
    asked: list[tuple[str, str]] = field(default_factory=list)

    def role_arn(self, namespace: str, service_account: str, deadline: Deadline) -> str:
        self.asked.append((namespace, service_account))
        if not self.role:
            raise RoleMissing("none")
        return self.role


class NoSts:
    def assume_role_with_web_identity(self, **asked: object) -> Credentials:
        raise AssertionError("nothing is asked before credentials are needed")

    def assume_role(self, *asked: object, **more: object) -> Credentials:
        raise AssertionError("nothing is asked before credentials are needed")


def identifier(kubernetes: Kubernetes) -> Identifier:
    agent = Agent(NOWHERE, NOWHERE)
    return Identifier(
        roles=kubernetes,
        sts=NoSts(),
        start=Lanes(1).submit,
        agent=agent,
        credentials=CredentialCache(),
    )


def spec(
    kind: IdentityKind = "irsa",
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


def test_by_irsa_a_pod_is_its_service_account_and_role() -> None:
    kubernetes = Kubernetes()
    principal = identifier(kubernetes).identify(spec(), "eu-west-1", Deadline.after(1))
    assert principal.identity == Identity("irsa", "shop", "web", "aws", role=ROLE)
    assert kubernetes.asked == [("shop", "web")]
    assert isinstance(principal.source, WebIdentity)
    assert principal.source.token == "c4nary-sts"
    assert principal.source.regions == ("eu-west-1",)


def test_by_pod_identity_a_pod_is_itself_and_kubernetes_is_not_asked() -> None:
    kubernetes = Kubernetes()
    asked = spec("pod-identity", address_type="ipv6")
    principal = identifier(kubernetes).identify(asked, "cn-north-1", Deadline.after(1))
    assert principal.identity == Identity("pod-identity", "shop", "web", "aws-cn", pod_uid="uid-0")
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
def test_sts_is_asked_in_the_failover_region_of_the_same_partition(
    region: str, failover: str, regions: tuple[str, ...]
) -> None:
    asked = spec(failover=failover)
    source = identifier(Kubernetes()).identify(asked, region, Deadline.after(1)).source
    assert isinstance(source, WebIdentity)
    assert source.regions == regions


def test_another_token_makes_no_other_identity() -> None:
    who = identifier(Kubernetes())
    one, two = (
        who.identify(spec(tokens={STS_AUDIENCE: token}), "eu-west-1", Deadline.after(1))
        for token in ("one", "two")
    )
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
def test_a_missing_token_tells_what_to_set_and_nothing_is_looked_up(
    kind: IdentityKind, tokens: dict[str, str], missing: str
) -> None:
    kubernetes = Kubernetes()
    who = identifier(kubernetes)
    with pytest.raises(TokenMissing) as caught:
        who.identify(spec(kind, tokens=tokens), "eu-west-1", Deadline.after(1))
    with pytest.raises(TokenMissing):
        who.require_token(spec(kind, tokens=tokens))
    told = str(caught.value)
    assert f'audience "{missing}"' in told
    assert f"tokenRequests: [{{audience: {missing}}}]" in told
    assert f"that came: {', '.join(tokens) or 'none'}" in told
    assert "c4nary" not in told
    assert kubernetes.asked == []


def test_a_token_that_is_there_needs_no_look_up() -> None:
    kubernetes = Kubernetes()
    identifier(kubernetes).require_token(spec())
    assert kubernetes.asked == []


def test_what_keeps_the_role_from_being_known_is_told() -> None:
    with pytest.raises(RoleMissing):
        identifier(Kubernetes(role="")).identify(spec(), "eu-west-1", Deadline.after(1))


@pytest.mark.parametrize("kind", ["irsa", "pod-identity"])
def test_a_principal_does_not_print_the_token(kind: IdentityKind) -> None:
    principal = identifier(Kubernetes()).identify(spec(kind), "eu-west-1", Deadline.after(1))
    printed = repr(principal) + str(principal.identity)
    assert "web" in printed
    assert "c4nary" not in printed


def test_a_role_of_the_class_needs_no_look_up() -> None:
    kubernetes, asked = Kubernetes(role=""), spec()
    asked = replace(asked, klass=replace(asked.klass, role_arn=ROLE))
    principal = identifier(kubernetes).identify(asked, "eu-west-1", Deadline.after(1))
    assert principal.identity == Identity("irsa", "shop", "web", "aws", role=ROLE)
    assert kubernetes.asked == []


@pytest.mark.parametrize("kind", ["irsa", "pod-identity"])
def test_who_assumes_a_role_is_another_identity_of_the_same_pod(kind: IdentityKind) -> None:
    role, asked = (
        AssumeRole("arn:aws:iam::444455556666:role/other"),
        spec(kind, failover="eu-west-2"),
    )
    plain = identifier(Kubernetes()).identify(asked, "eu-west-1", Deadline.after(1))
    asked = replace(asked, klass=replace(asked.klass, assume_role=role))
    principal = identifier(Kubernetes()).identify(asked, "eu-west-1", Deadline.after(1))
    assert principal.identity == plain.identity._replace(assumes=role)
    assert isinstance(principal.source, AssumedRole)
    assert principal.source.assumption == Assumption(role, plain.identity)
    assert principal.source.regions == ("eu-west-1", "eu-west-2")
    assert "c4nary" not in repr(principal)


@dataclass
class Node:
    """A node with a real agent over a fake EKS; `tokens` are those of the pod."""

    agent: FakeAgent
    cloud: Cloud
    identifier: Identifier
    tokens: dict[str, str]

    def kind(self, uid: str = "uid-0") -> str:
        """The kind of the identity that `auto` comes to."""
        asked = spec("irsa", tokens=self.tokens)
        asked = replace(
            asked,
            pod=replace(asked.pod, uid=uid),
            klass=replace(asked.klass, identity_kind="auto"),
        )
        self.identifier.require_token(asked)
        principal = self.identifier.identify(asked, "eu-west-1", Deadline.after(5))
        expected = uid if principal.identity.kind == "pod-identity" else ""
        assert principal.identity.pod_uid == expected
        return principal.identity.kind


@pytest.fixture
def node() -> Iterator[Node]:
    cloud = Cloud()
    with FakeAgent(cloud) as agent:
        identifies = Identifier(
            roles=Kubernetes(),
            sts=NoSts(),
            start=Lanes(1).submit,
            agent=Agent(agent.url, NOWHERE, pauses=(0, 0)),
            credentials=CredentialCache(),
        )
        token = issue_token("shop", "web", audience=AGENT_AUDIENCE, pod_uid="uid-0")
        yield Node(agent, cloud, identifies, {**TOKENS, AGENT_AUDIENCE: token})


def associate(node: Node) -> None:
    node.cloud.associate("shop", "web", node.cloud.put_role("web"))


def test_auto_is_pod_identity_where_there_is_an_association(node: Node) -> None:
    associate(node)
    assert [node.kind(), node.kind(), node.kind("uid-1")] == ["pod-identity"] * 3
    assert node.agent.journal.count() == 2  # once for each pod: these are its credentials


def test_auto_is_irsa_where_there_is_none_and_that_is_asked_once(node: Node) -> None:
    assert [node.kind(), node.kind(), node.kind("uid-1")] == ["irsa"] * 3
    assert node.agent.journal.count() == 1


@pytest.mark.parametrize("audience", [AGENT_AUDIENCE, STS_AUDIENCE])
def test_auto_does_with_either_token(node: Node, audience: str) -> None:
    associate(node)
    node.tokens = {audience: node.tokens[audience]}
    assert node.kind() == ("pod-identity" if audience == AGENT_AUDIENCE else "irsa")


def test_auto_without_any_token_names_both_audiences(node: Node) -> None:
    node.tokens = {}
    with pytest.raises(TokenMissing) as caught:
        node.kind()
    assert f'audience "{STS_AUDIENCE}" or "{AGENT_AUDIENCE}"' in str(caught.value)


def test_auto_without_an_association_needs_the_token_of_irsa(node: Node) -> None:
    del node.tokens[STS_AUDIENCE]
    with pytest.raises(TokenMissing, match=STS_AUDIENCE):
        node.kind()


def test_auto_is_irsa_where_there_is_no_agent() -> None:
    who, asked = identifier(Kubernetes()), spec()
    asked = replace(asked, klass=replace(asked.klass, identity_kind="auto"))
    principal = who.identify(asked, "eu-west-1", Deadline.after(5))
    assert principal.identity.kind == "irsa"


def test_an_agent_that_has_gone_makes_nobody_change_his_role(node: Node) -> None:
    associate(node)
    assert node.kind() == "pod-identity"
    node.agent.__exit__()
    assert node.kind() == "pod-identity"  # its credentials are there yet
    with pytest.raises(AgentUnavailable):
        node.kind("uid-1")


@pytest.mark.parametrize("effect", [faults.failing(503), unavailable(), faults.closed()])
def test_an_agent_that_fails_does_not_say_that_there_is_no_association(
    node: Node, effect: Effect
) -> None:
    node.agent.faults.inject(effect)
    with pytest.raises(AgentUnavailable) as caught:
        node.kind()
    assert caught.value.reason == "AgentUnavailable"


def test_an_association_whose_role_does_not_trust_pods_is_one(node: Node) -> None:
    role = node.cloud.put_role("web")
    role.trusts_pods = False
    node.cloud.associate("shop", "web", role)
    with pytest.raises(RoleNotAssumable):
        node.kind()
