"""Starts and stops everything that runs during the demo, and mounts."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.node import ROOT, DaemonProcess, environment
from demo.screen import Screen, calls_text, duration
from testbed import examples
from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.aws.cloud import Cloud
from testbed.driver import Driver, Mounted, MountRefused, Options, Pod
from testbed.examples import NODE, NODE_REGION, Application
from testbed.journal import Call
from testbed.kubernetes import FakeKubernetes

BROKEN = ROOT / "demo/broken.yaml"
INTERVAL = 1.0
"""`--rotation-poll-interval` in seconds."""
LATENCY = 0.02
"""Seconds of every call."""

_MARKER = ".made-by-make-demo"


class NotOurs(Exception):
    """The output folder holds something else."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One mount as the driver saw it, and the calls that were made for it."""

    outcome: Mounted | MountRefused
    seconds: float
    calls: Sequence[Call]

    @property
    def refusal(self) -> MountRefused | None:
        """Why the mount failed, hidden by the driver or not."""
        return self.outcome.hidden if isinstance(self.outcome, Mounted) else self.outcome

    @property
    def files(self) -> dict[str, bytes]:
        """The files of the volume; none after a first mount that failed."""
        return self.outcome.files if isinstance(self.outcome, Mounted) else {}

    @property
    def operations(self) -> list[str]:
        """Operations and regions of the calls to AWS and the agent."""
        calls = [call for call in self.calls if call.service != "kubernetes"]
        return sorted(f"{call.operation} {call.region or call.service}" for call in calls)

    @property
    def text(self) -> str:
        """Time and calls, in one line."""
        return f"{duration(self.seconds)} · {calls_text(self.calls) or 'no call'}"

    def problems(self, files: Sequence[str], operations: Sequence[str]) -> Iterator[str]:
        """What differs from the expected files and calls; empty if nothing does."""
        if self.refusal:
            yield f"expected a mount, got {self.refusal.code.name}: {self.refusal.message}"
        elif sorted(self.files) != sorted(files):
            yield f"expected the files {sorted(files)}, got {sorted(self.files)}"
        if self.operations != sorted(operations):
            yield f"expected the calls {sorted(operations)}, got {self.operations}"

    def refusal_problems(self, code: str, *words: str) -> Iterator[str]:
        """What differs from the expected failure and the words that its message must hold."""
        if self.refusal is None:
            yield f"expected {code}, got a mount"
            return
        if self.refusal.code.name != code:
            yield f"expected {code}, got {self.refusal.code.name}"
        yield from (
            f'expected "{word}" in the message'
            for word in words
            if word not in self.refusal.message
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    output: Path
    socket: Path
    daemon: DaemonProcess
    driver: Driver
    aws: FakeAws
    agent: FakeAgent
    kubernetes: FakeKubernetes
    applications: Sequence[Application]

    def application(self, name: str) -> Application:
        """The one with the class of that name."""
        return next(one for one in self.applications if one.name == name)

    def new_pod(self, app: Application, name: str, service_account: str | None = None) -> Pod:
        """Another pod of a class, of another service account if one is given."""
        account = service_account or app.pod.service_account
        pod = examples.new_pod(app.pod.namespace, name, account)
        examples.add_pod(app, pod, self.kubernetes, self.aws.cloud)
        return pod

    def mount(self, app: Application, pod: Pod | None = None) -> Seen:
        """Mount the class, or mount it again, for its own pod or another one."""
        pod = pod or app.pod
        journals = [one.journal for one in (self.kubernetes, self.agent, self.aws)]
        for journal in journals:
            journal.clear()
        started = time.monotonic()
        attributes = {"secretProviderClass": app.name}
        outcome = self.driver.mount(pod, app.parameters, attributes=attributes)
        seconds = time.monotonic() - started
        self._link(app, pod)
        return Seen(outcome, seconds, [call for journal in journals for call in journal.calls])

    def show(self, screen: Screen, app: Application, pod: Pod | None = None) -> Seen:
        """Mount, and print files or event, time and calls."""
        pod = pod or app.pod
        seen = self.mount(app, pod)
        if isinstance(seen.outcome, Mounted):
            screen.files(seen.outcome)
        else:
            # Go, and so kubectl, writes InvalidArgument.
            code = seen.outcome.code.name.title().replace("_", "")
            screen.event(f"{pod.namespace}/{pod.name}", code, seen.outcome.message)
        screen.say(seen.text, "dim")
        return seen

    def _link(self, app: Application, pod: Pod) -> None:
        """Let people find the volume by the names of class and pod."""
        link = self.output / app.name / pod.name
        target = self.driver.target(pod)
        if target.exists() and not link.is_symlink():
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(Path("..") / target.relative_to(self.output))


@contextmanager
def running(output: Path, screen: Screen) -> Iterator[Stage]:
    """Starts everything, and stops it at the end."""
    make_empty(output)
    screen.title(
        "A node on loopback",
        "AWS, Kubernetes and kubelet are emulated; the daemon is the real one. Every call takes "
        f"{duration(LATENCY)}.",
    )
    with ExitStack() as stack:
        # Not in `output`: the path of a Unix socket has no more than 108 bytes.
        volume = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        aws = stack.enter_context(FakeAws(Cloud(region=NODE_REGION), latency=LATENCY))
        agent = stack.enter_context(FakeAgent(aws.cloud, latency=LATENCY))
        kubernetes = stack.enter_context(FakeKubernetes(latency=LATENCY))
        applications = examples.read_applications(*examples.example_files(), BROKEN)
        examples.fill(aws.cloud)
        examples.install(applications, kubernetes, aws.cloud)
        daemon = _daemon(aws, agent, kubernetes, volume, output / "daemon.log")
        with screen.waiting("the daemon is starting"):
            stack.enter_context(daemon)
        socket = volume / "aws.sock"
        driver = stack.enter_context(Driver(socket, output / "kubelet", Options(timeout=60)))
        yield Stage(output, socket, daemon, driver, aws, agent, kubernetes, applications)


def _daemon(
    aws: FakeAws, agent: FakeAgent, kubernetes: FakeKubernetes, volume: Path, log: Path
) -> DaemonProcess:
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
    return DaemonProcess(flags, environment(f"{aws.url}/{{region}}", NODE), log)


def make_empty(output: Path) -> None:
    """Make the folder empty. Raises `NotOurs` if an earlier demo has not made it."""
    marker = output / _MARKER
    if output.exists() and any(output.iterdir()) and not marker.exists():
        raise NotOurs(f"{output} holds something that no earlier demo has made: --output elsewhere")
    if output.exists():
        shutil.rmtree(output)
    output.mkdir(parents=True)
    marker.touch()
