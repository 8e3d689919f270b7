"""The status of the controller as JSON: ExternalSecrets and stores, failing ones first.

Fields may be added, none changes. It holds no value of a secret, and nothing derived from one. What
is shown is bounded; `counts` has the whole.
"""

import asyncio
import json
import os
from collections.abc import Iterable, Iterator
from heapq import nsmallest
from time import time
from typing import Any

from provider import __version__
from provider.controller.controller import Controller
from provider.controller.kinds import EXTERNAL_SECRETS
from provider.controller.monitoring.sync_registry import LastSync, shared_reads
from provider.controller.replica import Replica
from provider.controller.resources.object_meta import Condition
from provider.controller.resources.objects import ExternalSecret, Store
from provider.controller.resources.references import stores_of
from provider.controller.scheduling.schedule import Item
from provider.controller.status import ready_of, timestamp
from provider.controller.target.plan import target_name
from provider.controller.values.sync_record import SecretRead
from provider.controller.watch.object_cache import ObjectKey, Unreadable
from provider.controller.watch.watched import WatchedExternalSecret, readable

MOST_EXTERNAL_SECRETS = 1000
MOST_STORES = 200
MOST_SHARED = 100
SLICE = 50
"""Entries that are made until other tasks get their turn."""

Row = tuple[ObjectKey, ExternalSecret | Unreadable]
Json = dict[str, Any]


class StatusDocument:
    """Makes the document of a replica."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._started = time()

    async def __call__(self) -> bytes:
        """The document as it is now. What grows with the cluster is done in a thread."""
        controller = self._replica.controller
        document: Json = {
            "format": 1,
            "now": timestamp(time()),
            "controller": {
                "version": __version__,
                "pid": os.getpid(),
                "pod": self._replica.pod,
                "started": timestamp(self._started),
                "leading": controller is not None,
                "leader": self._replica.holder(),
            },
        }
        if controller is not None:
            document |= await _of_leader(controller)
        return await asyncio.to_thread(lambda: json.dumps(document).encode())


async def _of_leader(controller: Controller) -> Json:
    external_secrets = controller.informers.external_secrets
    total, items = len(external_secrets), external_secrets.items()
    stores = list(_stores(controller))
    chosen, failing = await asyncio.to_thread(_first, items)
    shared = await asyncio.to_thread(shared_reads, controller.syncs.all(), MOST_SHARED)
    queue = controller.queue
    return {
        "queue": {
            "waiting": queue.depth,
            "inProgress": queue.running,
            "scheduled": queue.scheduled,
            "oldestWaitSeconds": round(queue.oldest(), 3),
        },
        "counts": {
            "externalSecrets": total,
            "externalSecretsFailing": failing,
            "stores": len(stores),
            "storesFailing": sum(not _is_ready(one.conditions) for one in stores),
        },
        "stores": [_store(one) for one in nsmallest(MOST_STORES, stores, key=_store_order)],
        "externalSecrets": await _rows(controller, chosen),
        "shared": shared,
    }


async def _rows(controller: Controller, chosen: Iterable[Row]) -> list[Json]:
    """The entries of ExternalSecrets; other tasks get their turn in between."""
    entries: list[Json] = []
    for number, one in enumerate(chosen, 1):
        entries.append(_external_secret(controller, *one))
        if number % SLICE == 0:
            await asyncio.sleep(0)
    return entries


def _first(
    items: Iterable[tuple[ObjectKey, WatchedExternalSecret | Unreadable]],
) -> tuple[list[Row], int]:
    """The rows to show, and how many of all fail."""
    failing = 0

    def rows() -> Iterator[Row]:
        nonlocal failing
        for key, found in items:
            row = key, found if isinstance(found, Unreadable) else found.object
            failing += not _order(row)[0]
            yield row

    return nsmallest(MOST_EXTERNAL_SECRETS, rows(), key=_order), failing


def _order(row: Row) -> tuple[bool, ObjectKey]:
    key, found = row
    return not isinstance(found, Unreadable) and _is_ready(found.status.conditions), key


def _is_ready(conditions: Iterable[Condition]) -> bool:
    ready = ready_of(conditions)
    return ready is not None and ready.status == "True"


def _external_secret(
    controller: Controller, key: ObjectKey, found: ExternalSecret | Unreadable
) -> Json:
    entry: Json = {"namespace": key.namespace, "name": key.name}
    if isinstance(found, Unreadable):
        return {**entry, "ready": "False", "reason": "Unreadable", "message": found.error}
    spec, refreshed = found.spec, found.status.refresh_time
    due = controller.queue.due_in(Item(EXTERNAL_SECRETS.name, *key))
    return {
        **entry,
        **_condition(found.status.conditions),
        "secret": target_name(found.metadata, spec) if spec else "",
        "stores": [f"{one.kind}/{one.name}" for one in stores_of(spec)] if spec else [],
        "refreshIntervalSeconds": spec.refresh_interval if spec else None,
        "lastRefresh": None if refreshed is None else timestamp(refreshed),
        "next": None if due is None else timestamp(time() + due),
        **_reads(controller.syncs.get(key)),
    }


def _reads(sync: LastSync | None) -> Json:
    if sync is None:
        return {"calls": None, "secretCount": 0, "secrets": []}
    secrets = [_secret(one) for one in sync.reads]
    return {"calls": sync.calls, "secretCount": sync.total, "secrets": secrets}


def _secret(one: SecretRead) -> Json:
    return {
        "type": one.ref.store,
        "name": one.ref.name,
        "version": one.version,
        "region": one.session.region,
        "identity": str(one.session.identity),
    }


def _condition(conditions: Iterable[Condition]) -> Json:
    ready = ready_of(conditions) or Condition(status="Unknown")
    return {"ready": ready.status, "reason": ready.reason, "message": ready.message}


def _stores(controller: Controller) -> Iterable[Store]:
    for informer in controller.informers.stores.values():
        found = (readable(one) for _, one in informer.items())
        yield from (one.object for one in found if one is not None)


def _store_order(one: Store) -> tuple[bool, str, str, str]:
    return _is_ready(one.conditions), one.kind, one.metadata.namespace, one.metadata.name


def _store(one: Store) -> Json:
    place = {"kind": one.kind, "namespace": one.metadata.namespace, "name": one.metadata.name}
    return {**place, **_condition(one.conditions)}
