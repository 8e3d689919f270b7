"""One soak: storms in which anything happens, and after each a look at every Secret."""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from time import monotonic, sleep

from testbed.cluster import Address, ClusterClient
from tests.e2e.usage import Usage, usage
from tests.soak.controller.chaos import Chaos
from tests.soak.controller.replicas import Replicas, running
from tests.soak.controller.tenants import CANARY, Tenant

MOST = Usage(threads=20, files=200, memory=130 * 2**20, cpu=float("inf"))
"""What a controller may use at the end."""
SECRETS_IN_LOGS = (CANARY, "eyJ")
"""Values, and the head of every service account token."""
MOST_COMPLAINTS = 20
LINES = 60
SERIES = re.compile(r'^externalsecret_\w+\{.*?name="(.*?)",namespace="(.*?)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a soak goes. Seconds."""

    tenants: int = 3
    steps: int = 120
    """Things that happen in a storm."""
    step: float = 0.05
    recovery: float = 100.0
    """Time after a storm for all Secrets to be right: a list that hangs is given up after a minute,
    and an object that has failed in the whole storm waits for half of one."""
    rest: float = 3.0
    """Time after that in which nothing may be written; some refreshes long."""


@dataclass
class Report:
    """What happened, and `complaints`: what should not have."""

    seed: int
    seconds: float = 0.0
    storms: int = 0
    slowest_recovery: float = 0.0
    objects: int = 0
    calls: int = 0
    events: Counter[str] = field(default_factory=Counter)
    usage: Usage | None = None
    complaints: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    """The last lines of both replicas when Secrets were wrong for the first time."""

    def complain(self, text: str) -> None:
        """Add a complaint."""
        if len(self.complaints) < MOST_COMPLAINTS:
            self.complaints.append(f"storm {self.storms}: {text}")


def soak(
    seed: int,
    seconds: float,
    place: tuple[Address, ClusterClient],
    tell: Callable[[Report], None] = lambda _report: None,
    pace: Pace = Pace(),
) -> Report:
    """Storm after storm for so long, one at least; `tell` is called after each."""
    report, (address, cluster) = Report(seed), place
    # On a machine with much other work, a shorter Lease is lost before anything is done.
    flags = ("--audit-log", "--store-requeue-interval=1s", "--lease-duration=8s")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        home = f"soak-{seed}"
        with running(Path(folder), address, cluster, home, *flags) as replicas:
            with _tenants(replicas, pace.tenants, seed) as tenants:
                chaos = Chaos(tenants, replicas, Random(seed))
                began = monotonic()
                replicas.start_missing()
                while not report.storms or report.seconds < seconds:
                    _storm(report, chaos, tenants, replicas, pace)
                    report.seconds, report.events = monotonic() - began, chaos.events
                    tell(report)
                _look_at_the_end(report, tenants, replicas)
            _read_logs(report, replicas)
    return report


@contextmanager
def _tenants(replicas: Replicas, number: int, seed: int) -> Iterator[list[Tenant]]:
    names = [f"{replicas.world.home}-{index}" for index in range(number)]
    for name in names:
        replicas.world.cluster.make_namespace(name)
    yield [Tenant(replicas.world.at(name), Random(f"{seed}/{name}")) for name in names]
    for name in names:
        replicas.world.cluster.do("DELETE", f"/api/v1/namespaces/{name}")


def _storm(
    report: Report, chaos: Chaos, tenants: list[Tenant], replicas: Replicas, pace: Pace
) -> None:
    report.storms += 1
    for _ in range(pace.steps):
        chaos.step()
        sleep(pace.step)
    chaos.end()
    report.objects = sum(len(one.manifests) for one in tenants)
    _recover(report, tenants, replicas, pace.recovery)
    _rest(report, replicas, pace.rest)
    _audit(report, tenants, replicas)


def _recover(report: Report, tenants: list[Tenant], replicas: Replicas, seconds: float) -> None:
    """Wait until every Secret is what its ExternalSecret says it is."""
    began = monotonic()
    while wrong := [one for tenant in tenants for one in tenant.complaints()]:
        if monotonic() - began > seconds:
            for one in wrong:
                report.complain(f"not right {seconds:g} s after a storm: {one}")
            report.log = report.log or [
                f"{one.world.flags[-1]} {line}"
                for one in replicas.all
                for line in one.world.log[-LINES:]
            ]
            return
        sleep(0.1)
    report.slowest_recovery = max(report.slowest_recovery, monotonic() - began)


def _rest(report: Report, replicas: Replicas, seconds: float) -> None:
    """Nothing changes: refreshes may write the time of the refresh, and nothing else.

    Other tests may use the same cluster: what is in their namespaces does not count.
    """
    for one in replicas.all:
        one.api.journal.clear()
    sleep(seconds)
    allowed = ("get", "list", "watch", "update leases", "patch externalsecrets/status")
    token = "create serviceaccounts/token"
    for one in replicas.all:
        ours = (call for call in one.api.journal.calls if replicas.world.home in call.target)
        for call in ours:
            if not call.operation.startswith((*allowed, token, "create events", "patch events")):
                report.complain(f"at rest: {call.operation} {call.target}")


def _audit(report: Report, tenants: list[Tenant], replicas: Replicas) -> None:
    """Each identity asked AWS for its own namespace's secrets only; one replica led at a time."""
    calls, replicas.aws.journal.calls = replicas.aws.journal.calls, []
    report.calls += len(calls)
    for call in calls:
        for tenant in tenants:
            place = tenant.world.namespace
            others = [name for name in call.target.split(",") if place not in name]
            if place in call.identity and call.service != "sts" and others:
                report.complain(f"{call.operation} of {others} as {call.identity}")
    for (_, end), (begin, _) in pairwise(replicas.leaderships()):
        if begin < end:
            report.complain(f"two leaders: one until {end}, another from {begin}")


def _look_at_the_end(report: Report, tenants: list[Tenant], replicas: Replicas) -> None:
    """Nothing may be left behind: in the processes, in their metrics, in what users read."""
    there = {(one.world.namespace, name) for one in tenants for name in one.manifests}
    for one in replicas.all:
        report.usage = now = usage(one.world.process.pid)
        for name in ("threads", "files", "memory"):
            if getattr(now, name) > getattr(MOST, name):
                report.complain(f"{getattr(now, name)} {name}, more than {getattr(MOST, name)}")
        for name, namespace in SERIES.findall(one.world.page("/metrics")):
            if namespace.startswith(replicas.world.home) and (namespace, name) not in there:
                report.complain(f"a series of {namespace}/{name}, which is gone")
    _look_for_values(report, tenants)


def _look_for_values(report: Report, tenants: list[Tenant]) -> None:
    for tenant in tenants:
        for event in tenant.world.events():
            if CANARY in str(event):
                report.complain(f"a value in an Event: {event}")
        for name in tenant.manifests:
            if CANARY in str(tenant.world.ready("ExternalSecret", name)):
                report.complain(f"a value in the condition of {name}")


def _read_logs(report: Report, replicas: Replicas) -> None:
    for line in (line for one in replicas.all for line in one.world.log):
        if any(secret in line for secret in SECRETS_IN_LOGS):
            report.complain(f"a secret in the log: {line[:300]}")
        if "Traceback" in line or '"a reconcile failed"' in line:
            report.complain(f"a fault: {line[:2000]}")
        if '"SecretSynced"' in line and '"event"' in line:
            _read_audit(report, line)


def _read_audit(report: Report, line: str) -> None:
    """A line of the audit log names secrets of its namespace, and roles or keys of it."""
    document = json.loads(line)
    for secret in document["secrets"]:
        if document["namespace"] not in secret["name"] or (
            document["namespace"] not in secret["subject"]
        ):
            report.complain(f"audit: {line[:500]}")
