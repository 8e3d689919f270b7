"""Which volumes were delivered before, and as whom.

The driver's request does not tell a pod's first mount from a remount; this memory does. After a
restart of the daemon every mount is a first one, which costs a fetch and is never wrong.
"""

from collections import OrderedDict
from threading import Lock

from provider.credentials import Identity
from provider.spec.models import MountSpec

MAX_VOLUMES = 4096
"""Far above what a node runs; the least recently mounted go first."""


class Volumes:
    """Thread-safe LRU: volume to the identity that its files were last fetched as."""

    def __init__(self, max_volumes: int = MAX_VOLUMES) -> None:
        self._max = max_volumes
        self._identities: OrderedDict[tuple[str, str], Identity] = OrderedDict()
        self._lock = Lock()

    def last_identity(self, spec: MountSpec) -> Identity | None:
        """Whose values this volume got last; None if it got none, or as somebody else."""
        with self._lock:
            identity = self._identities.get(_volume(spec))
        return identity if identity is not None and _is_same_pod(identity, spec) else None

    def delivered(self, spec: MountSpec, identity: Identity) -> None:
        """Remember that the volume got its files as `identity`."""
        with self._lock:
            self._identities[_volume(spec)] = identity
            self._identities.move_to_end(_volume(spec))
            if len(self._identities) > self._max:
                self._identities.popitem(last=False)


def _volume(spec: MountSpec) -> tuple[str, str]:
    return spec.pod.uid, spec.target_path


def _is_same_pod(identity: Identity, spec: MountSpec) -> bool:
    """A request that speaks for another service account must never profit from a volume's past."""
    return (identity.kind, identity.namespace, identity.service_account) == (
        spec.klass.identity_kind,
        spec.pod.namespace,
        spec.pod.service_account,
    ) and identity.pod_uid in ("", spec.pod.uid)
