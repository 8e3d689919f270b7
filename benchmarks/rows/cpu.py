"""CPU of one mount of 5 secrets, the daemon's alone, without any latency to wait for."""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.daemon import Daemon
from benchmarks.figures import Figure
from benchmarks.stage import ALWAYS_ASK, Stage

IDENTITIES, SECRETS, PODS = 30, 5, 110
REPEATS = 5


def row(stage: Stage) -> Iterator[Figure]:
    """New pods by both kinds of identity, and unchanged remounts both ways."""
    with stage.fakes(latency_ms=0) as fakes:
        with stage.daemon(fakes, ALWAYS_ASK) as daemon:
            requests = stage.pods.node(PODS, IDENTITIES, SECRETS)
            daemon.caller.burst(requests)
            yield _figure(stage, daemon, "cpu.new", "CPU: new pod, identity known", _new(stage))
            yield _figure(
                *(stage, daemon, "cpu.new.pod-identity", "CPU: new pod, Pod Identity"),
                _new(stage, pod_identity=True),
            )
            text = "CPU: unchanged remount, asked"
            yield _figure(stage, daemon, "cpu.asked", text, lambda: requests)
        with stage.daemon(fakes) as daemon:
            daemon.caller.burst(requests)
            text = "CPU: unchanged remount, from memory"
            yield _figure(stage, daemon, "cpu.memory", text, lambda: requests)


def _new(stage: Stage, *, pod_identity: bool = False) -> Callable[[], Sequence[bytes]]:
    def make() -> Sequence[bytes]:
        return [
            stage.pods.request(number % IDENTITIES, SECRETS, pod_identity=pod_identity)
            for number in range(PODS)
        ]

    return make


def _figure(
    stage: Stage, daemon: Daemon, name: str, text: str, make: Callable[[], Sequence[bytes]]
) -> Figure:
    values = []
    for _ in stage.times(REPEATS):
        requests = make()
        cpu = daemon.cpu()
        for request in requests:
            daemon.caller.mount(request)
        values.append((daemon.cpu() - cpu) / len(requests) * 1000)
    return Figure.of(name, text, values, "ms")
