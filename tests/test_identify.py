"""Who a pod is: by its token, its service account and its class."""

from dataclasses import dataclass, field

import pytest

from provider.aws.irsa import WebIdentity
from provider.aws.pod_identity import Agent, PodIdentity
from provider.credentials import Credentials, Identity
from provider.deadline import Deadline
from provider.errors import RoleMissing, TokenMissing
from provider.identify import Identifier
from provider.lanes import Lanes
from provider.spec.models import AddressType, ClassSpec, IdentityKind, MountSpec, Pod

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


def identifier(kubernetes: Kubernetes) -> Identifier:
    agent = Agent(NOWHERE, NOWHERE)
    return Identifier(roles=kubernetes, sts=NoSts(), start=Lanes(1).submit, agent=agent)


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
