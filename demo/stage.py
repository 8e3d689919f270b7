"""Everything that runs during the demo, put up and taken down, and what one sees of a mount."""

import logging
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from demo.cluster import NODE, Application, install, read_applications, read_folder
from demo.due import AGENT, Calls
from demo.node import ROOT, DaemonProcess, environment
from demo.samples import NODE_REGION, PARAMETERS, SECRETS, Owner
from demo.screen import Screen, milliseconds
from demo.wire import Wire
from testbed.agent import FakeAgent
from testbed.aws.cloud import Cloud
from testbed.driver import Driver, Mounted, MountRefused, Options, Pod
from testbed.journal import Call
from testbed.kubernetes import FakeKubernetes
from testbed.moto import Moto

FOLDER = ROOT / "deploy/examples"
BROKEN = Path(__file__).parent / "broken.yaml"
INTERVAL = 3.0
"""`--rotation-poll-interval` in seconds: long enough for two looks within it, short to wait for."""

_MARKER = ".made-by-make-demo"


class NotOurs(Exception):
    """The output folder holds something else."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One mount as the driver saw it, and what was asked of whom for it."""

    outcome: Mounted | MountRefused
    seconds: float
    aws: Sequence[Call]
    agent: Sequence[Call]
    kubernetes: Sequence[Call]

    @property
    def calls(self) -> Calls:
        """To AWS and to the Pod Identity agent, by kind."""
        return _by_kind(self.aws) + Calls({AGENT: len(self.agent)})

    @property
    def lost(self) -> Calls:
        """Those to AWS that went nowhere."""
        return _by_kind(call for call in self.aws if call.status == 0)

    @property
    def signers(self) -> set[str]:
        """Access keys that calls to AWS were signed with."""
        return {call.identity for call in self.aws}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is emulated."""

    wire: Wire
    owner: Owner
    kubernetes: FakeKubernetes
    agent: FakeAgent
    cloud: Cloud
    applications: Sequence[Application]


@dataclass(frozen=True, slots=True)
class Stage:
    """All that runs."""

    output: Path
    daemon: DaemonProcess
    socket: Path
    around: Surroundings
    driver: Driver
    mounts: list[Seen] = field(default_factory=list)
    """All that were made."""
    mounts_by_tools: list[str] = field(default_factory=list)
    """Classes that the command `mount` has asked the daemon for."""

    def application(self, name: str) -> Application:
        """The one with the class of that name."""
        return next(one for one in self.around.applications if one.name == name)

    def mount(self, application: Application, pod: Pod | None = None) -> Seen:
        """Mount the class, or mount it again, for its own pod or another one."""
        pod = pod or application.pod
        around = self.around
        journals = [one.journal.calls for one in (around.wire, around.agent, around.kubernetes)]
        lengths = [len(journal) for journal in journals]
        started = time.monotonic()
        outcome = self.driver.mount(
            pod, application.parameters, attributes={"secretProviderClass": application.name}
        )
        seconds = time.monotonic() - started
        asked = [journal[length:] for journal, length in zip(journals, lengths, strict=True)]
        self._link(application, pod)
        seen = Seen(outcome, seconds, *asked)
        self.mounts.append(seen)
        return seen

    def _link(self, application: Application, pod: Pod) -> None:
        """Let people find the volume by the names of class and pod."""
        link = self.output / application.name / pod.name
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        target = self.driver.target(pod)
        if target.exists():
            link.symlink_to(Path("..") / target.relative_to(self.output))
        elif not any(link.parent.iterdir()):
            link.parent.rmdir()


@contextmanager
def put_up(output: Path, screen: Screen) -> Iterator[Stage]:
    """Start everything, in the order in which one needs the other; stop it all at the end."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # moto's server tells every request
    make_empty(output)
    screen.title(
        "A node on loopback",
        "AWS, Kubernetes and kubelet are emulated; the daemon is the real one.",
    )
    with ExitStack() as stack:
        # Not in `output`: the path of a Unix socket has no more than 108 bytes.
        short = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        with screen.waiting("AWS, Kubernetes and the Pod Identity agent are starting"):
            around = _surroundings(stack)
        with screen.waiting("the daemon is starting"):
            daemon = stack.enter_context(_daemon(around, short, output / "daemon.log"))
        driver = Driver(short / "aws.sock", output / "kubelet", Options(timeout=60))
        stage = Stage(output, daemon, short / "aws.sock", around, stack.enter_context(driver))
        _tell(stage, screen)
        yield stage


def _surroundings(stack: ExitStack) -> Surroundings:
    """Start what is emulated, and fill it."""
    moto = stack.enter_context(Moto())
    address = urlsplit(moto.url)
    wire = stack.enter_context(Wire((str(address.hostname), int(address.port or 0))))
    cloud = Cloud(region=NODE_REGION)
    kubernetes = stack.enter_context(FakeKubernetes())
    agent = stack.enter_context(FakeAgent(cloud))
    applications = [*read_folder(FOLDER), *read_applications(BROKEN)]
    install(applications, kubernetes, cloud, region=NODE_REGION)
    owner = Owner(moto.url)
    owner.fill()
    return Surroundings(wire, owner, kubernetes, agent, cloud, applications)


def _daemon(around: Surroundings, volume: Path, log: Path) -> DaemonProcess:
    token = volume / "kube-token"
    token.write_text(around.kubernetes.token)
    flags = [
        f"--provider-volume={volume}",
        f"--kube-api-url={around.kubernetes.url}",
        f"--kube-token-file={token}",
        f"--pod-identity-ipv4-endpoint={around.agent.url}",
        f"--rotation-poll-interval={INTERVAL:g}s",
        "--metrics-address=127.0.0.1:0",
        "--log-format=json",
    ]
    return DaemonProcess(flags, environment(around.wire.endpoint, NODE), log)


def _tell(stage: Stage, screen: Screen) -> None:
    started = milliseconds(stage.daemon.start_seconds)
    held = f"{len(SECRETS)} secrets, {len(PARAMETERS)} parameters"
    screen.facts(
        [
            ("daemon", f"process {stage.daemon.pid}, serves {started} after its start"),
            ("socket", str(stage.socket)),
            ("AWS", f"{stage.around.wire.endpoint}: {held}"),
            ("Kubernetes", f"{stage.around.kubernetes.url}: {NODE} stands in {NODE_REGION}"),
            ("Pod Identity", stage.around.agent.url),
        ]
    )
    answer = stage.driver.version()
    about = f"{answer.runtime_name} {answer.runtime_version} speaks {answer.version}"
    known = answer.version == "v1alpha1"
    screen.check(about, [] if known else [f"expected v1alpha1, came {answer.version}"])


def _by_kind(made: Iterable[Call]) -> Calls:
    return Calls(f"{call.operation} {call.region}" for call in made)


def make_empty(output: Path) -> None:
    """Make the folder, without what an earlier run has left in it; nobody else's is touched."""
    marker = output / _MARKER
    if output.exists() and any(output.iterdir()) and not marker.exists():
        raise NotOurs(f"{output} holds something that no earlier demo has made: --output elsewhere")
    if output.exists():
        shutil.rmtree(output)
    output.mkdir(parents=True)
    marker.touch()
