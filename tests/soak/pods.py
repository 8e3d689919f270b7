"""Pods that mount and mount again, and look at what they get."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic
from uuid import UUID

import grpc

from testbed.driver import Driver, Mounted, MountRefused, Options, Pod
from tests.soak.truth import NAMESPACE, Account, Truth

SAFE = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
}
"""What a failed mount of a correct class may be answered with."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A pod and its class: `names` are mounted whole, `foreign` is somebody else's."""

    account: Account
    pod: Pod
    names: tuple[str, ...]
    foreign: str
    parameters: dict[str, str]

    @classmethod
    def draw(cls, truth: Truth, random: Random) -> "Workload":
        """Any pod: of either kind of identity, of one region or two, now and then a thief."""
        account, other = truth.pick(random), truth.pick(random)
        names = tuple(random.sample(account.names(), random.randint(1, len(account.names()))))
        steals = other != account and random.random() < 0.1
        foreign = random.choice(other.names()) if steals else ""
        uid = str(UUID(int=random.getrandbits(128)))
        parameters = {
            "region": random.choice(truth.regions),
            "usePodIdentity": random.choice(("true", "false")),
            "objects": json.dumps([_entry(name) for name in (*names, foreign) if name]),
        }
        if random.random() < 0.3:
            primary = parameters["region"]
            parameters["failoverRegion"] = next(one for one in truth.regions if one != primary)
        pod = Pod(NAMESPACE, f"{account.name}-{uid[:8]}", account.name, uid)
        return cls(account, pod, names, foreign, parameters)


def _entry(name: str) -> dict[str, object]:
    kind = "ssmparameter" if name.startswith("/") else "secretsmanager"
    pieces = [{"path": "name", "objectAlias": f"{_file(name)}.name"}]
    return {"objectName": name, "objectType": kind, "jmesPath": pieces}


def _file(name: str) -> str:
    return name.replace("/", "_")


class Kubelet:
    """One worker: some pods, mounted at random, now and then replaced by new ones.

    `slack` is how long before a mount's start its answer may have been on its way, in seconds;
    `complain` takes what is wrong.
    """

    def __init__(
        self,
        *,
        truth: Truth,
        random: Random,
        socket: Path,
        folder: Path,
        pods: int,
        slack: float,
        killed: Callable[[float, float], bool],
        complain: Callable[[str], None],
    ) -> None:
        self._truth = truth
        self._random = random
        self._driver = Driver(socket, folder, Options(timeout=30))
        self._slack = slack
        self._killed = killed
        self._complain = complain
        self._workloads = [self._new() for _ in range(pods)]
        self.outcomes: Counter[str] = Counter()

    def close(self) -> None:
        self._driver.__exit__()

    def step(self) -> None:
        """Mount one volume, and judge."""
        at = self._random.randrange(len(self._workloads))
        if self._random.random() < 0.05:
            self._driver.unmount(self._workloads[at].pod)
            self._workloads[at] = self._new()
        workload = self._workloads[at]
        start = monotonic()
        outcome = self._driver.mount(workload.pod, workload.parameters)
        end = monotonic()
        refusal = outcome.hidden if isinstance(outcome, Mounted) else outcome
        if refusal is not None:
            self.outcomes[refusal.code.name] += 1
            self._judge_refusal(workload, refusal, start, end)
        elif isinstance(outcome, Mounted):
            self.outcomes["mounted"] += 1
            self._judge_files(workload, outcome.files, start, end)

    def _new(self) -> Workload:
        workload = Workload.draw(self._truth, self._random)
        for name in (*workload.names, workload.foreign):
            self._truth.asked.add((workload.account.name, name))
        return workload

    def _judge_files(
        self, workload: Workload, files: dict[str, bytes], start: float, end: float
    ) -> None:
        if workload.foreign:
            self._complain(f"{workload.account.name} got {workload.foreign}")
        expected = {_file(name) for name in workload.names}
        expected |= {f"{file}.name" for file in expected}
        if not workload.foreign and files.keys() != expected:
            self._complain(f"files {sorted(files)} instead of {sorted(expected)}")
        for name in workload.names:
            content = files.get(_file(name), b"")
            account, since = workload.account, start - self._slack
            if problem := self._truth.judge(account, name, content, since, end):
                self._complain(problem)
            if files.get(f"{_file(name)}.name") != name.encode():
                self._complain(f"{name}: the key of another")

    def _judge_refusal(
        self, workload: Workload, refusal: MountRefused, start: float, end: float
    ) -> None:
        since = start - self._slack
        if refusal.code not in SAFE:
            if not self._killed(since, end):
                self._complain(f"forbidden code: {refusal}")
        elif not workload.foreign and self._truth.is_calm(workload.account, since, end):
            self._complain(f"failed for no reason: {refusal}")
