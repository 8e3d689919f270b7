"""Threads for AWS calls, a bounded pool per region.

A region that hangs keeps the threads of its own lane busy and no others, so the other region can
still answer. Mounts wait in threads of their own: a pool that runs both dead-locks.
"""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import ParamSpec, TypeVar

from provider.workers import Workers

P = ParamSpec("P")
T = TypeVar("T")

MAX_LANES = 4
"""Regions with a lane of their own; a node uses one or two. The rest share one more."""


class Lanes:
    """Runs calls side by side, at most `width` per region."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._lanes: dict[str, Workers] = {}
        self._lock = Lock()

    def submit(
        self, region: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Run in the lane of `region`, queued behind what that lane has to do already."""
        return self._lane(region).submit(function, *args, **kwargs)

    def close(self) -> None:
        """Take no more work, drop what waits; what runs is cut by its own deadline."""
        with self._lock:
            for lane in self._lanes.values():
                lane.close()

    def _lane(self, region: str) -> Workers:
        with self._lock:
            name = region if region in self._lanes or len(self._lanes) < MAX_LANES else "other"
            if name not in self._lanes:
                self._lanes[name] = Workers(self._width, name)
            return self._lanes[name]
