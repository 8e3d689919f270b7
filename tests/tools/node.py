"""The engine of the daemon in this process, over fakes of everything that it talks to."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from provider.csi.app import make_mounter
from provider.csi.config import Config
from provider.csi.mount import Delivery
from provider.csi.mount_registry import MountRegistry
from provider.csi.request.model import MountSpec
from provider.engine.trace import Trace
from provider.runtime.metrics import Metrics
from provider.runtime.offload import Offload
from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.kubernetes import FakeKubernetes
from testbed.tls import Authority


@dataclass
class Node:
    """A node on which daemons start, one after the other. Every remount asks."""

    aws: FakeAws
    kubernetes: FakeKubernetes
    config: Config

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Callable[[MountSpec], Awaitable[Delivery]]]:
        """Mounts in a new daemon, which remembers nothing of an earlier one."""
        offload, registry = Offload(), MountRegistry(Path("/nowhere"))
        try:
            async with AsyncExitStack() as stack:
                mounter = await make_mounter(self.config, Metrics(), offload, registry, stack)

                async def mount(spec: MountSpec) -> Delivery:
                    now = monotonic()
                    delivery = await mounter.mount(
                        spec, deadline=now + 20, arrived=now, trace=Trace()
                    )
                    registry.succeeded(spec, delivery, None)
                    return delivery

                yield mount
        finally:
            offload.close()


def make_node(
    aws: FakeAws,
    agent: FakeAgent,
    kubernetes: FakeKubernetes,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Node:
    """A node over the fakes. A call to AWS is tried only once."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    # Each daemon loads the bundle, and the default one takes 20 ms.
    monkeypatch.setenv("AWS_CA_BUNDLE", str(Authority().write(folder / "ca.pem")))
    token = folder / "kube-token"
    token.write_text(kubernetes.token)
    config = Config(
        kube_api_url=kubernetes.url,
        kube_ca_file=token,
        kube_token_file=token,
        pod_identity_ipv4_endpoint=agent.url,
        pod_identity_ipv6_endpoint=agent.url,
        rotation_poll_interval=0.0,
    )
    return Node(aws, kubernetes, config)
