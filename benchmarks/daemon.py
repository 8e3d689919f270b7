"""A provider as a separate process, and what it uses: ours as in its image, or the reference.

The bytecode of ours is compiled before anything is measured, as it is in the image.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Self
from urllib.parse import urlsplit

import grpc

from benchmarks.calls import Caller
from testbed.fakes_process import FakesProcess
from testbed.kubernetes import TOKEN

ROOT = Path(__file__).parent.parent
BYTECODE = ROOT / "build" / "benchmarks" / "bytecode"
REGION = "us-east-1"
START_TIMEOUT = 30.0
SAMPLE_INTERVAL = 0.005
"""Seconds between two readings of the number of threads."""

IN_CLUSTER = (
    "mount -t tmpfs tmpfs /run && d=/run/secrets/kubernetes.io/serviceaccount && "
    'mkdir -p $d && cp "$0/token" "$0/ca.crt" $d && exec "$@"'
)
"""Gives a command, in a mount namespace of its own, the files that every pod of a cluster has."""


@dataclass(frozen=True, slots=True)
class Program:
    """How to start a provider."""

    command: Sequence[str]
    environment: Mapping[str, str]


def provider(folder: Path, fakes: FakesProcess, flags: Sequence[str]) -> Program:
    """Ours, with the environment of the image."""
    ca = str(folder.parent / "ca.pem")
    command = [
        *(sys.executable, "-m", "provider"),
        f"--provider-volume={folder}",
        "--metrics-address=127.0.0.1:0",
        f"--kube-api-url={fakes.kubernetes}",
        f"--kube-ca-file={ca}",
        f"--kube-token-file={_token(folder)}",
        f"--pod-identity-ipv4-endpoint={fakes.agent}",
        f"--pod-identity-ipv6-endpoint={fakes.agent}",
        *flags,
    ]
    environment = {
        **image_environment((ROOT / "Dockerfile").read_text()),
        "PYTHONPYCACHEPREFIX": str(BYTECODE),
        "PYTHONNODEBUGRANGES": "1",
    }
    return Program(command, {**environment, **_aws_environment(fakes, ca)})


def reference(command: Sequence[str], folder: Path, fakes: FakesProcess) -> Program:
    """AWS's provider, as in a cluster: it reads its token and CA from fixed paths (needs root)."""
    ca = folder.parent / "ca.pem"
    (_token(folder).parent / "ca.crt").write_bytes(ca.read_bytes())
    api = urlsplit(fakes.kubernetes)
    return Program(
        [
            *("unshare", "--mount", "/bin/sh", "-c", IN_CLUSTER, str(folder)),
            *command,
            f"--provider-volume={folder}",
            "--driver-writes-secrets=true",
            *("--qps=1000", "--burst=1000"),
        ],
        {
            **_aws_environment(fakes, str(ca)),
            "KUBERNETES_SERVICE_HOST": str(api.hostname),
            "KUBERNETES_SERVICE_PORT": str(api.port),
        },
    )


def _aws_environment(fakes: FakesProcess, ca: str) -> Mapping[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": fakes.aws,
        "AWS_CA_BUNDLE": ca,
        "PATH": os.environ["PATH"],
    }


def _token(folder: Path) -> Path:
    path = folder / "token"
    path.write_text(TOKEN)
    return path


def image_environment(dockerfile: str) -> dict[str, str]:
    """The variables that the last stage of the image sets."""
    stage = dockerfile[dockerfile.rindex("\nFROM ") :]
    settings = re.findall(r"^ENV ((?:.*\\\n)*.*)", stage, re.MULTILINE)
    pairs = " ".join(settings).replace("\\\n", " ").split()
    return dict(pair.split("=", 1) for pair in pairs)


class Daemon:
    """A started provider; `prefix` is a command that runs its arguments.

    `ready_after` and `ready_cpu` are seconds from the start to the first answer to Version.
    """

    def __init__(self, folder: Path, program: Program, prefix: Sequence[str] = ()) -> None:
        self._socket = folder / "aws.sock"
        self._log = folder / "log"
        self._command = [*prefix, *program.command]
        self._environment = program.environment

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
        """Start it once so that the bytecode of its modules is written."""
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
        return self._status(f"{what}:\\s+(\\d+) kB") / 1024

    def threads(self) -> int:
        """The number of its threads."""
        return self._status("Threads:\\s+(\\d+)")

    @contextmanager
    def most_threads(self) -> Iterator[list[int]]:
        """Samples the number of threads during the block; the list then holds the highest."""
        most, over = [self.threads()], Event()

        def sample() -> None:
            while not over.wait(SAMPLE_INTERVAL):
                most[0] = max(most[0], self.threads())

        sampler = Thread(target=sample)
        sampler.start()
        try:
            yield most
        finally:
            over.set()
            sampler.join()

    def _status(self, pattern: str) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(f"^{pattern}$", status, re.MULTILINE)
        assert found, pattern
        return int(found[1])

    def _start(self, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                self._command, env={**self._environment, **more}, stderr=log, cwd=ROOT
            )

    def _connect(self) -> Caller:
        """Waits for the socket, then calls Version, again while nothing listens on it yet."""
        until = time.perf_counter() + START_TIMEOUT
        while not self._socket.exists():
            self._check_start(until)
            time.sleep(0.001)
        caller = Caller(self._socket)
        while True:
            try:
                caller.version()
            except grpc.RpcError as error:
                self._check_start(until, error)
                time.sleep(0.001)
            else:
                return caller

    def _check_start(self, until: float, error: Exception | None = None) -> None:
        if self._process.poll() is not None or time.perf_counter() > until:
            self._process.kill()
            log = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the daemon did not start: {error or ''} {log}")


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used, to the nanosecond: /proc/<pid>/stat has hundredths.

    The clock id is built as clock_getcpuclockid(3) does on Linux.
    """
    return time.clock_gettime((~pid << 3) | 2)
