"""What an ExternalSecret at rest and its Secret cost in memory.

Counted by tracemalloc in this process, so it is the same on every machine. Resident memory, which
other rows have, also holds what was needed once and what the allocator keeps.
"""

import base64
import gc
import json
import tracemalloc
from typing import Any

from provider.controller.config import Config
from provider.controller.kinds import EXTERNAL_SECRETS
from provider.controller.monitoring.metrics import ExternalSecretMetrics
from provider.controller.reconcile.backlog import Backlog
from provider.controller.reconcile.known import KnownExternalSecrets
from provider.controller.reconcile.triggers import Triggers
from provider.controller.resources.hashes import (
    DATA_HASH_ANNOTATION,
    MANAGED_LABEL,
    OWNER_LABEL,
    data_hash,
    owner_label,
    synced_resource_version,
)
from provider.controller.scheduling.schedule import Item, Schedule
from provider.controller.watch.informers import Informers
from provider.controller.watch.watched import readable
from provider.runtime.metrics import Metrics
from provider.runtime.options import configure

_IN_EACH_NAMESPACE = 25
_PAGE = 250
_KEYS = ("own", "shared")


def bytes_per_object(number: int) -> float:
    """Bytes for each of so many ExternalSecrets in informers, index, schedule and metrics."""
    _AtRest().fill(1)  # what the process needs once
    gc.collect()
    tracemalloc.start()
    try:
        held = _AtRest()
        held.fill(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / number
    finally:
        tracemalloc.stop()


class _AtRest:
    """The parts of a controller that remember each object."""

    def __init__(self) -> None:
        self._informers = Informers(None, configure(Config, {}, {}), None)  # type: ignore[arg-type]  # nothing runs
        self._known = KnownExternalSecrets(
            self._informers, controller_class="default", flood_gate=True
        )
        self._schedule = Schedule(share=1, most=1)
        self._metrics = ExternalSecretMetrics(Metrics())
        triggers = Triggers(self._schedule.add, self._informers, self._known, Backlog())
        triggers.attach(lambda _store: 300.0)

    def fill(self, number: int) -> None:
        """Take in objects that are synced, as pages of a list bring them."""
        secrets, external_secrets = self._informers.secrets, self._informers.external_secrets
        for first in range(0, number, _PAGE):
            numbers = range(first, min(first + _PAGE, number))
            for document in json.loads(json.dumps([_secret(one) for one in numbers])):
                secrets.put(document)
            for document in json.loads(json.dumps([_external_secret(one) for one in numbers])):
                external_secrets.put(document)
        for key, one in external_secrets.items():
            if found := readable(one):
                self._schedule.add(Item(EXTERNAL_SECRETS.name, *key), 3600.0)
                self._metrics.reconciled(key, 0.1)
                self._metrics.synced(found.metadata, failed=False)
                self._metrics.ready(found.metadata, "True")


def _about(number: int) -> dict[str, Any]:
    namespace = f"team-{number // _IN_EACH_NAMESPACE}"
    uid = f"0b8c4b4e-6a55-4b57-9a4f-{number:012d}"
    about = {"name": f"es-{number}", "namespace": namespace, "uid": uid, "generation": 1}
    entry = {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {"f:data": {}}}}
    return {**about, "resourceVersion": str(10_000 + number), "managedFields": [entry]}


def _external_secret(number: int) -> dict[str, Any]:
    """As the API server returns one, with all defaults."""
    about = _about(number)
    defaults = {
        "conversionStrategy": "Default",
        "decodingStrategy": "None",
        "metadataPolicy": "None",
        "nullBytePolicy": "Ignore",
    }
    refs = {"own": f"own-{number}", "shared": "shared"}
    data = [
        {"secretKey": name, "remoteRef": {"key": refs[name], "property": "value", **defaults}}
        for name in _KEYS
    ]
    time = "2026-11-28T12:00:00Z"
    ready = {"type": "Ready", "status": "True", "reason": "SecretSynced"}
    return {
        "metadata": about,
        "spec": {
            "refreshInterval": "1h0m0s",
            "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
            "target": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
            "data": data,
        },
        "status": {
            "refreshTime": time,
            "syncedResourceVersion": synced_resource_version(1, {}, {}),
            "binding": {"name": about["name"]},
            "conditions": [{**ready, "message": "secret synced", "lastTransitionTime": time}],
        },
    }


def _secret(number: int) -> dict[str, Any]:
    about, values = _about(number), dict.fromkeys(_KEYS, b"value")
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "controller": True}
    metadata = {
        **about,
        "labels": {
            MANAGED_LABEL: "true",
            OWNER_LABEL: owner_label(about["namespace"], about["name"]),
        },
        "annotations": {DATA_HASH_ANNOTATION: data_hash(values)},
        "ownerReferences": [{**owner, "name": about["name"], "uid": about["uid"]}],
    }
    data = {name: base64.b64encode(value).decode() for name, value in values.items()}
    return {"metadata": metadata, "data": data}
