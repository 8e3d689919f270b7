"""Which ExternalSecrets read the same secret as the same identity, and so share its calls."""

from collections import defaultdict
from collections.abc import Mapping
from heapq import nsmallest
from typing import Any

from provider.controller.monitoring.sync_registry import LastSync
from provider.controller.values.sync_record import SecretRead
from provider.controller.watch.object_cache import ObjectKey

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
