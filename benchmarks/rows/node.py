"""A node starts: all its pods at once, to a daemon that has only just started; and once more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.figures import Figure
from benchmarks.stage import ALWAYS_ASK, Stage
from testbed.fakes_process import FakesProcess

PODS, IDENTITIES, SECRETS = 110, 30, 5
REPEATS = 4


def calls_of(calls: dict[str, int], *names: str) -> int:
    """Calls whose name begins with one of `names`."""
    return sum(number for call, number in calls.items() if call.startswith(names))


@dataclass(slots=True)
class Measured:
    """What the repeats of one burst took, asked and cost."""

    milliseconds: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    calls: list[dict[str, int]] = field(default_factory=list)

    def most(self, *names: str) -> int:
        """The most calls that any repeat made."""
        return max(calls_of(calls, *names) for calls in self.calls)


def row(stage: Stage) -> Iterator[Figure]:
    """The start, and the same mounts again with nothing changed, both ways."""
    starts, asked, memory = Measured(), Measured(), Measured()
    with stage.fakes() as fakes:
        for flags, again in (((), memory), ((ALWAYS_ASK,), asked)):
            for _ in stage.times(REPEATS):
                _measure(stage, fakes, flags, (starts, again))
    name = f"node start: {PODS} pods, {IDENTITIES} identities, {SECRETS} secrets"
    yield Figure.of("node.start", name, starts.milliseconds, "ms")
    yield Figure("node.start.sts", "… STS calls", starts.most("sts"), "calls")
    yield Figure("node.start.kubernetes", "… Kubernetes calls", starts.most("kubernetes"), "calls")
    yield Figure("node.start.fetches", "… fetches", starts.most("secretsmanager"), "calls")
    yield Figure.of("node.start.cpu", "… CPU per pod", starts.cpu, "ms")
    yield Figure.of("node.again.asked", "again, unchanged, interval 0s", asked.milliseconds, "ms")
    describes = asked.most("secretsmanager DescribeSecret")
    yield Figure("node.again.asked.describe", "… DescribeSecret", describes, "calls")
    fetches = asked.most("secretsmanager GetSecretValue")
    yield Figure("node.again.asked.fetches", "… GetSecretValue", fetches, "calls")
    text = "again, unchanged, default interval"
    yield Figure.of("node.again.memory", text, memory.milliseconds, "ms")
    aws = memory.most("secretsmanager", "sts", "ssm")
    yield Figure("node.again.memory.aws", "… calls to AWS", aws, "calls")


def _measure(
    stage: Stage, fakes: FakesProcess, flags: Sequence[str], into: tuple[Measured, Measured]
) -> None:
    requests = stage.pods.node(PODS, IDENTITIES, SECRETS)
    with stage.daemon(fakes, *flags) as daemon:
        for measured in into:
            fakes.clear()
            cpu = daemon.cpu()
            burst = daemon.caller.burst(requests)
            measured.cpu.append((daemon.cpu() - cpu) / PODS * 1000)
            measured.milliseconds.append(burst.milliseconds)
            measured.calls.append(fakes.calls())
        assert daemon.caller.files(requests[0]) == SECRETS
