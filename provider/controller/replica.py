"""What this replica does at the moment, for probes, gauges and the status."""

from provider.controller.controller import Controller
from provider.controller.leader import Leader


class Replica:
    """`pod` is the name of its pod, by which it holds the Lease."""

    def __init__(self, pod: str) -> None:
        self.pod = pod
        self.leader: Leader | None = None
        """None without leader election."""
        self.controller: Controller | None = None
        """None while another replica is the leader."""

    def is_leading(self) -> bool:
        """Whether it may write."""
        return self.leader is None or self.leader.is_leading()

    def holder(self) -> str:
        """The pod that works, as far as it is known; else empty."""
        if self.controller is not None:
            return self.pod
        return self.leader.seen_holder if self.leader is not None else ""

    async def problem(self) -> str | None:
        """Why it cannot work, or cannot take over from another replica; else None."""
        if self.leader is not None and self.leader.failure:
            return self.leader.failure
        missing = self.controller.informers.missing() if self.controller is not None else []
        return f"not all objects are known: no list of {', '.join(missing)}" if missing else None
