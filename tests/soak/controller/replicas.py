"""Two replicas of the controller, each with an API server of its own that can be disturbed."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from testbed.api_proxy import ApiProxy
from testbed.aws import FakeAws
from testbed.cluster import Address, ClusterClient
from tests.controller.e2e.world import Process, World

LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/external-secrets-controller"
LEADS, LEADS_NO_MORE = "this replica is the leader", "this replica is no longer the leader"
STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Replica:
    """One process after the other, under one name."""

    world: World
    api: ApiProxy


class Replicas:
    """The controller, as its Deployment runs it."""

    def __init__(self, replicas: tuple[Replica, ...]) -> None:
        self.all = replicas
        self.world = replicas[0].world
        self.ended: list[tuple[Replica, float]] = []
        """When processes were stopped, in seconds since 1970."""

    @property
    def aws(self) -> FakeAws:
        """The one that they all ask."""
        return self.world.aws

    def any(self, random: Random) -> Replica:
        """One of them."""
        return random.choice(self.all)

    def start_missing(self) -> None:
        """Start those that do not run, and take every disturbance of their API servers away."""
        for one in self.all:
            one.api.faults.clear()
            one.api.restore()
            if not one.world.process.is_running:
                one.world.start_at_once()

    def stop(self, replica: Replica, number: signal.Signals) -> None:
        """Stop one, if it runs."""
        if replica.world.process.is_running:
            replica.world.process.stop(number, STOP_SECONDS)
            self.ended.append((replica, datetime.now(UTC).timestamp()))

    def steal_lease(self) -> None:
        """Let somebody else hold the Lease, who does not renew it."""
        change = {"spec": {"holderIdentity": "somebody-else"}}
        path = LEASE.format(self.world.home)
        self.world.cluster.ask("PATCH", path, change, "application/merge-patch+json")

    def leaderships(self) -> list[tuple[float, float]]:
        """From when to when a replica led, by the log; an end at infinity is still to come."""
        found = []
        for replica in self.all:
            ends = sorted(at for one, at in self.ended if one is replica)
            began = None
            for line in replica.world.log:
                if LEADS in line:
                    began = _time(line)
                elif LEADS_NO_MORE in line and began is not None:
                    found.append((began, _time(line)))
                    began = None
                elif '"starting"' in line and began is not None:
                    found.append((began, max(at for at in ends if at <= _time(line) + 0.5)))
                    began = None
            if began is not None:
                found.append((began, min([at for at in ends if at >= began], default=1e12)))
        return sorted(found)


def _time(line: str) -> float:
    return datetime.fromisoformat(json.loads(line)["time"]).timestamp()


@contextmanager
def running(
    folder: Path, address: Address, cluster: ClusterClient, home: str, *flags: str
) -> Iterator[Replicas]:
    """Two replicas that are not started; they end with the context."""
    cluster.make_namespace(home)
    with ExitStack() as stack:
        aws = stack.enter_context(FakeAws())
        aws.journal.clear()
        base = World(folder, address, cluster, aws, home, flags)
        base.home = base.controller_class = home
        found = []
        for number in range(2):
            place = folder / f"replica-{number}"
            place.mkdir()
            api = stack.enter_context(ApiProxy(address))
            name = f"--pod-name=controller-{number}"
            world = replace(
                base, folder=place, url=api.url, flags=(*flags, name), process=Process()
            )
            stack.callback(world.close)
            found.append(Replica(world, api))
        yield Replicas(tuple(found))
    cluster.do("DELETE", f"/api/v1/namespaces/{home}")
