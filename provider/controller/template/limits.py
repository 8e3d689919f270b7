"""Limits of one rendering. Tenants write templates, so they are hostile input."""

from dataclasses import dataclass
from typing import Protocol

from provider.controller.template.errors import LimitExceeded

STEP_SECONDS = 2e-6


class Expired(Protocol):
    """Says when work is to end."""

    def __call__(self, steps: int = 0, /) -> bool:
        """Whether the time is over, or would be after so many more steps."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one template and of one rendering."""

    text_bytes: int = 1 << 20  # of the template, and of each text that a function returns
    steps: int = 500_000  # evaluated nodes, and work of functions in the same unit
    output_bytes: int = 2 << 20  # a Kubernetes Secret holds 1 MiB
    memory_bytes: int = 32 << 20  # the sum of all that functions return, not what is alive
    depth: int = 100  # nested blocks, templates, parentheses and documents
    sorted_items: int = 50_000  # at once, for the same reason as the next one
    json_bytes: int = 256 << 10  # of one document: the parser holds the event loop meanwhile
    tokens: int = 100_000  # of the template
    variables: int = 1000  # that are known at one place
    padding: int = 100_000  # characters of one width, precision or indentation


class Budget:
    """Counts what a rendering uses. Every method raises `LimitExceeded` beyond a limit."""

    def __init__(self, limits: Limits, expired: Expired | None = None) -> None:
        self.limits = limits
        self._steps = limits.steps
        self._memory = limits.memory_bytes
        self._output = limits.output_bytes
        self._expired = expired
        self._next_check = limits.steps

    def step(self, count: int = 1) -> None:
        """Counts work, before it is done. Checks the deadline every 256 steps."""
        self._steps -= count
        if self._steps < 0:
            raise LimitExceeded(f"the template takes more than {self.limits.steps} steps")
        if self._steps <= self._next_check:
            self._next_check = self._steps - 256
            self.before(count)

    def before(self, steps: int) -> None:
        """Checks that there is time for work that takes so many steps at worst, and counts none.

        For work that cannot be interrupted, and mostly takes far less.
        """
        if self._expired is not None and self._expired(steps):
            raise LimitExceeded("the template takes too long")

    def memory(self, size: int) -> None:
        """Counts `size` bytes, before they are allocated where that is possible."""
        self._memory -= size
        if self._memory < 0:
            raise LimitExceeded(
                f"the template's values exceed {self.limits.memory_bytes >> 20} MiB in total"
            )
        if size > 4096:
            self.step(size >> 12)

    def text(self, size: int) -> None:
        """Checks the size of a text, in bytes."""
        if size > self.limits.text_bytes:
            raise LimitExceeded(f"a text exceeds {self.limits.text_bytes} bytes")

    def sorting(self, count: int) -> None:
        """Checks the number of what is to be sorted."""
        if count > self.limits.sorted_items:
            raise LimitExceeded(f"more than {self.limits.sorted_items} texts are sorted")

    def json(self, size: int) -> None:
        """Checks the size of a JSON document, in bytes."""
        if size > self.limits.json_bytes:
            raise LimitExceeded(f"a JSON document exceeds {self.limits.json_bytes} bytes")

    def output(self, size: int) -> None:
        """Counts `size` bytes of output."""
        self._output -= size
        if self._output < 0:
            raise LimitExceeded(f"the output exceeds {self.limits.output_bytes} bytes")

    def depth(self, depth: int) -> None:
        """Checks a depth of nesting."""
        if depth > self.limits.depth:
            raise LimitExceeded(f"nested more than {self.limits.depth} levels deep")

    def padding(self, width: int) -> None:
        """Checks a width, a precision or an indentation."""
        if width > self.limits.padding:
            raise LimitExceeded(f"padded to more than {self.limits.padding} characters")
