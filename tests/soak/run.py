"""One soak: pods, chaos, an audit of the calls, and a report."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from threading import Event, Thread
from time import monotonic

from testbed.aws import FakeAws
from tests.e2e.usage import Usage, usage
from tests.e2e.world import OTHER, REGION, World, a_world
from tests.soak.chaos import Chaos
from tests.soak.pods import Kubelet
from tests.soak.probe import Probe
from tests.soak.truth import CANARY, Truth

LOOP_HELD = "the loop was held"
"""What `tests.soak.watched_daemon` logs."""

ACCOUNTS, KUBELETS, PODS = 6, 6, 8
MOST = Usage(threads=16, files=200, memory=110 * 2**20, cpu=float("inf"))
"""What a daemon may use at the end: open connections, and some caches."""
SLOWEST = 3.0
"""Seconds within which `Version` is answered at any time, on a busy machine."""
WATCHED = "tests.soak.watched_daemon:main"
SECRETS_IN_LOGS = (CANARY, "eyJ", "ambient-canary")
"""Values, and the head of every service account token."""
MOST_COMPLAINTS = 20


@dataclass(frozen=True)
class Pace:
    """How fast a soak goes. Seconds."""

    interval: float = 1.0
    """`--rotation-poll-interval`."""
    timeout: float = 3.0
    """`--mount-timeout`."""
    storm: float = 3.0
    """Time in which anything may happen."""
    lull: float = 6.0
    """Time after it in which nothing happens that a mount may fail of; longer than `slack`."""
    pause: float = 0.005
    """Of each kubelet between mounts."""

    @property
    def slack(self) -> float:
        """How long before a mount's start its answer may have been on its way."""
        return self.interval + self.timeout

    @property
    def flags(self) -> tuple[str, ...]:
        """Of the daemon."""
        return (
            f"--rotation-poll-interval={self.interval}s",
            f"--mount-timeout={self.timeout}s",
            "--log-level=debug",
        )


@dataclass
class Report:
    """What happened, and `complaints`: what should not have."""

    seed: int
    pace: Pace
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    usage: Usage | None = None
    complaints: list[str] = field(default_factory=list)
    most_threads: int = 0
    loop: str = ""
    """Latency of `Version`."""

    def complain(self, text: str) -> None:
        """Add a complaint."""
        if len(self.complaints) < MOST_COMPLAINTS:
            self.complaints.append(f"after {self.seconds:.1f} s: {text}")


def soak(
    seed: int,
    seconds: float,
    tell: Callable[[Report], None] = lambda _report: None,
    pace: Pace = Pace(),
) -> Report:
    """Run for so long; `tell` is called once a second."""
    report = Report(seed, pace)
    with a_world(*pace.flags, main=WATCHED) as world:
        truth = Truth(world.aws.cloud, world.kubernetes, ACCOUNTS, (REGION, OTHER))
        chaos = Chaos(world, truth, Random(seed))
        try:
            world.start()
            _run(report, chaos, truth, seconds, tell)
            _look_at_the_end(report, chaos)
        finally:
            chaos.end()
            for one in chaos.worlds:
                one.close()
        _read_logs(report, chaos.worlds)
    return report


def _run(
    report: Report,
    chaos: Chaos,
    truth: Truth,
    seconds: float,
    tell: Callable[[Report], None],
) -> None:
    started, over, pace = monotonic(), Event(), report.pace
    with ExitStack() as stack:
        probe = stack.enter_context(Probe(chaos.world.socket, chaos.was_killed))
        kubelets = [_kubelet(report, chaos, truth, number) for number in range(KUBELETS)]
        for kubelet in kubelets:
            stack.callback(kubelet.close)
            worker = Thread(target=_work, args=(kubelet, over, report))
            worker.start()
            stack.callback(worker.join)
        stack.callback(over.set)
        random, told = Random(-report.seed), 0.0
        while report.seconds < seconds:
            Event().wait(random.uniform(0.0, 0.2))
            chaos.step(lull=report.seconds % (pace.storm + pace.lull) > pace.storm)
            _audit(report, truth, chaos.world.aws)
            report.seconds = monotonic() - started
            report.outcomes = sum((one.outcomes for one in kubelets), Counter())
            report.events = chaos.events
            if report.seconds - told >= 1:
                told, report.usage = report.seconds, usage(chaos.world.pid)
                report.most_threads = max(report.most_threads, report.usage.threads)
                tell(report)
    report.loop = probe.text()
    if max(probe.seconds, default=0.0) > SLOWEST:
        report.complain(report.loop)


def _kubelet(report: Report, chaos: Chaos, truth: Truth, number: int) -> Kubelet:
    return Kubelet(
        truth=truth,
        random=Random(f"{report.seed}/{number}"),
        socket=chaos.world.socket,
        folder=chaos.world.folder / f"kubelet-{number}",
        pods=PODS,
        slack=report.pace.slack,
        killed=chaos.was_killed,
        complain=report.complain,
    )


def _work(kubelet: Kubelet, over: Event, report: Report) -> None:
    while not over.is_set():
        try:
            kubelet.step()
        except Exception as fault:  # noqa: BLE001 - a soak that breaks has failed
            report.complain(f"a worker broke: {fault!r}")
            return
        over.wait(report.pace.pause)


def _audit(report: Report, truth: Truth, aws: FakeAws) -> None:
    """Every call to AWS must be for a secret that a pod of that role has asked for."""
    calls, aws.journal.calls = aws.journal.calls, []
    report.calls += len(calls)
    for call in calls:
        if call.service == "sts" or not call.identity:
            continue
        role = call.identity.split("/")[1]
        for name in call.target.split(","):
            if (role, name) not in truth.asked:
                report.complain(f"{call.operation} of {name} as {call.identity}")


def _look_at_the_end(report: Report, chaos: Chaos) -> None:
    """Nothing may be left behind."""
    chaos.end()
    report.usage = now = usage(chaos.world.pid)
    for name in ("threads", "files", "memory"):
        if getattr(now, name) > getattr(MOST, name):
            report.complain(f"{getattr(now, name)} {name}, more than {getattr(MOST, name)}")


def _read_logs(report: Report, worlds: list[World]) -> None:
    for world in worlds:
        for line in world.log:
            for secret in SECRETS_IN_LOGS:
                if secret in line:
                    report.complain(f"a secret in the log: {line[:300]}")
            if "internal fault" in line or "Traceback" in line:
                report.complain(f"a fault: {line[:2000]}")
            if LOOP_HELD in line:
                report.complain(line[:300])
