"""Resident memory and threads: idle, during and after everything a node may ask of a daemon."""

import time
from collections.abc import Iterator

from benchmarks.calls import Caller
from benchmarks.figures import Figure
from benchmarks.pods import Pods
from benchmarks.rows.node import IDENTITIES, PODS, SECRETS
from benchmarks.stage import Stage

SETTLE = 1.0
"""Seconds of idle time before memory is read the last time."""


def row(stage: Stage) -> Iterator[Figure]:
    """One daemon: single mounts, a node, remounts, 500 pods at once, 100 secrets a mount."""
    with stage.fakes(identities=IDENTITIES, secrets=100) as fakes, stage.daemon(fakes) as daemon:
        yield Figure("memory.idle", "resident memory, idle", daemon.memory(), "MiB")
        caller, pods = daemon.caller, stage.pods
        with daemon.most_threads() as most:
            _load(caller, pods)
        time.sleep(SETTLE)
        yield Figure("memory.peak", "… at its peak", daemon.memory("VmHWM"), "MiB")
        yield Figure("memory.after", "… after all of it", daemon.memory(), "MiB")
        yield Figure("memory.threads", "most threads at any time of it", most[0], "threads")


def _load(caller: Caller, pods: Pods) -> None:
    for secrets in (1, 5, 20, 100):
        caller.mount(pods.request(0, secrets))
    node = pods.node(PODS, IDENTITIES, SECRETS)
    for _ in range(5):
        caller.burst(node)
    for request in pods.node(3 * PODS, IDENTITIES, SECRETS):
        caller.mount(request)
    caller.burst(pods.node(500, IDENTITIES, SECRETS))
    caller.burst([pods.request(number, 100) for number in range(10)])
