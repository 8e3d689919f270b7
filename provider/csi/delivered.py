"""Which volumes got their files before, and as which identity.

The driver's request does not say whether it is the first mount of a pod or a remount; this memory
does. After a restart of the daemon every mount is a first one, which costs a read and is never
wrong.
"""

from time import monotonic
from typing import NamedTuple

from provider.csi.request.model import Auth, MountSpec
from provider.engine.model import AssumeRole, Identity
from provider.runtime.lru import Lru

MAX_VOLUMES = 4096
"""Far above what a node runs. The volumes that were mounted longest ago are forgotten first."""


class _Terms(NamedTuple):
    """What decides the identity. A request that differs in any of it is a first mount."""

    namespace: str
    service_account: str
    auth: Auth
    role_arn: str | None
    assume_role: AssumeRole | None
    session_tags: bool


class DeliveredVolumes:
    """A bounded memory of volumes; one for the process."""

    def __init__(self, max_volumes: int = MAX_VOLUMES) -> None:
        self._known: Lru[tuple[str, str], tuple[_Terms, Identity, float]] = Lru(max_volumes)

    def last_identity(self, spec: MountSpec) -> Identity | None:
        """As which identity this volume got its files last.

        None if it got none, or if the request is of another service account, or of a class that
        now wants another identity.
        """
        known = self._known.get(_volume(spec))
        if known is None:
            return None
        terms, identity, _ = known
        return identity if terms == _terms(spec) else None

    def last_delivered(self, spec: MountSpec) -> float:
        """When this volume got its files last, by `time.monotonic`; 0 if it got none."""
        known = self._known.get(_volume(spec))
        return 0.0 if known is None else known[2]

    def delivered(self, spec: MountSpec, identity: Identity) -> None:
        """Remember that the volume got its files as `identity`."""
        self._known.put(_volume(spec), (_terms(spec), identity, monotonic()))


def _volume(spec: MountSpec) -> tuple[str, str]:
    return spec.pod.uid, spec.target_path


def _terms(spec: MountSpec) -> _Terms:
    klass, pod = spec.klass, spec.pod
    return _Terms(
        pod.namespace,
        pod.service_account,
        klass.identity_kind,
        klass.role_arn,
        klass.assume_role,
        klass.session_tags,
    )
