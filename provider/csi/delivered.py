"""Which volumes were delivered before, as whom, and on what terms of the class.

The driver's request does not tell a pod's first mount from a remount; this memory does. After a
restart of the daemon every mount is a first one, which costs a fetch and is never wrong.
"""

from threading import Lock

from provider.credentials import Identity
from provider.runtime.lru import Lru
from provider.csi.request.model import AssumeRole, Auth, MountSpec

MAX_VOLUMES = 4096
"""Far above what a node runs; the least recently mounted go first."""

_Terms = tuple[Auth, str | None, AssumeRole | None]


class Volumes:
    """Thread-safe LRU: volume to the identity that its files were last fetched as."""

    def __init__(self, max_volumes: int = MAX_VOLUMES) -> None:
        self._delivered: Lru[tuple[str, str], tuple[Identity, _Terms]] = Lru(max_volumes)
        self._lock = Lock()

    def last_identity(self, spec: MountSpec) -> Identity | None:
        """Whose values this volume got last; None if it got none, or as somebody else."""
        with self._lock:
            known = self._delivered.get(_volume(spec))
        if known is None or known[1] != _terms(spec) or not _is_same_pod(known[0], spec):
            return None
        return known[0]

    def delivered(self, spec: MountSpec, identity: Identity) -> None:
        """Remember that the volume got its files as `identity`."""
        with self._lock:
            self._delivered.put(_volume(spec), (identity, _terms(spec)))


def _volume(spec: MountSpec) -> tuple[str, str]:
    return spec.pod.uid, spec.target_path


def _terms(spec: MountSpec) -> _Terms:
    """What the class says of as whom to ask: once it says otherwise, the past does not count."""
    return spec.klass.identity_kind, spec.klass.role_arn, spec.klass.assume_role


def _is_same_pod(identity: Identity, spec: MountSpec) -> bool:
    """A request that speaks for another service account must never profit from a volume's past."""
    return (identity.namespace, identity.service_account) == (
        spec.pod.namespace,
        spec.pod.service_account,
    ) and identity.pod_uid in ("", spec.pod.uid)
