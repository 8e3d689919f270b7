"""What was asked of a fake, in order."""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `identity` is the caller's session or user, `target` what it asked for."""

    service: str
    operation: str
    region: str
    identity: str
    target: str
    status: int
    at: float
    """`time.monotonic` when it was answered."""


class Journal:
    """Calls and their numbers; `keep=False` counts only, for long benchmarks."""

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        self.calls: list[Call] = []
        self.totals: Counter[tuple[str, str, str]] = Counter()
        """Calls by (service, operation, region)."""

    def record(self, call: Call) -> None:
        """Add one call."""
        self.totals[call.service, call.operation, call.region] += 1
        if self._keep:
            self.calls.append(call)

    def count(
        self, operation: str | None = None, *, service: str | None = None, region: str | None = None
    ) -> int:
        """How many calls match."""
        return sum(
            number
            for (its_service, its_operation, its_region), number in list(self.totals.items())
            if operation in {None, its_operation}
            and service in {None, its_service}
            and region in {None, its_region}
        )

    def clear(self) -> None:
        """Forget all."""
        self.calls.clear()
        self.totals.clear()
