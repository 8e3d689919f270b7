"""A node in miniature: the real daemon as a process, and fakes of all that it talks to."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.driver import Driver, Mounted, MountRefused, Options, Pod
from testbed.kubernetes import FakeKubernetes
from tests.forked import Forked
from tests.server.process import eventually

REGION = "eu-west-1"
OTHER = "eu-west-2"
ROLE = "web"

_RESTLESS = """
import sys
from provider.server import grpc_server
grpc_server.CONNECTION_SECONDS = 0.5
from provider.cli.main import main
sys.exit(main())
"""
RESTLESS = (sys.executable, "-c", _RESTLESS)
"""A daemon whose connections live for half a second: tests have less time than nodes."""


@dataclass
class World:
    """What a test sets up, breaks and asks; `folder` must be short (a socket's path is)."""

    folder: Path
    aws: FakeAws
    agent: FakeAgent
    kubernetes: FakeKubernetes
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    """What starts the daemon, where forking it off is not enough."""
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        self.aws.cloud.region = REGION
        self.web = self.aws.cloud.put_role(ROLE, trust=["shop:web"])
        self.aws.cloud.associate("shop", "web", self.web)
        self.kubernetes.put_service_account("shop", "web", role_arn=self.web.arn)
        self.kubernetes.put_node("node-1", region=REGION)
        self.kubernetes.put_pod("shop", "web-1", node="node-1")
        self.log: list[str] = []
        self._process: subprocess.Popen[str] | Forked | None = None
        self._driver: Driver | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "aws.sock"

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def driver(self) -> Driver:
        assert self._driver is not None
        return self._driver

    def start(self) -> "World":
        """Start the daemon and wait until it serves."""
        token = self.folder / "token"
        token.write_text(self.kubernetes.token)
        arguments = [
            f"--provider-volume={self.folder}",
            "--metrics-address=127.0.0.1:0",
            f"--kube-api-url={self.kubernetes.url}",
            f"--kube-token-file={token}",
            f"--pod-identity-ipv4-endpoint={self.agent.url}",
            f"--pod-identity-ipv6-endpoint={self.agent.url}",
            "--log-format=json",
            *self.flags,
        ]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = {
            **plain,
            # Ambient credentials of the daemon's own, which no request may ever be signed with.
            "AWS_ACCESS_KEY_ID": "AKIAAMBIENT",
            "AWS_SECRET_ACCESS_KEY": "ambient-canary",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.aws.url,
            **self.environment,
        }
        if self.command:
            command = [*self.command, *arguments]
            self._process = subprocess.Popen(
                command, stderr=subprocess.PIPE, text=True, env=environment
            )
        else:
            self._process = Forked("provider.cli.main:main", arguments, environment)
        self._reader = Thread(target=self._read, args=(self._process,))
        self._reader.start()
        eventually(lambda: any('"serving"' in line for line in self.log), "the daemon serves")
        self._driver = Driver(self.socket, self.folder / "kubelet", self.options)
        return self

    def mount(
        self, objects: str, pod: Pod | None = None, **parameters: str
    ) -> Mounted | MountRefused:
        """Mount a class, with `region` if the test names none."""
        return self.driver.mount(pod or Pod(), {"objects": objects, **parameters})

    def files(self, objects: str, pod: Pod | None = None, **parameters: str) -> dict[str, bytes]:
        """Mount, which must succeed; the files by path."""
        outcome = self.mount(objects, pod, **parameters)
        assert isinstance(outcome, Mounted), outcome
        assert outcome.hidden is None, outcome.hidden
        return outcome.files

    def refusal(self, objects: str, pod: Pod | None = None, **parameters: str) -> MountRefused:
        """Mount, which must fail."""
        outcome = self.mount(objects, pod, **parameters)
        if isinstance(outcome, Mounted):
            assert outcome.hidden is not None, "the mount succeeded"
            return outcome.hidden
        return outcome

    def metrics(self) -> str:
        """The daemon's metrics page."""
        for line in self.log:
            if '"web pages are up"' in line:
                address = line.split('"address": "')[1].split('"')[0]
                with urlopen(f"http://{address}/metrics", timeout=5) as page:
                    return str(page.read().decode())
        raise AssertionError("no metrics page")

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def ended(self, seconds: float = 20) -> int:
        """Wait for the daemon's end; its exit code."""
        assert self._process is not None
        code = self._process.wait(seconds)
        self._reader.join(seconds)
        assert self._process.stderr is not None
        self._process.stderr.close()
        return code

    def close(self) -> None:
        if self._driver is not None:
            self._driver.__exit__()
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self.ended()

    def _read(self, process: subprocess.Popen[str] | Forked) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line.rstrip("\n"))


@contextmanager
def a_world(*flags: str, command: tuple[str, ...] = ()) -> Iterator[World]:
    """One with a folder and fakes of its own, not started; it is closed at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="spa-") as folder,
        FakeAws() as aws,
        FakeAgent(aws.cloud) as agent,
        FakeKubernetes() as kubernetes,
    ):
        world = World(Path(folder), aws, agent, kubernetes, flags, command=command)
        try:
            yield world
        finally:
            world.close()
