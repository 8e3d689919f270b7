"""The daemon as a process of its own, with the image's environment, and what it uses up.

Its bytecode is compiled as the image's is, before anything is measured.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import grpc

from benchmarks.calls import Caller
from testbed.kubernetes import TOKEN
from testbed.process import FakesProcess

ROOT = Path(__file__).parent.parent
BYTECODE = ROOT / "build" / "benchmarks" / "bytecode"
REGION = "us-east-1"
PATIENCE = 30.0


def image_environment(dockerfile: str) -> dict[str, str]:
    """The variables that the image's last stage sets."""
    stage = dockerfile[dockerfile.rindex("\nFROM ") :]
    settings = re.findall(r"^ENV ((?:.*\\\n)*.*)", stage, re.MULTILINE)
    pairs = " ".join(settings).replace("\\\n", " ").split()
    return dict(pair.split("=", 1) for pair in pairs)


class Daemon:
    """A started daemon; `prefix` is a command that starts it by its arguments.

    `ready_after` and `ready_cpu` are seconds from the start to the first answer to Version.
    """

    def __init__(
        self, folder: Path, fakes: FakesProcess, *flags: str, prefix: Sequence[str] = ()
    ) -> None:
        self._folder = folder
        self._socket = folder / "aws.sock"
        self._log = folder / "log"
        self._command = [
            *(*prefix, sys.executable, "-m", "provider"),
            f"--provider-volume={folder}",
            "--metrics-address=127.0.0.1:0",
            f"--kube-api-url={fakes.kubernetes}",
            f"--kube-token-file={_token(folder)}",
            f"--pod-identity-ipv4-endpoint={fakes.agent}",
            f"--pod-identity-ipv6-endpoint={fakes.agent}",
            *flags,
        ]
        self._environment = {
            **image_environment((ROOT / "Dockerfile").read_text()),
            "PYTHONPYCACHEPREFIX": str(BYTECODE),
            "PYTHONNODEBUGRANGES": "1",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": fakes.aws,
            "AWS_CA_BUNDLE": str(folder.parent / "ca.pem"),
            "PATH": os.environ["PATH"],
        }

    def __enter__(self) -> Self:
        self._socket.unlink(missing_ok=True)
        started = time.perf_counter()
        self._process = self._start({})
        self.caller = self._connect()
        self.ready_after = time.perf_counter() - started
        self.ready_cpu = self.cpu()
        return self

    def __exit__(self, *exc: object) -> None:
        self.caller.close()
        self._process.kill()  # it holds nothing that outlives it
        self._process.wait()

    def compile(self) -> None:
        """Start it once so that its modules' bytecode is there."""
        self._socket.unlink(missing_ok=True)
        process = self._start({"PYTHONDONTWRITEBYTECODE": ""})
        self._process = process
        self._connect().close()
        process.kill()
        process.wait()

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        return cpu_of(self._process.pid)

    def memory(self, what: str = "VmRSS") -> float:
        """MiB resident now, or at its peak (`VmHWM`)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(rf"^{what}:\s+(\d+) kB$", status, re.MULTILINE)
        assert found, what
        return int(found[1]) / 1024

    def _start(self, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                self._command, env={**self._environment, **more}, stderr=log, cwd=ROOT
            )

    def _connect(self) -> Caller:
        """The socket gets its name when it is served, so that the first call succeeds."""
        until = time.perf_counter() + PATIENCE
        while not self._socket.exists():
            if self._process.poll() is not None or time.perf_counter() > until:
                self._process.kill()
                raise RuntimeError(f"the daemon did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.001)
        caller = Caller(self._socket)
        try:
            caller.version()
        except grpc.RpcError as error:
            self._process.kill()
            raise RuntimeError(f"the daemon does not answer: {error}") from error
        return caller


def _token(folder: Path) -> Path:
    path = folder / "token"
    path.write_text(TOKEN)
    return path


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used, to the nanosecond: /proc/<pid>/stat has hundredths.

    The clock's id is made as clock_getcpuclockid(3) makes it on Linux.
    """
    return time.clock_gettime((~pid << 3) | 2)
