"""The values last delivered, per identity: in memory only, bounded by bytes, least used goes first.

An entry is evidence, not an answer: whoever reads it decides by its times whether it still holds.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from provider.credentials import Identity
from provider.spec.models import ObjectRef
from provider.store import SecretValue

ENTRY_OVERHEAD = 1024
"""Bytes an entry costs beside its value: keys, strings, dict slots; rounded up."""


class Key(NamedTuple):
    """Whose value of what from where. Another identity's value is another entry, always."""

    identity: Identity
    region: str
    ref: ObjectRef


@dataclass(frozen=True, slots=True)
class Remembered:
    """A value and when it was known to be current.

    Times are those at which the answer came (`time.monotonic`): whoever arrived before may use it.
    """

    value: SecretValue = field(repr=False)
    fetched_at: float
    validated_at: float
    may_describe: bool = True
    """False once AWS denied the identity to ask for the version alone."""

    def validated(self, at: float) -> "Remembered":
        """The same, found to be current at that time."""
        return Remembered(self.value, self.fetched_at, at, self.may_describe)


class Memory:
    """Thread-safe LRU of `Remembered`, at most `max_bytes` in sum; 0 remembers nothing."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[Key, Remembered] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Remembered | None:
        """What is known of `key`, which counts as a use."""
        with self._lock:
            remembered = self._entries.get(key)
            if remembered is not None:
                self._entries.move_to_end(key)
            return remembered

    def put(self, key: Key, remembered: Remembered) -> None:
        """Remember, in place of what was known, unless that is newer."""
        size = _size(remembered)
        with self._lock:
            known = self._entries.get(key)
            if known is not None:
                if known.validated_at > remembered.validated_at:
                    return
                self._remove(key)
            if size > self._max_bytes:
                return
            self._entries[key] = remembered
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._remove(next(iter(self._entries)))

    def forget(self, key: Key) -> None:
        """Drop what is known of `key`."""
        with self._lock:
            if key in self._entries:
                self._remove(key)

    def size(self) -> tuple[int, int]:
        """Number of entries and the bytes they count for."""
        with self._lock:
            return len(self._entries), self._bytes

    def _remove(self, key: Key) -> None:
        self._bytes -= _size(self._entries.pop(key))


def _size(remembered: Remembered) -> int:
    return len(remembered.value.content) + ENTRY_OVERHEAD
