"""CPU of the daemon for one mount of 5 secrets, without latency.

The kinds of mounts take turns, so that a short load on the machine affects one repeat of each kind
and not all repeats of one.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.daemon import Daemon
from benchmarks.figures import Figure
from benchmarks.stage import ALWAYS_ASK, Stage

PODS, SECRETS = 110, 5
"""As many identities as pods: the first mount of a pod takes what another pod of its identity
asked for within half a second, and would not fetch."""
APART = 0.6
"""Seconds between two turns."""
REPEATS = 9

Requests = Callable[[], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of mount, and the daemon that is asked; `requests` are made before each turn."""

    name: str
    text: str
    daemon: Daemon
    requests: Requests
    milliseconds: list[float] = field(default_factory=list)

    def measure(self) -> None:
        requests = self.requests()
        time.sleep(APART)
        before = self.daemon.cpu()
        for request in requests:
            self.daemon.caller.mount(request)
        self.milliseconds.append((self.daemon.cpu() - before) / len(requests) * 1000)


def row(stage: Stage) -> Iterator[Figure]:
    """New pods by both kinds of identity, and unchanged remounts both ways."""
    with (
        stage.fakes(identities=PODS, latency_ms=0) as fakes,
        stage.daemon(fakes, ALWAYS_ASK) as asking,
        stage.daemon(fakes) as remembering,
    ):
        node = stage.pods.node(PODS, PODS, SECRETS)
        for daemon in (asking, remembering):
            daemon.caller.burst(node)
        by_irsa, by_agent = _new(stage), _new(stage, pod_identity=True)
        memory = "CPU: unchanged remount, from memory"
        kinds = [
            _Kind("cpu.new", "CPU: new pod, identity known", asking, by_irsa),
            _Kind("cpu.new.pod-identity", "CPU: new pod, Pod Identity", asking, by_agent),
            _Kind("cpu.asked", "CPU: unchanged remount, asked", asking, lambda: node),
            _Kind("cpu.memory", memory, remembering, lambda: node),
        ]
        if stage.reference:  # the address of its agent is fixed
            kinds = [kind for kind in kinds if kind.name != "cpu.new.pod-identity"]
        for _ in stage.times(REPEATS):
            for kind in kinds:
                kind.measure()
        for kind in kinds:
            yield Figure.of(kind.name, kind.text, kind.milliseconds, "ms")


def _new(stage: Stage, *, pod_identity: bool = False) -> Requests:
    def make() -> Sequence[bytes]:
        return [
            stage.pods.request(number, SECRETS, pod_identity=pod_identity) for number in range(PODS)
        ]

    return make
