"""A node in miniature: the real daemon as a process, and fakes of everything that it talks to."""

import copy
import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.driver import Driver, Mounted, MountRefused, Options, Pod
from testbed.kubernetes import FakeKubernetes
from tests.forked import Forked
from tests.waiting import eventually

REGION = "eu-west-1"
OTHER = "eu-west-2"
ROLE = "web"
JOINED_WITHIN = 0.5
"""Seconds for which the first mount of a pod may use an answer that was asked for before it."""
PROMPTLY = 8.0
"""Seconds within which a pod must be mounted that nobody may slow down; about one is usual, more on
a busy machine. The faults that these tests have found took half a minute."""

HASTY = "tests.e2e.mains:hasty"
"""A daemon with short pauses before retries."""
SHORT_CONNECTIONS = "tests.e2e.mains:short_connections"
"""A daemon that ends its connections after half a second: tests are shorter than a node's life."""
STARVED = "tests.e2e.mains:starved"
"""A daemon that gets no new thread while the file that the variable `STARVED` names exists."""

_numbers = itertools.count(1)


@dataclass
class World:
    """Sets up, breaks and asks a daemon; `folder` must be short, as the path of a socket is."""

    folder: Path
    aws: FakeAws
    agent: FakeAgent
    kubernetes: FakeKubernetes
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    main: str = HASTY
    """What is run: `module:function` of arguments."""
    command: tuple[str, ...] = ()
    """Starts the daemon, where a forked process will not do."""
    options: Options = field(default_factory=Options)
    namespace: str = "shop"

    def __post_init__(self) -> None:
        self.kubernetes.put_node("node-1", region=REGION)
        self._log: list[str] = []
        self._process: subprocess.Popen[str] | Forked | None = None
        self._driver: Driver | None = None
        self._settle(ROLE)

    def _settle(self, role: str) -> None:
        """Make the account `web` with its role and pod."""
        self.aws.cloud.region = REGION
        self.web = self.aws.cloud.put_role(role, trust=[f"{self.namespace}:web"])
        self.aws.cloud.associate(self.namespace, "web", self.web)
        self.kubernetes.put_service_account(self.namespace, "web", role_arn=self.web.arn)
        self.kubernetes.put_pod(self.namespace, "web-1", node="node-1")
        self._log_begins = len(self._log)

    def tenant(self, **changes: Any) -> "World":
        """This node for one more test: nothing in AWS, all calls forgotten, and a namespace, role
        and volumes that the daemon knows nothing of. Tests of one node run one after another."""
        number = next(_numbers)
        self.aws.cloud.secrets.clear()
        self.aws.cloud.parameters.clear()
        for fake in (self.aws, self.agent, self.kubernetes):
            fake.journal.clear()
        other = copy.copy(self)
        vars(other).update(changes, namespace=f"shop-{number}")
        other._settle(f"{ROLE}-{number}")
        other._driver = Driver(self.socket, self.folder / f"kubelet-{number}", other.options)
        return other

    def leave(self) -> None:
        """The end of a tenant: all is well again for the next one."""
        self.driver.__exit__()
        for fake in (self.aws, self.agent, self.kubernetes):
            fake.faults.clear()
        self.kubernetes.forbidden.clear()

    @property
    def log(self) -> list[str]:
        """Lines of the daemon since this world is there, or since `forget_log`."""
        return self._log[self._log_begins :]

    def forget_log(self) -> None:
        """Look at later lines alone."""
        self._log_begins = len(self._log)

    def pod(self, **fields: str) -> Pod:
        """A pod of this namespace, of the account `web` unless `fields` say otherwise."""
        return Pod(**{"namespace": self.namespace, **fields})

    @property
    def socket(self) -> Path:
        return self.folder / "aws.sock"

    @property
    def pid(self) -> int:
        """The process id of the daemon."""
        assert self._process is not None
        return self._process.pid

    @property
    def driver(self) -> Driver:
        assert self._driver is not None
        return self._driver

    def arguments(self) -> list[str]:
        """The arguments of the daemon."""
        token = self.folder / "token"
        token.write_text(self.kubernetes.token)
        return [
            f"--provider-volume={self.folder}",
            "--metrics-address=127.0.0.1:0",
            f"--kube-api-url={self.kubernetes.url}",
            f"--kube-token-file={token}",
            f"--pod-identity-ipv4-endpoint={self.agent.url}",
            f"--pod-identity-ipv6-endpoint={self.agent.url}",
            "--log-format=json",
            *self.flags,
        ]

    def variables(self) -> dict[str, str]:
        """The environment of the daemon."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **plain,
            # Ambient credentials of the daemon's own, which no request may ever be signed with.
            "AWS_ACCESS_KEY_ID": "AKIAAMBIENT",
            "AWS_SECRET_ACCESS_KEY": "ambient-canary",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.aws.url,
            **self.environment,
        }

    def start(self) -> "World":
        """Start the daemon and wait until it serves."""
        arguments, environment = self.arguments(), self.variables()
        if self.command:
            self._process = subprocess.Popen(
                [*self.command, *arguments], stderr=subprocess.PIPE, text=True, env=environment
            )
        else:
            self._process = Forked(self.main, arguments, environment)
        self._reader = Thread(target=self._read, args=(self._process,))
        self._reader.start()
        eventually(self._serves, "the daemon serves")
        self._driver = Driver(self.socket, self.folder / "kubelet", self.options)
        return self

    def _serves(self) -> bool:
        assert self._reader.is_alive(), f"the daemon ended: {self._log}"
        return any('"serving"' in line for line in self.log)

    def new_account(self, namespace: str = "other") -> Pod:
        """A pod of a new service account that has the role `web`."""
        name = f"account-{uuid4().hex[:8]}"
        self.web.trust.add(f"{namespace}:{name}")
        self.aws.cloud.associate(namespace, name, self.web)
        self.kubernetes.put_service_account(namespace, name, role_arn=self.web.arn)
        return Pod(namespace, f"{name}-1", name, str(uuid4()))

    def mount(
        self, objects: str, pod: Pod | None = None, **parameters: str
    ) -> Mounted | MountRefused:
        """Mount a class, in the region of the node unless the test names one."""
        return self.driver.mount(pod or self.pod(), {"objects": objects, **parameters})

    def files(self, objects: str, pod: Pod | None = None, **parameters: str) -> dict[str, bytes]:
        """Mount, which must succeed; the files by path."""
        return _files(self.mount(objects, pod, **parameters))

    def promptly(self, objects: str, pod: Pod | None = None, **parameters: str) -> dict[str, bytes]:
        """Mount a new pod of `web`, or this one, which must succeed within `PROMPTLY`."""
        pod = pod or self.pod(uid=str(uuid4()))
        with Driver(self.socket, self.folder / "kubelet", Options(timeout=PROMPTLY)) as driver:
            return _files(driver.mount(pod, {"objects": objects, **parameters}))

    def refusal(self, objects: str, pod: Pod | None = None, **parameters: str) -> MountRefused:
        """Mount, which must fail."""
        outcome = self.mount(objects, pod, **parameters)
        if isinstance(outcome, Mounted):
            assert outcome.hidden is not None, "the mount succeeded"
            return outcome.hidden
        return outcome

    @staticmethod
    def wait_until_asked_again() -> None:
        """Wait until first mounts make calls of their own."""
        Event().wait(JOINED_WITHIN + 0.1)

    @property
    def web_address(self) -> tuple[str, int]:
        """Host and port of the metrics page."""
        for line in reversed(self._log):
            if '"HTTP server is up"' in line:
                host, _, port = line.split('"address": "')[1].split('"')[0].rpartition(":")
                return host, int(port)
        raise AssertionError("no metrics page")

    def metrics(self) -> str:
        """The metrics page of the daemon."""
        host, port = self.web_address
        with urlopen(f"http://{host}:{port}/metrics", timeout=5) as page:
            return str(page.read().decode())

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        for line in self.metrics().splitlines():
            if line.startswith(f"secrets_provider_aws_{name} "):
                return float(line.split()[1])
        raise KeyError(name)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def ended(self, seconds: float = 20) -> int:
        """Wait for the end of the daemon. Returns its exit code."""
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
            self._log.append(line.rstrip("\n"))


def _files(outcome: Mounted | MountRefused) -> dict[str, bytes]:
    assert isinstance(outcome, Mounted), outcome
    assert outcome.hidden is None, outcome.hidden
    return outcome.files


@contextmanager
def a_world(*flags: str, main: str = HASTY) -> Iterator[World]:
    """A world with its own folder and fakes, not started; it is closed at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="spa-") as folder,
        FakeAws() as aws,
        FakeAgent(aws.cloud) as agent,
        FakeKubernetes() as kubernetes,
    ):
        world = World(Path(folder), aws, agent, kubernetes, flags, main=main)
        try:
            yield world
        finally:
            world.close()
