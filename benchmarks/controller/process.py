"""The controller as a process, with the environment of the image."""

import os
import re
from pathlib import Path

from benchmarks.controller.cluster import HOME, Cluster
from benchmarks.daemon import BYTECODE, ROOT, cpu_of, image_environment
from testbed.provider_process import ProviderProcess

_START_SECONDS = 60.0


class ControllerProcess(ProviderProcess):
    """`secrets-provider-aws controller`, stopped as when a Deployment is updated."""

    def __init__(self, folder: Path, cluster: Cluster, aws_url: str) -> None:
        token = folder / "token"
        token.write_text(cluster.token())
        arguments = [
            "controller",
            f"--kube-api-url={cluster.address.url}",
            f"--kube-ca-file={cluster.address.ca_file}",
            f"--kube-token-file={token}",
            "--metrics-addr=127.0.0.1:0",
            "--live-addr=127.0.0.1:0",
            f"--lease-namespace={HOME}",
            "--pod-name=controller-0",
            "--log-format=json",
        ]
        environment = {
            **image_environment((ROOT / "Dockerfile").read_text()),
            "PYTHONPYCACHEPREFIX": str(BYTECODE),
            "PYTHONNODEBUGRANGES": "1",
            "AWS_ENDPOINT_URL": aws_url,
            "PATH": os.environ["PATH"],
        }
        super().__init__(arguments, environment, folder / "log")

    def compile(self) -> float:
        """Start it once so that the bytecode of its modules is written. MiB that it then has."""
        self.start(PYTHONDONTWRITEBYTECODE="")
        self.wait_until_known()
        memory = self.memory()
        self.stop()
        return memory

    def wait_until_known(self) -> None:
        """Return when it knows all objects."""
        self.wait_until_logged("all objects are known", _START_SECONDS)

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        return cpu_of(self.pid)

    def memory(self) -> float:
        """MiB resident now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        assert found, status
        return int(found[1]) / 1024
