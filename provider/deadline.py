"""A point in time until which an answer is due, on the monotonic clock."""

from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until `at` (seconds, `time.monotonic`) work makes sense; after it nobody listens."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """A deadline this many seconds from now."""
        return cls(monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - monotonic())

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return monotonic() >= self.at

    def within(self, seconds: float) -> "Deadline":
        """The earlier of this deadline and one this many seconds from now."""
        return Deadline(min(self.at, monotonic() + seconds))
