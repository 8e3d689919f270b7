"""The status as JSON: the daemon, and every live mount, failing ones first.

Fields may be added, none changes. It holds no value of a secret, and nothing derived from one.
"""

import asyncio
import json
import os
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any

from provider import __version__
from provider.csi.mount import DeliveredObject
from provider.csi.mount_registry import Mount, MountRegistry
from provider.csi.server.admission import Admission
from provider.runtime.log import timestamp


@dataclass(frozen=True, slots=True)
class StatusDocument:
    """Makes the document."""

    registry: MountRegistry
    admission: Admission
    node: str
    started: float = field(default_factory=monotonic)

    async def __call__(self) -> bytes:
        return await asyncio.to_thread(self._made_of, self.registry.live())

    def _made_of(self, mounts: list[Mount]) -> bytes:
        """Takes long where there are many."""
        document = {
            "format": 1,
            "now": _timestamp(monotonic()),
            "provider": {
                "version": __version__,
                "pid": os.getpid(),
                "node": self.node,
                "started": _timestamp(self.started),
                "mountsInProgress": self.admission.at_work,
                "mountsWaiting": self.admission.waiting,
            },
            "mounts": [_entry(mount) for mount in sorted(mounts, key=_order)],
        }
        return json.dumps(document).encode()


def _order(mount: Mount) -> tuple[bool, str, str, str]:
    return not mount.is_failing, str(mount.pod), mount.class_name, mount.target_path


def _entry(mount: Mount) -> dict[str, Any]:
    return {
        "namespace": mount.pod.namespace,
        "pod": mount.pod.name,
        "podUid": mount.pod.uid,
        "serviceAccount": mount.pod.service_account,
        "class": mount.class_name,
        "target": mount.target_path,
        "id": mount.id,
        "identity": str(mount.identity or ""),
        "failing": mount.is_failing,
        "objects": [_object(one) for one in mount.objects],
        "objectCount": mount.object_count,
        "firstSeen": _timestamp(mount.first_seen),
        "lastAttempt": _timestamp(mount.last_attempt),
        "lastSuccess": _timestamp(mount.delivery.at if mount.delivery else None),
        "lastKnownCurrent": _timestamp(mount.current_at),
        "fromMemory": mount.from_memory,
        "failures": mount.failures,
        "lastError": _error(mount),
    }


def _object(one: DeliveredObject) -> dict[str, str]:
    return {
        "name": one.ref.name,
        "type": one.ref.store,
        "id": one.id,
        "region": one.region,
        "version": one.version,
    }


def _error(mount: Mount) -> dict[str, Any] | None:
    if mount.failed_at is None:
        return None
    return {"reason": mount.reason, "text": mount.error, "at": _timestamp(mount.failed_at)}


def _timestamp(moment: float | None) -> str | None:
    """A time of `time.monotonic` in RFC 3339, by the wall clock as it is now."""
    return None if moment is None else timestamp(time() - (monotonic() - moment))
