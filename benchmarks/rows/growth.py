"""What more of it costs: a secret in a mount of many, a pod in a crowd."""

import time
from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.stage import Stage

SIZES = (1, 5, 20, 50, 100)
CROWDS = (10, 110, 500)
SECRETS = 5
REPEATS = 7
APART = 0.6
"""Seconds after which a first mount takes nothing that was asked for by another pod."""


def secrets(stage: Stage) -> Iterator[Figure]:
    """New pods of a known identity with more and more secrets."""
    with stage.fakes(identities=1, secrets=max(SIZES)) as fakes, stage.daemon(fakes) as daemon:
        daemon.caller.mount(stage.pods.request(0, max(SIZES)))
        for size in SIZES:
            times, cpus = [], []
            for _ in stage.times(REPEATS):
                request = stage.pods.request(0, size)
                time.sleep(APART)
                cpu = daemon.cpu()
                times.append(daemon.caller.mount(request) * 1000)
                cpus.append((daemon.cpu() - cpu) * 1000 / size)
            name = f"growth.secrets.{size}"
            yield Figure.of(name, f"{size} secrets in a mount", times, "ms")
            yield Figure.of(f"{name}.cpu", "… CPU per secret", cpus, "ms")


def pods(stage: Stage) -> Iterator[Figure]:
    """Crowds of new pods, as many to an identity as on a full node, to a daemon just started."""
    identities = {crowd: max(1, round(crowd * 30 / 110)) for crowd in CROWDS}
    with stage.fakes(identities=max(identities.values())) as fakes:
        for crowd in CROWDS:
            times, cpus, typical = [], [], []
            for _ in stage.times(3):
                requests = stage.pods.node(crowd, identities[crowd], SECRETS)
                with stage.daemon(fakes) as daemon:
                    cpu = daemon.cpu()
                    burst = daemon.caller.burst(requests)
                    cpus.append((daemon.cpu() - cpu) * 1000 / crowd)
                times.append(burst.milliseconds)
                typical.append(sorted(burst.each)[crowd // 2] * 1000)
            name = f"growth.pods.{crowd}"
            yield Figure.of(name, f"{crowd} pods at once, all served", times, "ms")
            yield Figure.of(f"{name}.half", "… half of them", typical, "ms")
            yield Figure.of(f"{name}.cpu", "… CPU per pod", cpus, "ms")
