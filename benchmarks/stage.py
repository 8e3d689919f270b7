"""What every row needs: fakes, daemons, pods, and how thoroughly to measure."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.daemon import Daemon
from benchmarks.figures import Figure
from benchmarks.pods import Pods
from testbed.process import FakesProcess

ALWAYS_ASK = "--rotation-poll-interval=0s"


@dataclass(slots=True)
class Stage:
    """`latency_ms` is what a call to AWS takes, `thorough` scales how often things are repeated."""

    folder: Path
    latency_ms: float
    thorough: float = 1.0
    speed: float = 120.0
    """How much faster than life hours are simulated."""
    left_out: dict[str, str] = field(default_factory=dict)
    """What could not be measured here, and why."""
    pods: Pods = field(default_factory=Pods)

    def times(self, number: int) -> range:
        """As many repeats as the run is thorough."""
        return range(max(1, round(number * self.thorough)))

    def fakes(
        self, *, identities: int = 30, secrets: int = 5, latency_ms: float | None = None
    ) -> FakesProcess:
        """AWS, Kubernetes and the agent in a process of their own."""
        latency = self.latency_ms if latency_ms is None else latency_ms
        return FakesProcess(
            *("--tls", str(self.folder / "ca.pem")),
            *("--latency-ms", str(latency)),
            *("--identities", str(identities)),
            *("--secrets", str(secrets)),
        )

    def daemon(self, fakes: FakesProcess, *flags: str, prefix: Sequence[str] = ()) -> Daemon:
        """A daemon that is not started yet."""
        home = Path(tempfile.mkdtemp(dir=self.folder))
        return Daemon(home, fakes, *flags, prefix=prefix)


@contextmanager
def stage(latency_ms: float, thorough: float, speed: float) -> Iterator[Stage]:
    """A stage on which the daemon's bytecode is compiled."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        made = Stage(Path(folder), latency_ms, thorough, speed)
        with made.fakes(identities=1, secrets=1) as fakes:
            made.daemon(fakes).compile()
        yield made


Row = Callable[[Stage], Iterator[Figure]]
