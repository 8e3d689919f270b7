"""Everything that runs during the demo of the daemon, and mounts through it."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.running import LATENCY, START_SECONDS, Started, environment
from demo.screen import Screen, calls_text, duration
from testbed import examples
from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.aws.cloud import Cloud
from testbed.driver import Driver, Mounted, MountRefused, Options, Pod
from testbed.examples import NODE, NODE_REGION, Application
from testbed.journal import Call
from testbed.kubernetes import FakeKubernetes
from testbed.provider_process import ROOT, ProviderProcess

BROKEN = ROOT / "demo/broken.yaml"
INTERVAL = 1.0
"""`--rotation-poll-interval` in seconds."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One mount as the driver saw it, and the calls that were made for it."""

    outcome: Mounted | MountRefused
    seconds: float
    calls: Sequence[Call]

    @property
    def files(self) -> list[str]:
        """The files of the volume, sorted; none if the mount failed."""
        return sorted(self.outcome.files) if isinstance(self.outcome, Mounted) else []

    @property
    def operations(self) -> list[str]:
        """Operations and regions of the calls to AWS and the agent, sorted."""
        calls = [call for call in self.calls if call.service != "kubernetes"]
        return sorted(f"{call.operation} {call.region or call.service}" for call in calls)

    @property
    def text(self) -> str:
        """Time and calls, in one line."""
        return f"{duration(self.seconds)} · {calls_text(self.calls) or 'no call'}"

    def is_refused(self, code: str, *words: str) -> bool:
        """Whether the mount failed with this code, and its message has these words."""
        one = self.outcome
        if isinstance(one, Mounted):
            return False
        return one.code.name == code and all(word in one.message for word in words)

    def __str__(self) -> str:
        """What there is, without values."""
        result = self.files if isinstance(self.outcome, Mounted) else self.outcome
        return f"{result}, {self.operations}"


@dataclass(frozen=True, slots=True)
class Stage(Started):
    """The daemon, the driver, and what the daemon asks."""

    output: Path
    socket: Path
    driver: Driver
    aws: FakeAws
    agent: FakeAgent
    kubernetes: FakeKubernetes
    applications: Mapping[str, Application]
    """By the name of their class."""

    def new_pod(self, app: Application, name: str, service_account: str | None = None) -> Pod:
        """Another pod of a class, of another service account if one is given."""
        account = service_account or app.pod.service_account
        pod = examples.new_pod(app.pod.namespace, name, account)
        examples.add_pod(app, pod, self.kubernetes, self.aws.cloud)
        return pod

    def mount(self, app: Application, pod: Pod | None = None) -> Seen:
        """Mount the class, or mount it again, for its own pod or another one."""
        journals = [one.journal for one in (self.kubernetes, self.agent, self.aws)]
        for journal in journals:
            journal.clear()
        began, attributes = time.monotonic(), {"secretProviderClass": app.name}
        outcome = self.driver.mount(pod or app.pod, app.parameters, attributes=attributes)
        seconds = time.monotonic() - began
        return Seen(outcome, seconds, [call for journal in journals for call in journal.calls])

    def show(self, screen: Screen, app: Application, *heading: str, pod: Pod | None = None) -> Seen:
        """Mount, and print files or event, time and calls, below a heading if there is one."""
        if heading:
            screen.heading(*heading)
        pod, seen = pod or app.pod, self.mount(app, pod)
        if isinstance(seen.outcome, Mounted):
            screen.files(seen.outcome)
        else:
            # Go, and so kubectl, writes InvalidArgument.
            code = seen.outcome.code.name.title().replace("_", "")
            screen.event(f"{pod.namespace}/{pod.name}", code, seen.outcome.message)
        screen.say(seen.text, "dim")
        return seen


@contextmanager
def running(output: Path) -> Iterator[Stage]:
    """Starts everything, and stops it at the end."""
    with ExitStack() as stack:
        # Not in `output`: the path of a Unix socket has no more than 108 bytes.
        volume = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        aws = stack.enter_context(FakeAws(Cloud(region=NODE_REGION), latency=LATENCY))
        agent = stack.enter_context(FakeAgent(aws.cloud, latency=LATENCY))
        kubernetes = stack.enter_context(FakeKubernetes(latency=LATENCY))
        applications = examples.read_applications(*examples.example_files(), BROKEN)
        examples.fill(aws.cloud)
        examples.install(applications, kubernetes, aws.cloud)
        token = volume / "kube-token"
        token.write_text(kubernetes.token)
        flags = [
            f"--provider-volume={volume}",
            f"--kube-api-url={kubernetes.url}",
            f"--kube-token-file={token}",
            f"--pod-identity-ipv4-endpoint={agent.url}",
            f"--rotation-poll-interval={INTERVAL:g}s",
            "--metrics-address=127.0.0.1:0",
            "--log-format=json",
        ]
        variables = environment(f"{aws.url}/{{region}}", NODE_NAME=NODE)
        daemon = stack.enter_context(ProviderProcess(flags, variables, output / "daemon.log"))
        seconds = daemon.wait_until_logged('"serving"', START_SECONDS)
        socket = volume / "aws.sock"
        driver = stack.enter_context(Driver(socket, output / "kubelet", Options(timeout=60)))
        by_name = {one.name: one for one in applications}
        yield Stage(daemon, seconds, output, socket, driver, aws, agent, kubernetes, by_name)
