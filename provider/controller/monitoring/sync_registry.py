"""What the last sync of each ExternalSecret read, and which of them share their calls."""

from collections import defaultdict
from collections.abc import Mapping
from heapq import nsmallest
from itertools import accumulate, islice, takewhile
from typing import Any, NamedTuple

from provider.controller.values.sync_record import SecretRead, Session, SyncRecord
from provider.controller.watch.object_cache import ObjectKey
from provider.runtime.lru import Lru

MOST_READS = 50
"""Secrets of one ExternalSecret that are kept."""
MOST_CHARACTERS = 4096
"""Of their names; the name of a parameter may have a thousand."""
MOST_SESSIONS = 1000
"""Sessions that are in memory once for all ExternalSecrets that use them."""


class LastSync(NamedTuple):
    """`total` is the number of secrets that were read, `calls` that of calls to AWS."""

    reads: tuple[SecretRead, ...]
    total: int
    calls: int


class SyncRegistry:
    """One for a time as the leader. Its size is that of the ExternalSecrets."""

    def __init__(self) -> None:
        self._syncs: dict[ObjectKey, LastSync] = {}
        self._sessions: Lru[Session, Session] = Lru(MOST_SESSIONS)

    def note(self, key: ObjectKey, record: SyncRecord) -> bool:
        """Keep what a sync read; returns whether it differs from the last time."""
        reads, old = record.reads, self._syncs.get(key)
        lengths = accumulate(len(one.ref.name) for one in reads)
        few = takewhile(lambda one: one[1] <= MOST_CHARACTERS, zip(reads, lengths, strict=True))
        kept = tuple(self._kept(one) for one, _ in islice(few, MOST_READS))
        new = LastSync(kept, len(reads), record.trace.calls)
        is_same = old is not None and (old.reads, old.total) == (new.reads, new.total)
        # The old texts stay, so that the values of one object are in memory once.
        self._syncs[key] = new._replace(reads=old.reads) if old is not None and is_same else new
        return not is_same

    def _kept(self, read: SecretRead) -> SecretRead:
        """What is kept of a secret that was read: without the ARN, which the name stands for."""
        session = self._sessions.get(read.session, read.session)
        self._sessions.put(session, session)
        return read._replace(session=session, arn="")

    def forget(self, key: ObjectKey) -> None:
        """Drop the entry of an ExternalSecret that does not exist any more."""
        self._syncs.pop(key, None)

    def get(self, key: ObjectKey) -> LastSync | None:
        """The last sync that read what it should; None if there was none."""
        return self._syncs.get(key)

    def all(self) -> Mapping[ObjectKey, LastSync]:
        """A copy of everything, for another thread."""
        return dict(self._syncs)


MOST_NAMES = 10
"""ExternalSecrets that one entry names."""


def shared_reads(syncs: Mapping[ObjectKey, LastSync], most: int) -> list[dict[str, Any]]:
    """The secrets that several ExternalSecrets read, those with the most readers first."""
    readers: dict[SecretRead, list[ObjectKey]] = defaultdict(list)
    for key, sync in syncs.items():
        for read in sync.reads:
            readers[read._replace(version="", arn="")].append(key)
    shared = [(read, keys) for read, keys in readers.items() if len(keys) > 1]
    first = nsmallest(most, shared, key=lambda one: (-len(one[1]), one[0].ref.name))
    return [_entry(*one) for one in first]


def _entry(read: SecretRead, keys: list[ObjectKey]) -> dict[str, Any]:
    return {
        "type": read.ref.store,
        "name": read.ref.name,
        "region": read.session.region,
        "identity": str(read.session.identity),
        "externalSecretCount": len(keys),
        "externalSecrets": ["/".join(key) for key in sorted(keys)[:MOST_NAMES]],
    }
