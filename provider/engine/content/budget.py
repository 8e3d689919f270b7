"""How much work the content of secrets may cause for one request.

JMESPath expressions and key patterns are written by users, and a small one can cause work without
end. One budget is shared by everything that one request evaluates. A step takes some microseconds
at most, so the steps bound the CPU time; the size bounds what is built in memory.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from provider.errors import InvalidRequest, OutOfTime

_STEPS = 200_000
_SIZE = 16 * 1024 * 1024
_STEPS_ON_LOOP = 1_500
_SIZE_ON_LOOP = 64 * 1024
"""A step on a long text, such as a search in it, may take a millisecond."""
_BYTES_A_STEP = 32
"""Bytes of JSON that are parsed or written in about a step."""


class TooCostly(InvalidRequest):
    """The work is more than one request may cause; the request has to be made simpler."""


@dataclass(slots=True, kw_only=True)
class Budget:
    """Steps and bytes that are left; `deadline` is of `time.monotonic`."""

    steps: int = _STEPS
    size: int = _SIZE
    deadline: float = math.inf
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def for_loop(cls) -> "Budget":
        """A budget of a few milliseconds, for work that is tried on the event loop first."""
        return cls(steps=_STEPS_ON_LOOP, size=_SIZE_ON_LOOP)

    def spend(self, steps: int, size: int = 0) -> None:
        """Pay for work before it is done, `size` in bytes.

        Raises `TooCostly` if too little is left, `OutOfTime` if the deadline has passed.
        """
        self.steps -= steps
        self.size -= size
        if self.steps < 0 or self.size < 0:
            raise TooCostly("takes more work than one request may cause: make it simpler")
        if self.clock() >= self.deadline:
            raise OutOfTime("the time for this request is over")

    def spend_on_bytes(self, size: int) -> None:
        """Pay for parsing or writing this many bytes; raises as `spend` does."""
        self.spend(1 + size // _BYTES_A_STEP, size)
