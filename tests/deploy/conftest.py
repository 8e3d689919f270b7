"""A node on which containers are started as they are rendered, with this tree for their image."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.driver import Driver, Mounted, Pod
from testbed.kubernetes import FakeKubernetes
from tests.deploy.manifests import Document
from tests.forked import COMMAND, Forked
from tests.waiting import eventually

REGION = "eu-west-1"
FOLDERS = {"/var/run/secrets-store-csi-providers": "providers", "/var/lib/kubelet": "kubelet"}
"""Folders of the node, and what they are called below the test's."""

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""The provider writes into volumes that lie in memory, as the driver's do, and into no others."""

Start = Callable[..., "Running"]
"""Takes a container; `forked=False` where its memory is measured."""


class Running:
    """The daemon of a container, with the driver at its socket."""

    def __init__(self, process: subprocess.Popen[str] | Forked, node: Path) -> None:
        self.process = process
        self.driver = Driver(node / "providers" / "aws.sock", node / "kubelet")

    def files(self, **parameters: str) -> Mapping[str, bytes]:
        """Mount a class of one secret."""
        objects = "- {objectName: db, objectType: secretsmanager}\n"
        outcome = self.driver.mount(Pod(), {"objects": objects, **parameters})
        assert isinstance(outcome, Mounted), outcome
        return outcome.files

    def most_memory(self) -> int:
        """MiB that it has ever held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [kilobytes] = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(kilobytes) // 1024

    def close(self) -> None:
        self.driver.__exit__()
        self.process.kill()
        self.process.wait(10)
        if self.process.stderr:
            self.process.stderr.close()


@pytest.fixture
def start(aws: FakeAws, kubernetes: FakeKubernetes, agent: FakeAgent) -> Iterator[Start]:
    """Starts containers by their arguments and environment, and nothing else but what the node
    gives: where Kubernetes and AWS are, and a port that is free."""
    aws.cloud.region = REGION
    role = aws.cloud.put_role("web", trust=["shop:web"])
    aws.cloud.associate("shop", "web", role)
    aws.cloud.put_secret("db", "value")
    kubernetes.put_service_account("shop", "web", role_arn=role.arn)
    kubernetes.put_node("node-1", region=REGION)
    kubernetes.put_pod("shop", "web-1", node="node-1")
    running: list[Running] = []
    # Not pytest's own folder, whose path is too long for a socket's.
    with tempfile.TemporaryDirectory(prefix="spa-", dir=MEMORY) as name:
        node = Path(name)
        for folder in FOLDERS.values():
            (node / folder).mkdir()
        (node / "token").write_text(kubernetes.token)
        given = [
            f"--kube-api-url={kubernetes.url}",
            f"--kube-token-file={node}/token",
            f"--pod-identity-ipv4-endpoint={agent.url}",
            f"--pod-identity-ipv6-endpoint={agent.url}",
            "--metrics-address=127.0.0.1:0",
        ]

        def start(container: Document, *, forked: bool = True) -> Running:
            arguments = [*(_on(node, argument) for argument in container["args"]), *given]
            environment = _environment(container, aws.url)
            process: subprocess.Popen[str] | Forked
            if forked:
                process = Forked(COMMAND, arguments, environment)
            else:
                process = subprocess.Popen(
                    [sys.executable, "-m", "provider", *arguments],
                    env=environment,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            running.append(Running(process, node))
            eventually((node / "providers" / "aws.sock").exists, "a socket")
            return running[-1]

        yield start
        for one in running:
            one.close()


def _on(node: Path, argument: str) -> str:
    for folder, name in FOLDERS.items():
        argument = argument.replace(folder, str(node / name))
    return argument


def _environment(container: Document, aws_url: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own = {one["name"]: one.get("value", "node-1") for one in container["env"]}
    # FIPS and an endpoint of one's own exclude each other.
    url = {} if "AWS_USE_FIPS_ENDPOINT" in own else {"AWS_ENDPOINT_URL": aws_url}
    return plain | url | own
