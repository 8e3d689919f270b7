"""Which volumes got their files before, and as which identity.

The driver's request does not say whether it is the first mount of a pod or a remount; this memory
does. After a restart of the daemon every mount is a first one, which costs a read and is never
wrong.
"""

from time import monotonic
from typing import NamedTuple

from provider.csi.request.model import MountSpec
from provider.engine.model import Identity
from provider.runtime.lru import Lru

MAX_VOLUMES = 4096
"""Far above what a node runs. The volumes that were mounted longest ago are forgotten first."""


class Delivered(NamedTuple):
    """As which identity a volume got its files last, and when by `time.monotonic`."""

    identity: Identity
    at: float


class DeliveredVolumes:
    """A bounded memory of volumes; one for the process."""

    def __init__(self, max_volumes: int = MAX_VOLUMES) -> None:
        self._known: Lru[tuple[str, str], tuple[object, Delivered]] = Lru(max_volumes)

    def last(self, spec: MountSpec) -> Delivered | None:
        """The last delivery of this volume.

        None if there was none, or if the request is of another service account, or of a class that
        now wants another identity.
        """
        terms, delivered = self._known.get(_volume(spec), (None, None))
        return delivered if terms == _terms(spec) else None

    def delivered(self, spec: MountSpec, identity: Identity) -> None:
        """Remember that the volume got its files as `identity`."""
        self._known.put(_volume(spec), (_terms(spec), Delivered(identity, monotonic())))


def _volume(spec: MountSpec) -> tuple[str, str]:
    return spec.pod.uid, spec.target_path


def _terms(spec: MountSpec) -> tuple[object, ...]:
    """What decides the identity. A request that differs in any of it is a first mount."""
    account = spec.pod.namespace, spec.pod.service_account
    klass = spec.klass
    return account, klass.identity_kind, klass.role_arn, klass.assume_role, klass.session_tags
