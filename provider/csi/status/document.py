"""The status as JSON: what the daemon is, and every live mount, failing ones first.

Fields may be added, none will change. No value is in it, nor anything made of one.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic, time
from typing import Any

from provider import __version__
from provider.csi.status.mount_registry import Book, LiveMount


class StatusDocument:
    """Makes the document; `in_progress` and `waiting` count mounts."""

    def __init__(
        self,
        book: Book,
        *,
        node: str,
        in_progress: Callable[[], int],
        waiting: Callable[[], int],
    ) -> None:
        self._book = book
        self._node = node
        self._in_progress = in_progress
        self._waiting = waiting
        self._started = monotonic()

    def __call__(self) -> bytes:
        """The document as it is now."""
        mounts = sorted(self._book.live(), key=_order)
        document = {
            "format": 1,
            "now": _moment(monotonic()),
            "provider": {
                "version": __version__,
                "pid": os.getpid(),
                "node": self._node,
                "started": _moment(self._started),
                "mountsInProgress": self._in_progress(),
                "mountsWaiting": self._waiting(),
            },
            "mounts": [_entry(mount) for mount in mounts],
        }
        return json.dumps(document).encode()


def _order(mount: LiveMount) -> tuple[bool, str, str, str]:
    return not mount.is_failing, str(mount.pod), mount.class_name, mount.target_path


def _entry(mount: LiveMount) -> dict[str, Any]:
    return {
        "namespace": mount.pod.namespace,
        "pod": mount.pod.name,
        "podUid": mount.pod.uid,
        "serviceAccount": mount.pod.service_account,
        "class": mount.class_name,
        "target": mount.target_path,
        "id": mount.id,
        "identity": mount.identity,
        "failing": mount.is_failing,
        "objects": [
            {
                "name": one.name,
                "type": one.store,
                "id": one.id,
                "region": one.region,
                "version": one.version,
            }
            for one in mount.objects
        ],
        "objectCount": mount.object_count,
        "firstSeen": _moment(mount.first_seen),
        "lastAttempt": _moment(mount.last_attempt),
        "lastSuccess": _moment(mount.last_success),
        "lastKnownCurrent": _moment(mount.current_at),
        "fromMemory": mount.from_memory,
        "failures": mount.failures,
        "lastError": _error(mount),
    }


def _error(mount: LiveMount) -> dict[str, Any] | None:
    if mount.failed_at is None:
        return None
    return {"reason": mount.reason, "text": mount.error, "at": _moment(mount.failed_at)}


def _moment(moment: float | None) -> str | None:
    """A time of the monotonic clock by the wall clock, as it stands now."""
    if moment is None:
        return None
    told = datetime.fromtimestamp(time() - (monotonic() - moment), UTC)
    return told.isoformat(timespec="milliseconds").replace("+00:00", "Z")
