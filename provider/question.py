"""What a mount wants to know, and how new the answer has to be."""

from dataclasses import dataclass, field

from provider.credentials import Principal
from provider.deadline import Deadline
from provider.memory import Remembered
from provider.spec.models import ObjectRef
from provider.trail import Trail


@dataclass(frozen=True, slots=True)
class Freshness:
    """How new an answer must be: it came at `since` (`time.monotonic`) or later.

    An answer that came after a mount arrived was on its way then, or was asked for since: the mount
    would have joined it, had a thread been free. With `by_fetch` only a fetch counts, otherwise
    being found unchanged is as good.
    """

    since: float
    by_fetch: bool

    @classmethod
    def first_mount(cls, arrived: float) -> "Freshness":
        """Fetched since the pod asked: restarting a pod is how people ask for the new value."""
        return cls(arrived, by_fetch=True)

    @classmethod
    def remount(cls, arrived: float, interval: float) -> "Freshness":
        """Found current by anyone of the identity within `interval` seconds."""
        return cls(arrived - interval, by_fetch=False)

    def accepts(self, ref: ObjectRef, remembered: Remembered) -> bool:
        """Whether `remembered` answers the question without a call."""
        if self.by_fetch:
            return remembered.fetched_at >= self.since
        return is_pinned(ref, remembered) or remembered.validated_at >= self.since


def is_pinned(ref: ObjectRef, remembered: Remembered) -> bool:
    """Whether the ref names one version that is there."""
    return ref.is_pinned and remembered.value.found


@dataclass(frozen=True, slots=True)
class Question:
    """What all refs of one mount have in common."""

    principal: Principal
    freshness: Freshness
    deadline: Deadline
    trail: Trail = field(default_factory=Trail, compare=False)
