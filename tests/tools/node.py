"""The daemon's engine in this process, over fakes of all that it talks to, one start after another.

Put together as `provider.engine` does it, but from parts that can be closed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provider.ask import Asker
from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints
from provider.aws.credentials.pod_identity import Agent
from provider.aws.stores import stores
from provider.aws.sts import Sts
from provider.aws.transport import Transport
from provider.credential_cache import CredentialCache
from provider.fetch import Fetcher
from provider.csi.identity import Identifier
from provider.kube.client import KubernetesApi
from provider.kube.lookups import Lookups
from provider.lanes import Lanes
from provider.memory import Memory
from provider.csi.mount import Mounter
from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.kubernetes import FakeKubernetes


@dataclass
class Node:
    """Where daemons start: each knows nothing of the one before. Every remount asks."""

    aws: FakeAws
    agent: FakeAgent
    kubernetes: FakeKubernetes
    client: AwsClient
    lanes: Lanes
    token: Path

    def started(self) -> Mounter:
        """A new daemon's engine."""
        api = KubernetesApi(
            self.kubernetes.url, ca_file=self.token, token_file=self.token, pauses=(0, 0)
        )
        lookups = Lookups(api)
        credentials = CredentialCache()
        asker = Asker(
            stores(self.client),
            memory=Memory(1 << 20),
            lanes=self.lanes,
            credentials=credentials,
            observe=lambda _event: None,
        )
        identifier = Identifier(
            roles=lookups,
            sts=Sts(self.client),
            start=self.lanes.submit,
            agent=Agent(self.agent.url, self.agent.url, pauses=(0, 0)),
            credentials=credentials,
        )
        return Mounter(
            identifier=identifier,
            fetcher=Fetcher(asker),
            node_region=lookups.node_region,
            interval=0.0,
            max_bytes=4 << 20,
        )


@contextmanager
def node(
    aws: FakeAws, agent: FakeAgent, kubernetes: FakeKubernetes, folder: Path
) -> Iterator[Node]:
    """A node; what its daemons have open is closed with it."""
    token = folder / "kube-token"
    token.write_text(kubernetes.token)
    environment = {"AWS_ENDPOINT_URL": aws.url}
    transport = Transport.from_environment(environment, 16)
    lanes = Lanes(16)
    client = AwsClient(Endpoints(environment), transport, lambda *_: None, 1)
    try:
        yield Node(aws, agent, kubernetes, client, lanes, token)
    finally:
        lanes.close()
        transport.close()
