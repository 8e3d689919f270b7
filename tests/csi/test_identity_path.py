"""From token to credentials over real sockets: Kubernetes, STS, the agent and the cache."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from provider.aws import client
from provider.aws.credentials import pod_identity
from provider.aws.regions import is_region
from provider.csi.identity import Identifier
from provider.csi.request.model import ClassSpec, MountSpec, Pod
from provider.engine.model import Credentials
from provider.engine.wiring import Engine, Settings, open_engine
from provider.errors import OutOfTime, ProviderError
from provider.kube import lookups
from provider.kube.connection import Connection
from provider.kube.lookups import Lookups
from provider.kube.objects import Objects
from provider.runtime.log import JsonLines, logger
from provider.runtime.metrics import Metrics
from testbed import faults
from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.kubernetes import FakeKubernetes
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE, issue_token
from tests.error_texts import all_texts

PodKind = Literal["irsa", "pod-identity"]
DAEMON_TOKEN = "c4nary-of-the-daemon"
TOKENS = {
    audience: issue_token("shop", "web", audience=audience, pod_uid="uid-0")
    for audience in (STS_AUDIENCE, POD_IDENTITY_AUDIENCE)
}
KINDS: list[PodKind] = ["irsa", "pod-identity"]


def spec(kind: PodKind, failover: str | None = None) -> MountSpec:
    klass = ClassSpec("eu-west-1", failover, kind, "auto", ())
    return MountSpec(Pod("shop", "web-0", "uid-0", "web"), "db", "/target", TOKENS, klass)


@dataclass
class World:
    aws: FakeAws
    kubernetes: FakeKubernetes
    agent: FakeAgent
    identifier: Identifier
    engine: Engine

    async def credentials(self, asked: MountSpec, seconds: float = 10) -> Credentials:
        try:
            async with asyncio.timeout(seconds):
                principal = await self.identifier.identify(asked, "eu-west-1")
                return await self.engine.credentials.get(principal)
        except TimeoutError:
            raise OutOfTime("no credentials of shop/web in time") from None


@pytest.fixture
async def world(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """All that leads to credentials; retries come without their pauses."""

    async def sleep(_seconds: float) -> None:
        pass

    monkeypatch.setattr(client, "sleep", sleep)
    role = aws.cloud.put_role("web", trust=["shop:web"])
    aws.cloud.associate("shop", "web", role)
    (tmp_path / "token").write_text(DAEMON_TOKEN)
    with FakeKubernetes(token=DAEMON_TOKEN) as kubernetes, FakeAgent(aws.cloud) as agent:
        kubernetes.put_service_account("shop", "web", role_arn=role.arn)
        settings = Settings(
            {"AWS_ENDPOINT_URL": aws.url},
            pod_identity_ipv4_endpoint=agent.url,
            pod_identity_ipv6_endpoint=agent.url,
        )
        async with open_engine(settings, Metrics()) as engine:
            monkeypatch.setattr(pod_identity, "PAUSES", (0, 0))
            monkeypatch.setattr(lookups, "PAUSES", (0, 0))
            connection = Connection(
                kubernetes.url,
                ca_file=tmp_path,
                token_file=tmp_path / "token",
                send=engine.http.send,
            )
            api = Objects(connection, field_manager="tests")
            identifier = Identifier(
                role_arn=Lookups(api.get, is_region=is_region).role_arn,
                sts=engine.sts,
                agent=engine.agent,
                credentials=engine.credentials,
            )
            yield World(aws, kubernetes, agent, identifier, engine)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, also by libraries, as the daemon writes it."""
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
async def test_a_node_full_of_mounts_makes_one_request(world: World, kind: PodKind) -> None:
    got = await asyncio.gather(*(world.credentials(spec(kind)) for _ in range(64)))
    assert len(set(got)) == 1
    asked = (world.kubernetes, world.aws, world.agent)
    expected = [1, 1, 0] if kind == "irsa" else [0, 0, 1]
    assert [one.journal.count() for one in asked] == expected
    assert world.aws.cloud.sessions[got[0].access_key_id].token == got[0].session_token


async def test_the_session_names_the_service_account(world: World) -> None:
    credentials = await world.credentials(spec("irsa"))
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
async def test_no_token_or_key_is_in_errors_or_logs(
    world: World, logged: io.StringIO, place: str, effect: faults.Effect
) -> None:
    servers: dict[str, FakeKubernetes | FakeAws | FakeAgent]
    servers = {"kubernetes": world.kubernetes, "sts": world.aws, "agent": world.agent}
    servers[place].faults.inject(effect)
    kind: PodKind = "pod-identity" if place == "agent" else "irsa"
    with pytest.raises(ProviderError) as caught:
        await world.credentials(spec(kind, "eu-west-2"), seconds=0.5)
    logger.error("failed", extra={"error": caught.value})
    texts = logged.getvalue() + all_texts(caught.value)
    assert "shop/web" in str(caught.value)
    assert "\n" not in str(caught.value)
    for secret in _secrets(world):
        assert secret not in texts


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_secret_is_printed_when_all_is_well(
    world: World, logged: io.StringIO, kind: PodKind
) -> None:
    credentials = await world.credentials(spec(kind))
    printed = logged.getvalue() + f"{credentials!r} {spec(kind)!r} "
    printed += repr(vars(world.engine.credentials))
    for secret in _secrets(world):
        assert secret not in printed


def _secrets(world: World) -> Iterator[str]:
    yield DAEMON_TOKEN
    for token in TOKENS.values():
        yield from token.split(".")[1:]
    for session in world.aws.cloud.sessions.values():
        yield from (session.secret_access_key, session.token)
