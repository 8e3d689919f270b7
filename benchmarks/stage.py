"""What every row needs: fakes, daemons, pods, and the number of repeats."""

import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from benchmarks.daemon import Daemon, provider, reference
from benchmarks.figures import Figure
from benchmarks.pods import Pods
from testbed.fakes_process import FakesProcess

ALWAYS_ASK = "--rotation-poll-interval=0s"


@dataclass(slots=True)
class Stage:
    """Every call of the fakes takes `latency_ms`; `thorough` scales the number of repeats."""

    folder: Path
    latency_ms: float
    thorough: float = 1.0
    speed: float = 120.0
    """How much faster than real time hours are simulated."""
    reference: Sequence[str] = ()
    """The command that starts the reference; empty: our own provider is measured."""
    left_out: dict[str, str] = field(default_factory=dict)
    """What could not be measured here, and why."""
    pods: Pods = field(default_factory=Pods)

    def times(self, number: int) -> range:
        """The repeats, scaled."""
        return range(max(1, round(number * self.thorough)))

    def of_reference(self, command: Sequence[str]) -> "Stage":
        """The same stage for the same rows, with the reference in the place of our provider."""
        return replace(self, reference=command)

    def fakes(
        self, *, identities: int = 30, secrets: int = 5, latency_ms: float | None = None
    ) -> FakesProcess:
        """AWS, Kubernetes and the agent in a separate process."""
        latency = self.latency_ms if latency_ms is None else latency_ms
        return FakesProcess(
            *("--tls", str(self.folder / "ca.pem")),
            *("--latency-ms", str(latency)),
            *("--identities", str(identities)),
            *("--secrets", str(secrets)),
        )

    def daemon(self, fakes: FakesProcess, *flags: str, prefix: Sequence[str] = ()) -> Daemon:
        """A daemon that is not started yet; the reference has none of our flags."""
        home = Path(tempfile.mkdtemp(dir=self.folder))
        if self.reference:
            return Daemon(home, reference(self.reference, home, fakes), prefix)
        return Daemon(home, provider(home, fakes, flags), prefix)


@contextmanager
def stage(latency_ms: float, thorough: float, speed: float) -> Iterator[Stage]:
    """A stage on which the bytecode of our provider is compiled."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        made = Stage(Path(folder), latency_ms, thorough, speed)
        with made.fakes(identities=1, secrets=1) as fakes:
            made.daemon(fakes).compile()
        yield made


def end_after(seconds: int) -> None:
    """Exit after so long, or at SIGTERM, through every `with`: all processes are stopped."""
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _end)
    signal.alarm(seconds)


def _end(number: int, _frame: object) -> NoReturn:
    raise SystemExit(f"ended by {signal.Signals(number).name}")


Row = Callable[[Stage], Iterator[Figure]]
