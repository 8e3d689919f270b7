"""A node starts while one call to AWS in a hundred is throttled or dropped."""

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.rows.node import IDENTITIES, PODS, SECRETS
from benchmarks.stage import Stage

SHARE = 0.01


def row(stage: Stage) -> Iterator[Figure]:
    """Time of the whole, of the typical mount, and how many failed."""
    times, typical, failed = [], [], 0
    with stage.fakes() as fakes:
        fakes.disturb(SHARE)
        for _ in stage.times(4):
            with stage.daemon(fakes) as daemon:
                requests = stage.pods.node(PODS, IDENTITIES, SECRETS)
                burst = daemon.caller.burst(requests, may_fail=True)
            times.append(burst.milliseconds)
            typical.append(sorted(burst.each)[PODS // 2] * 1000)
            failed += len(burst.failures)
    yield Figure.of("disturbed", "node start, 1 % of calls throttled or dropped", times, "ms")
    yield Figure.of("disturbed.half", "… half of the pods", typical, "ms")
    yield Figure("disturbed.failed", "… failed mounts", failed, "mounts")
