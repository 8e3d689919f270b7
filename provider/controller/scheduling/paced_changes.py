"""Bounds how long changes of objects that others name hold the event loop.

Each change has all ExternalSecrets of its namespace looked through. A tenant may have ten thousand
of them, and change an object many times a second.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from time import monotonic

SLICE = 0.01
"""Seconds of work until other tasks get their turn."""
SHARE = 20
"""The work of a namespace then pauses for so many times as long as it took."""

Handle = Callable[[str, Sequence[tuple[str, str]]], Iterator[object]]
"""Called with a namespace, and kind and name of what has changed there; each item of the iterator
is a small step of the work."""


Later = Callable[[float, Callable[[str], object], str], object]
"""`call_later` of an event loop: seconds, what to call, and the namespace to call it with."""


def _call_later(seconds: float, call: Callable[[str], object], namespace: str) -> object:
    return asyncio.get_running_loop().call_later(seconds, call, namespace)


class PacedChanges:
    """Has `handle` work on changes at once, or with all changes during a pause after it."""

    def __init__(
        self, handle: Handle, *, clock: Callable[[], float] = monotonic, later: Later = _call_later
    ) -> None:
        self._handle = handle
        self._clock = clock
        self._later = later
        self._changed: dict[str, dict[tuple[str, str], None]] = {}
        self._steps: dict[str, Iterator[object]] = {}
        self._paused: set[str] = set()

    def add(self, kind: str, namespace: str, name: str) -> None:
        """An object has changed."""
        self._changed.setdefault(namespace, {})[kind, name] = None
        if namespace not in self._paused:
            self._work(namespace)

    def _work(self, namespace: str) -> None:
        """Work for one slice, and go on after a pause if something is left, or has come."""
        self._paused.discard(namespace)
        steps = self._steps.pop(namespace, None)
        if steps is None:
            changed = self._changed.pop(namespace, None)
            if changed is None:
                return
            steps = self._handle(namespace, list(changed))
        began = self._clock()
        for _ in steps:
            if self._clock() - began >= SLICE:
                self._steps[namespace] = steps
                break
        self._paused.add(namespace)
        self._later(SHARE * (self._clock() - began), self._work, namespace)
