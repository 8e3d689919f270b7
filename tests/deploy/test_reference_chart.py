"""A pod as the chart of AWS's own provider renders it runs this daemon, the image swapped."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from provider.cli import parse
from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.driver import Driver, Mounted, Pod
from testbed.kubernetes import FakeKubernetes
from tests.deploy import reference
from tests.server.process import eventually

REGION = "eu-west-1"
THROTTLING: tuple[tuple[str, str], ...] = (("", ""), ("5", "10"), ("20", ""))
CASES = [
    reference.Values(
        driver_writes_secrets=writes,
        qps=qps,
        burst=burst,
        eks_addon_version=addon,
        pod_identity_http_timeout=agent,
        aws_region=region,
        use_fips_endpoint=fips,
    )
    for writes, (qps, burst), addon, agent, region, fips in product(
        (False, True),
        THROTTLING,
        ("", "v3.1.1-eksbuild.1"),
        ("", "100ms"),
        ("", REGION),
        (False, True),
    )
]


def test_its_arguments_and_environment_are_understood() -> None:
    for values in CASES:
        config = parse(reference.container(values)["args"], reference.environment(values))
        assert config.socket_path == Path("/var/run/secrets-store-csi-providers/aws.sock")
        assert (config.region or "") == values.aws_region
        # Also where it would have written itself: every supported driver takes the files.
        assert config.driver_writes_secrets


def test_the_drain_fits_into_the_time_that_its_pod_has_to_stop() -> None:
    # The chart sets no terminationGracePeriodSeconds, which makes it 30.
    [volume, *_] = reference.container(reference.Values())["args"]
    assert parse([volume], {}).drain_timeout < 30


Start = Callable[[reference.Values], "Running"]


class Running:
    """The daemon, started by the container's arguments and environment and nothing else but what
    the node gives: where Kubernetes and AWS are, and a port that is free."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self.driver = Driver(folder / "aws.sock", folder / "kubelet" / "pods")

    def files(self, **parameters: str) -> Mapping[str, bytes]:
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


@pytest.fixture
def start(aws: FakeAws, kubernetes: FakeKubernetes, agent: FakeAgent) -> Iterator[Start]:
    """Starts pods of that chart on a node in the region."""
    aws.cloud.region = REGION
    role = aws.cloud.put_role("web", trust=["shop:web"])
    aws.cloud.associate("shop", "web", role)
    aws.cloud.put_secret("db", "value")
    kubernetes.put_service_account("shop", "web", role_arn=role.arn)
    kubernetes.put_node("node-1", region=REGION)
    kubernetes.put_pod("shop", "web-1", node="node-1")
    running: list[Running] = []
    # Not pytest's own folder, whose path is too long for a socket's.
    with tempfile.TemporaryDirectory(prefix="spa-") as name:
        folder = Path(name)
        (folder / "token").write_text(kubernetes.token)

        def start(of_node: reference.Values) -> Running:
            kubelet = str(folder / "kubelet")
            values = replace(of_node, provider_volume=name, kubelet_path=kubelet)
            ambient = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
            node = [
                f"--kube-api-url={kubernetes.url}",
                f"--kube-token-file={folder}/token",
                f"--pod-identity-ipv4-endpoint={agent.url}",
                f"--pod-identity-ipv6-endpoint={agent.url}",
                "--metrics-address=127.0.0.1:0",
            ]
            # FIPS and an endpoint of one's own exclude each other.
            url = {} if values.use_fips_endpoint else {"AWS_ENDPOINT_URL": aws.url}
            process = subprocess.Popen(
                [sys.executable, "-m", "provider", *reference.container(values)["args"], *node],
                env=ambient | url | reference.environment(values),
                stderr=subprocess.DEVNULL,
            )
            running.append(Running(process, folder))
            eventually((folder / "aws.sock").exists, "a socket")
            return running[-1]

        yield start
        for one in running:
            one.close()


@pytest.mark.parametrize("use_pod_identity", ["false", "true"], ids=["IRSA", "Pod Identity"])
@pytest.mark.parametrize(
    "values",
    [
        reference.Values(),
        reference.Values(
            driver_writes_secrets=True,
            qps="20",
            burst="40",
            eks_addon_version="v3.1.1-eksbuild.1",
            pod_identity_http_timeout="1s",
            aws_region=REGION,
        ),
    ],
    ids=["by default", "with every value"],
)
def test_it_mounts_within_the_pod_s_memory(
    start: Start, values: reference.Values, use_pod_identity: str
) -> None:
    pod = start(values)
    assert pod.files(usePodIdentity=use_pod_identity) == {"db": b"value"}
    assert pod.most_memory() < 100


def test_it_starts_where_only_validated_cryptography_is_allowed(start: Start) -> None:
    pod = start(reference.Values(use_fips_endpoint=True, aws_region=REGION))
    assert pod.driver.version().runtime_name == "secrets-provider-aws"
