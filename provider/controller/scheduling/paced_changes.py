"""Bounds how long changes of objects that others name hold the event loop.

Each change has all ExternalSecrets of its namespace looked through. A tenant may have ten thousand
of them, and change an object many times a second.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from provider.runtime.lru import Lru

SHARE = 20
"""The next look into a namespace waits for so many times as long as the last one took."""
REMEMBERED = 1000
"""Namespaces whose last look is remembered."""

Handle = Callable[[str, Sequence[tuple[str, str]]], object]
"""Called with a namespace, and kind and name of what has changed there."""


Later = Callable[[float, Callable[[str], object], str], object]
"""`call_later` of an event loop: seconds, what to call, and the namespace to call it with."""


def _call_later(seconds: float, call: Callable[[str], object], namespace: str) -> object:
    return asyncio.get_running_loop().call_later(seconds, call, namespace)


class PacedChanges:
    """Calls `handle` at once, or later with all changes of the namespace until then."""

    def __init__(
        self,
        handle: Handle,
        *,
        clock: Callable[[], float] = monotonic,
        later: Later = _call_later,
    ) -> None:
        self._handle = handle
        self._clock = clock
        self._later = later
        self._waiting: dict[str, dict[tuple[str, str], None]] = {}
        self._free_at: Lru[str, float] = Lru(REMEMBERED)

    def add(self, kind: str, namespace: str, name: str) -> None:
        """An object has changed."""
        is_first = namespace not in self._waiting
        self._waiting.setdefault(namespace, {})[kind, name] = None
        wait = self._free_at.get(namespace, 0.0) - self._clock()
        if wait <= 0:
            self._handle_all(namespace)
        elif is_first:
            self._later(wait, self._handle_all, namespace)

    def _handle_all(self, namespace: str) -> None:
        changed = self._waiting.pop(namespace, None)
        if changed is None:
            return
        began = self._clock()
        self._handle(namespace, list(changed))
        now = self._clock()
        self._free_at.put(namespace, now + SHARE * (now - began))
