"""From token to credentials over real sockets: Kubernetes, STS, the agent and the cache."""

import io
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints
from provider.aws.credentials.pod_identity import Agent
from provider.aws.sts import Sts
from provider.aws.transport import Transport
from provider.credential_cache import CredentialCache
from provider.credentials import Credentials
from provider.deadline import Deadline
from provider.errors import ProviderError
from provider.csi.identity import Identifier
from provider.kube.client import KubernetesApi
from provider.kube.lookups import Lookups
from provider.lanes import Lanes
from provider.runtime.log import JsonLines, logger
from provider.csi.request.model import ClassSpec, IdentityKind, MountSpec, Pod
from testbed import faults
from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.kubernetes import FakeKubernetes
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE, issue_token
from tests.told import all_texts

DAEMON_TOKEN = "c4nary-of-the-daemon"
TOKENS = {
    audience: issue_token("shop", "web", audience=audience, pod_uid="uid-0")
    for audience in (STS_AUDIENCE, POD_IDENTITY_AUDIENCE)
}
KINDS: list[IdentityKind] = ["irsa", "pod-identity"]


def spec(kind: IdentityKind, failover: str | None = None) -> MountSpec:
    klass = ClassSpec("eu-west-1", failover, kind, "auto", ())
    return MountSpec(Pod("shop", "web-0", "uid-0", "web"), "db", "/target", TOKENS, klass)


@dataclass
class World:
    aws: FakeAws
    kubernetes: FakeKubernetes
    agent: FakeAgent
    identifier: Identifier
    cache: CredentialCache

    def credentials(self, asked: MountSpec, seconds: float = 10) -> Credentials:
        deadline = Deadline.after(seconds)
        principal = self.identifier.identify(asked, "eu-west-1", deadline)
        return self.cache.get(principal.identity, principal.source, deadline)


@pytest.fixture
def world(aws: FakeAws, tmp_path: Path) -> Iterator[World]:
    role = aws.cloud.put_role("web", trust=["shop:web"])
    aws.cloud.associate("shop", "web", role)
    (tmp_path / "token").write_text(DAEMON_TOKEN)
    environment = {"AWS_ENDPOINT_URL": aws.url}
    transport = Transport.from_environment(environment, 16)
    lanes = Lanes(4)
    with FakeKubernetes(token=DAEMON_TOKEN) as kubernetes, FakeAgent(aws.cloud) as agent:
        kubernetes.put_service_account("shop", "web", role_arn=role.arn)
        api = KubernetesApi(
            kubernetes.url, ca_file=tmp_path, token_file=tmp_path / "token", pauses=(0, 0)
        )
        cache = CredentialCache()
        identifier = Identifier(
            roles=Lookups(api),
            sts=Sts(AwsClient(Endpoints(environment), transport, lambda *_: None)),
            start=lanes.submit,
            agent=Agent(agent.url, agent.url, pauses=(0, 0)),
            credentials=cache,
        )
        yield World(aws, kubernetes, agent, identifier, cache)
    lanes.close()
    transport.close()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that is logged, by libraries too, as the daemon writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_full_of_mounts_makes_one_request(world: World, kind: IdentityKind) -> None:
    with ThreadPoolExecutor(16) as mounts:
        got = list(mounts.map(lambda _: world.credentials(spec(kind)), range(64)))
    assert len(set(got)) == 1
    asked = (world.kubernetes, world.aws, world.agent)
    expected = [1, 1, 0] if kind == "irsa" else [0, 0, 1]
    assert [one.journal.count() for one in asked] == expected
    assert world.aws.cloud.sessions[got[0].access_key_id].token == got[0].session_token


def test_the_session_tells_who_it_is(world: World) -> None:
    credentials = world.credentials(spec("irsa"))
    assert world.aws.cloud.sessions[credentials.access_key_id].name == "web@shop"


@pytest.mark.parametrize(
    "effect",
    [
        faults.failing(400),
        faults.failing(403),
        faults.failing(404),
        faults.failing(503),
        faults.garbage(),
        faults.reset(),
        faults.truncated(),
        faults.hang(),
    ],
    ids=["400", "403", "404", "503", "garbage", "reset", "cut short", "hangs"],
)
@pytest.mark.parametrize("place", ["kubernetes", "sts", "agent"])
def test_whatever_fails_no_token_or_key_is_told_or_logged(
    world: World, logged: io.StringIO, place: str, effect: faults.Effect
) -> None:
    servers: dict[str, FakeKubernetes | FakeAws | FakeAgent]
    servers = {"kubernetes": world.kubernetes, "sts": world.aws, "agent": world.agent}
    servers[place].faults.inject(effect)
    kind: IdentityKind = "pod-identity" if place == "agent" else "irsa"
    with pytest.raises(ProviderError) as caught:
        world.credentials(spec(kind, "eu-west-2"), seconds=0.3)
    logger.error("failed", extra={"error": caught.value})
    told = logged.getvalue() + all_texts(caught.value)
    assert "shop/web" in str(caught.value)
    assert "\n" not in str(caught.value)
    for secret in _secrets(world):
        assert secret not in told


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_secret_is_printed_when_all_is_well(
    world: World, logged: io.StringIO, kind: IdentityKind
) -> None:
    credentials = world.credentials(spec(kind))
    printed = logged.getvalue() + f"{credentials!r} {spec(kind)!r} {vars(world.cache)!r}"
    for secret in _secrets(world):
        assert secret not in printed


def _secrets(world: World) -> Iterator[str]:
    yield DAEMON_TOKEN
    for token in TOKENS.values():
        yield from token.split(".")[1:]
    for session in world.aws.cloud.sessions.values():
        yield from (session.secret_access_key, session.token)
