"""The controller as a process, with the environment of the image."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from benchmarks.controller.cluster import HOME, Cluster
from benchmarks.daemon import BYTECODE, ROOT, cpu_of, image_environment

KNOWN = "all objects are known"
"""What the controller logs when it begins to work."""
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


class ControllerProcess:
    """`secrets-provider-aws controller`, stopped by SIGTERM, as when a Deployment is updated."""

    def __init__(self, folder: Path, cluster: Cluster, aws_url: str) -> None:
        token = folder / "token"
        token.write_text(cluster.token())
        self._log = folder / "log"
        self._command = [
            *(sys.executable, "-m", "provider", "controller"),
            f"--kube-api-url={cluster.address.url}",
            f"--kube-ca-file={cluster.address.ca_file}",
            f"--kube-token-file={token}",
            "--metrics-addr=127.0.0.1:0",
            "--live-addr=127.0.0.1:0",
            f"--lease-namespace={HOME}",
            "--pod-name=controller-0",
            "--log-format=json",
        ]
        self._environment: Mapping[str, str] = {
            **image_environment((ROOT / "Dockerfile").read_text()),
            "PYTHONPYCACHEPREFIX": str(BYTECODE),
            "PYTHONNODEBUGRANGES": "1",
            "AWS_ENDPOINT_URL": aws_url,
            "PATH": os.environ["PATH"],
        }

    def compile(self) -> float:
        """Start it once so that the bytecode of its modules is written. MiB that it then has."""
        self._start({"PYTHONDONTWRITEBYTECODE": ""})
        self.wait_until_known()
        memory = self.memory()
        self.__exit__()
        return memory

    def __enter__(self) -> Self:
        self.started = time.perf_counter()
        self._start({})
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait_until_known(self) -> None:
        """Return when it knows all objects."""
        until = time.perf_counter() + _START_SECONDS
        while KNOWN not in self._log.read_text(errors="replace"):
            if self._process.poll() is not None or time.perf_counter() > until:
                raise RuntimeError(f"the controller did not start:\n{self.tail()}")
            time.sleep(0.01)

    @property
    def pid(self) -> int:
        """Its process id, for a profiler."""
        return self._process.pid

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        return cpu_of(self._process.pid)

    def memory(self) -> float:
        """MiB resident now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        assert found, status
        return int(found[1]) / 1024

    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])

    def _start(self, more: Mapping[str, str]) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, env={**self._environment, **more}, stderr=log, cwd=ROOT
            )
