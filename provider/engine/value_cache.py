"""The values last read, for each identity: in memory only, bounded by the bytes that they take.

`is_fresh` decides by the times of an entry whether it may be used without a call.

When the cache is full, the namespace that holds the most loses the oldest entry of its identity
that holds the most. So no namespace pushes out the values of others, however many identities it
has, and no identity those of its namespace.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from sys import getsizeof
from typing import NamedTuple

from provider.engine.freshness import Freshness
from provider.engine.model import Identity, SecretRef, SecretValue

ENTRY_OVERHEAD = 900
"""Bytes of an entry beside its strings and its content: objects and slots of dictionaries."""

MOST_VALIDATIONS = 10
MOST_SECONDS = 3600.0
"""After so many validations, or so long, a value is read again: the right to read it may have been
revoked, which a validation does not tell."""


class Key(NamedTuple):
    """Whose value, from where, of what. Another identity's value is always another entry."""

    identity: Identity
    region: str
    ref: SecretRef


@dataclass(frozen=True, slots=True)
class Remembered:
    """A value, and when it was asked for and found to be current (`time.monotonic`)."""

    value: SecretValue = field(repr=False)
    read_at: float
    validated_at: float
    validations: int = 0
    may_describe: bool = True
    """False once AWS denied the identity to ask for the version alone."""

    def validated(self, at: float) -> "Remembered":
        """The same value, found to be current at that moment."""
        return replace(self, validated_at=at, validations=self.validations + 1)

    def needs_reading(self, now: float) -> bool:
        """Whether it is time to read the value again although a validation would do."""
        return self.validations >= MOST_VALIDATIONS or now - self.read_at >= MOST_SECONDS


def is_fresh(remembered: Remembered, ref: SecretRef, freshness: Freshness, now: float) -> bool:
    """Whether the value may be used without a call."""
    if freshness.by_reading:
        return remembered.read_at >= freshness.since
    if ref.is_immutable and remembered.value.found:
        return not remembered.needs_reading(now)
    return remembered.validated_at >= freshness.since


class ValueCache:
    """Keeps at most `max_bytes` of entries in all; 0: none."""

    def __init__(self, max_bytes: int) -> None:
        self.bytes = 0
        """Of all entries."""
        self._max_bytes = max_bytes
        self._entries: dict[Identity, OrderedDict[Key, Remembered]] = {}
        self._bytes: dict[str, dict[Identity, int]] = {}
        """By namespace and identity."""
        self._namespaces: Counter[str] = Counter()

    def get(self, key: Key) -> Remembered | None:
        """The entry of `key`, None without one; it counts as a use."""
        entries = self._entries.get(key.identity)
        if entries is None or key not in entries:
            return None
        entries.move_to_end(key)
        return entries[key]

    def put(self, key: Key, remembered: Remembered) -> None:
        """Replace the entry of `key`, unless the old one is newer."""
        known = self.get(key)
        if known is not None:
            if known.validated_at > remembered.validated_at or known.read_at > remembered.read_at:
                return
            self.forget(key)
        size = _size(key, remembered)
        if size > self._max_bytes:
            return
        self._entries.setdefault(key.identity, OrderedDict())[key] = remembered
        self._count(key.identity, size)
        while self.bytes > self._max_bytes:
            self.forget(next(iter(self._entries[self._largest()])))

    def forget(self, key: Key) -> None:
        entries = self._entries.get(key.identity)
        if not entries or key not in entries:
            return
        self._count(key.identity, -_size(key, entries.pop(key)))
        if not entries:
            namespace = key.identity.namespace
            del self._entries[key.identity], self._bytes[namespace][key.identity]
            if not self._bytes[namespace]:
                del self._bytes[namespace], self._namespaces[namespace]

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def _largest(self) -> Identity:
        held = self._bytes[max(self._namespaces, key=self._namespaces.__getitem__)]
        return max(held, key=held.__getitem__)

    def _count(self, identity: Identity, size: int) -> None:
        self.bytes += size
        self._namespaces[identity.namespace] += size
        held = self._bytes.setdefault(identity.namespace, {})
        held[identity] = held.get(identity, 0) + size


def _size(key: Key, remembered: Remembered) -> int:
    strings = (key.ref.name, key.ref.version, key.ref.label, remembered.value.version)
    return (
        ENTRY_OVERHEAD
        + getsizeof(remembered.value.content)
        + sum(getsizeof(text) for text in strings if text)
    )
